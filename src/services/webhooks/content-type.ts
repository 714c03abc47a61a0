import { MalformedRequest, UnsupportedMediaType } from '../problems.ts'

export interface ContentType {
  /** Lower case, without parameters; empty where none was named. */
  readonly type: string
  readonly charset: string | undefined
  readonly boundary: string | undefined
}

const JSON_TYPE: ContentType = { type: 'application/json', charset: undefined, boundary: undefined }
const NO_TYPE: ContentType = { type: '', charset: undefined, boundary: undefined }
const MEDIA_TYPE = /^[\w.+!#$&^-]+\/[\w.+!#$&^-]+$/
const PARAMETER = /;[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))[ \t]*/g

/** Anything that is not of the grammar (RFC 9110 section 8.3.1) is refused, not guessed. */
export function parseContentType (header: string | undefined): ContentType {
  if (header === 'application/json') return JSON_TYPE
  if (header === undefined) return NO_TYPE
  const end = header.indexOf(';')
  const type = (end === -1 ? header : header.slice(0, end)).trim().toLowerCase()
  if (!MEDIA_TYPE.test(type)) throw UnsupportedMediaType('The Content-Type header is not valid.')
  let [charset, boundary]: Array<string | undefined> = []
  for (const [name, value] of end === -1 ? [] : parametersOf(header.slice(end))) {
    // Two parsers that disagree on which one counts would read two different bodies.
    if (name === 'charset') charset = once(charset, value)
    if (name === 'boundary') boundary = once(boundary, value)
  }
  return { type, charset: charset?.toLowerCase(), boundary }
}

/** The parameters of a header (RFC 9110 section 5.6.6), names in lower case. Only what must be escaped is: browsers leave the backslashes of paths as they are. */
export function parametersOf (text: string): Array<[name: string, value: string]> {
  return [...text.matchAll(PARAMETER)].map(([, name = '', quoted, token = '']) => [name.toLowerCase(), quoted?.replaceAll(/\\(["\\])/g, '$1') ?? token])
}

function once (earlier: string | undefined, value: string | undefined): string | undefined {
  if (earlier !== undefined && earlier !== value) throw UnsupportedMediaType('The Content-Type header names a parameter twice.')
  return value
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text that the bytes are in that charset. */
export function decodeText (bytes: Uint8Array, charset = 'utf-8'): string {
  const decoder = charset === 'utf-8' ? utf8 : decoderOf(charset)
  try {
    return decoder.decode(bytes)
  } catch {
    throw MalformedRequest(`The body is not valid ${charset === 'utf-8' ? 'UTF-8' : charset}.`)
  }
}

function decoderOf (charset: string): typeof utf8 {
  try {
    return new TextDecoder(charset, { fatal: true })
  } catch {
    throw UnsupportedMediaType(`The charset ${charset.slice(0, 40)} is not understood. Send UTF-8.`)
  }
}

const UNICODE = new Set(['utf-8', 'utf8', 'us-ascii'])

/** For forms of bodies that are UTF-8 by their definition. */
export function requireUnicode ({ type, charset }: Pick<ContentType, 'type' | 'charset'>): void {
  if (charset !== undefined && !UNICODE.has(charset)) throw UnsupportedMediaType(`Bodies of type ${type} are read as UTF-8, not as ${charset.slice(0, 40)}.`)
}

const DECLARED = /^<\?xml\s[^>]*?\sencoding\s*=\s*["']([\w.:-]{1,40})["']/

/** RFC 7303: what the header says counts, then what the document says of itself. */
export function charsetOfXml (bytes: Uint8Array, { charset }: ContentType): string {
  if (charset !== undefined) return charset
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return DECLARED.exec(Buffer.from(bytes.subarray(0, 200)).toString('latin1'))?.[1]?.toLowerCase() ?? 'utf-8'
}
