import { exceededJsonLimit } from './json-limits.ts'

export type JsonFault = 'encoding' | 'syntax' | 'limit' | 'prototype' | 'unstorable'

export class JsonError extends Error {
  readonly fault: JsonFault
  /** Where it is (RFC 6901), for faults inside a readable document. */
  readonly pointer: string

  constructor (fault: JsonFault, message: string, pointer = '') {
    super(message)
    this.name = 'JsonError'
    this.fault = fault
    this.pointer = pointer
  }
}

// U+0000 and lone halves of surrogate pairs: PostgreSQL stores neither in text nor in jsonb.
const UNSTORABLE = /[\0\p{Cs}]/u
const ESCAPED_UNSTORABLE = /\\u(?:0000|d[89a-f])/i

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses JSON that will be stored in text and jsonb columns: valid UTF-8 only, within the limits of depth and size, no key `__proto__`
 * (it would change a prototype at the first careless copy) and no text that PostgreSQL cannot store. Of duplicate keys the last wins.
 * Throws JsonError.
 */
export function parseStrictJson (bytes: Uint8Array): unknown {
  return parseStrictText(decode(bytes))
}

/** The same for text. */
export function parseStrictText (text: string): unknown {
  const excess = exceededJsonLimit(text)
  if (excess !== undefined) throw new JsonError('limit', `The body holds ${excess}.`)
  const value = parse(text)
  checkStorable(value, text)
  return value
}

/** Throws JsonError where `value`, parsed from `text` and not too deep, holds what must not be stored. */
export function checkStorable (value: unknown, text: string): void {
  // An escape is the only way to write them, so documents without any skip the check of every string.
  inspect(value, '', ESCAPED_UNSTORABLE.test(text))
}

function decode (bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new JsonError('encoding', 'The body is not valid UTF-8.')
  }
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : ''
    throw new JsonError('syntax', `The body is not valid JSON: ${reason.replaceAll(/\s+/g, ' ').slice(0, 160)}`)
  }
}

/** Recursion is safe: the depth is limited before. */
function inspect (value: unknown, pointer: string, strings: boolean): void {
  if (typeof value === 'string') {
    if (strings && UNSTORABLE.test(value)) throw new JsonError('unstorable', 'holds a NUL character or half of a surrogate pair', pointer)
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const element: unknown = value[index]
      if (typeof element === 'object' || strings) inspect(element, `${pointer}/${index}`, strings)
    }
    return
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw new JsonError('prototype', 'The key __proto__ is not allowed.', pointer)
    if (strings && UNSTORABLE.test(key)) throw new JsonError('unstorable', 'has a key with a NUL character or half of a surrogate pair', pointer)
    const member = (value as Record<string, unknown>)[key]
    if (typeof member === 'object' || strings) inspect(member, `${pointer}/${escapePointer(key)}`, strings)
  }
}

/** A key as a token of a JSON pointer (RFC 6901). */
export function escapePointer (key: string): string {
  return key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key
}
