import { NodeError } from '../../engine/node-error.ts'

const LONGEST = 1024

/**
 * A path below the folder, in its plain form. What leads out is refused before the file system is asked, and so is what
 * would lead out if somebody decoded it once more. Throws NodeError: WC_FILE_OUTSIDE_ROOT, WC_PARAMETER.
 */
export function folderPath (given: string): string {
  if (given === '' || given.length > LONGEST || given.includes('\0')) throw new NodeError('WC_PARAMETER', `A path has from 1 to ${LONGEST} characters, none of them NUL`, { pointer: '/path' })
  for (const form of [given, decoded(given)]) {
    if (/^[/\\]|^[A-Za-z]:|\\/.test(form) || form.split('/').includes('..')) {
      throw new NodeError('WC_FILE_OUTSIDE_ROOT', `${JSON.stringify(given.slice(0, 200))} is no path below the folder: it begins with / or a drive, or has a part that is .., or a backslash`, { pointer: '/path' })
    }
  }
  const parts = given.split('/').filter(part => part !== '' && part !== '.')
  if (parts.length === 0) throw new NodeError('WC_PARAMETER', 'The path names no file', { pointer: '/path' })
  return parts.join('/')
}

function decoded (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
