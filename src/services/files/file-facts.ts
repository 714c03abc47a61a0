const MEDIA_TYPE = /^[\w.+-]{1,100}\/[\w.+-]{1,100}(?:\s*;\s*charset=[\w-]{1,40})?$/i
const UNKNOWN_TYPE = 'application/octet-stream'
const NAME_LENGTH = 255

/** What is told of a file, as far as it may be told to others. */
export function cleanMediaType (given: string): string {
  return MEDIA_TYPE.test(given) ? given : UNKNOWN_TYPE
}

/** The last part of a path, without what no file system and no header takes. */
export function cleanFileName (given: string | undefined): string | null {
  if (given === undefined) return null
  const name = (given.split(/[/\\]/).at(-1) ?? '').replaceAll(/[\p{Cc}\p{Cs}]/gu, '').slice(0, NAME_LENGTH).trim()
  return name === '' || name === '.' || name === '..' ? null : name
}
