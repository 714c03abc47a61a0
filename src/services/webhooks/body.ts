import { oneLine } from '../../db/queries/lines.ts'
import { exceededJsonLimit } from '../../lib/json-limits.ts'
import { MalformedRequest, UnsupportedMediaType } from '../problems.ts'
import { charsetOfXml, decodeText, parseContentType, requireUnicode, type ContentType } from './content-type.ts'

/** Bytes of a body that become binary data of the trigger's item. */
export interface BodyFile {
  /** Under which the item has it. */
  readonly name: string
  readonly mimeType: string
  readonly fileName?: string
  readonly chunks: readonly Uint8Array[]
}

export interface BodyContent {
  /** What the trigger's item has as `body`: JSON text on one line. */
  readonly json: string
  readonly files: readonly BodyFile[]
}

const NO_FILES: readonly BodyFile[] = []
const NDJSON = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/jsonlines', 'application/x-jsonlines'])
/** Entries of the list that lines make: more of them are for `?batch=true`. */
const MAX_LINES = 100_000
/** Blank ones among them: they take no place, but time. */
const MAX_LINES_WITH_BLANK = 2 * MAX_LINES
/** Of a form */
const MAX_FIELDS = 100_000
const NEWLINE = 0x0a
const AMPERSAND = 0x26

/**
 * What the item has of any body but a multipart one. A JSON body is parsed to be checked, and kept as it was written:
 * it is not serialised again, so numbers of any size keep their digits in the store.
 */
export function readBody (body: Uint8Array, contentType: ContentType): BodyContent {
  if (body.length === 0) return plain('null')
  const { type } = contentType
  if (type === 'application/json' || type.endsWith('+json')) {
    requireUnicode(contentType)
    return plain(jsonBody(decodeText(body)))
  }
  if (type === 'application/x-www-form-urlencoded') {
    requireUnicode(contentType)
    return plain(JSON.stringify(parseFields(new URLSearchParams(formText(body)))))
  }
  if (NDJSON.has(type)) {
    requireUnicode(contentType)
    return plain(linesBody(body))
  }
  if (type === 'application/xml' || type === 'text/xml' || type.endsWith('+xml')) return plain(JSON.stringify(decodeText(body, charsetOfXml(body, contentType))))
  if (type.startsWith('text/')) return plain(JSON.stringify(decodeText(body, contentType.charset)))
  if (type === '' && isUtf8(body)) return plain(JSON.stringify(decodeText(body)))
  return { json: 'null', files: [{ name: 'body', mimeType: type, chunks: [body] }] }
}

/** The same as JSON text, where there is no place for binary data. */
export function bodyAsJson (body: Uint8Array, header: string | undefined): string {
  const contentType = parseContentType(header)
  const { json, files } = readBody(body, contentType)
  if (files.length > 0) throw UnsupportedMediaType(`Bodies of type ${contentType.type} are not understood here. Send application/json, application/x-www-form-urlencoded, XML or text.`)
  return json
}

function plain (json: string): BodyContent {
  return { json, files: NO_FILES }
}

function isUtf8 (body: Uint8Array): boolean {
  try {
    decodeText(body)
    return true
  } catch {
    return false
  }
}

/** The text on one line, if it is JSON of bearable depth and size. */
export function jsonBody (text: string, what = 'body'): string {
  const exceeded = exceededJsonLimit(text)
  if (exceeded !== undefined) throw MalformedRequest(`The JSON ${what} is ${exceeded}.`)
  try {
    JSON.parse(text)
  } catch (error) {
    throw MalformedRequest(`The ${what} is not valid JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`)
  }
  return oneLine(text)
}

/** A list with an entry for each line that is not blank. */
function linesBody (body: Uint8Array): string {
  const entries: string[] = []
  let number = 0
  for (let at = 0; at < body.length;) {
    if (number === MAX_LINES_WITH_BLANK) throw MalformedRequest(`The body has more than ${MAX_LINES_WITH_BLANK} lines, blank ones among them.`)
    const found = body.indexOf(NEWLINE, at)
    const end = found === -1 ? body.length : found
    const text = decodeText(body.subarray(at, end)).trim()
    at = end + 1
    number++
    if (text === '') continue
    if (entries.length === MAX_LINES) throw MalformedRequest(`The body has more than ${MAX_LINES} lines. Send fewer, or start an execution a line with ?batch=true.`)
    entries.push(jsonBody(text, `line ${number}`))
  }
  return `[${entries.join()}]`
}

/** Fields are told apart before they are read: millions of them, which compress to nothing, would hold up all others. */
function formText (body: Uint8Array): string {
  let fields = 1
  for (let at = body.indexOf(AMPERSAND); at !== -1; at = body.indexOf(AMPERSAND, at + 1)) {
    if (++fields > MAX_FIELDS) throw MalformedRequest(`The form has more than ${MAX_FIELDS} fields.`)
  }
  return decodeText(body)
}

/** Repeated names become lists. */
export function parseFields (fields: URLSearchParams): Record<string, string | string[]> {
  const result = new Map<string, string | string[]>()
  for (const [name, value] of fields) {
    const present = result.get(name)
    if (present === undefined) result.set(name, value)
    else if (Array.isArray(present)) present.push(value)
    else result.set(name, [present, value])
  }
  return Object.fromEntries(result)
}
