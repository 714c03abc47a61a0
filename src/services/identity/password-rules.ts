import type { InputError } from '../../lib/problem.ts'
import { COMMON_PASSWORDS } from './common-passwords.ts'

export const MIN_PASSWORD_LENGTH = 12
export const MAX_PASSWORD_LENGTH = 256
const MIN_DISTINCT_CHARACTERS = 4
const MIN_NAME_PART = 4

/** What is wrong with a new password (NIST SP 800-63B: length and a block list, no rules of composition). Length in code points. */
export function passwordFaults (password: string, own: readonly string[], pointer: string): InputError[] {
  const length = [...password].length
  if (length < MIN_PASSWORD_LENGTH) return [{ pointer, message: `must have at least ${MIN_PASSWORD_LENGTH} characters`, code: 'WC_PASSWORD_TOO_SHORT' }]
  if (length > MAX_PASSWORD_LENGTH) return [{ pointer, message: `must have at most ${MAX_PASSWORD_LENGTH} characters`, code: 'WC_PASSWORD_TOO_LONG' }]
  const plain = password.toLowerCase().replaceAll(/\s+/g, '')
  if (COMMON_PASSWORDS.has(plain) || new Set(plain).size < MIN_DISTINCT_CHARACTERS) {
    return [{ pointer, message: 'is one of the passwords that are tried first', code: 'WC_PASSWORD_COMMON' }]
  }
  if (isOwn(plain, own)) return [{ pointer, message: 'must not be your email address or name', code: 'WC_PASSWORD_OWN_NAME' }]
  return []
}

/** What remains of a password without the person's own names must still be something. */
function isOwn (plain: string, own: readonly string[]): boolean {
  const parts = own.flatMap(text => [text, ...text.split(/[^\p{L}\p{N}]+/u)])
    .map(part => part.toLowerCase().replaceAll(/\s+/g, ''))
    .filter(part => part.length >= MIN_NAME_PART)
    .sort((a, b) => b.length - a.length)
  const rest = parts.reduce((left, part) => left.replaceAll(part, ''), plain)
  return rest.length < plain.length && rest.length < MIN_NAME_PART
}
