import { Busboy } from '@fastify/busboy'
import { InvalidInput, MalformedRequest, UnsupportedMediaType } from '../problems.ts'
import { jsonBody, type BodyContent, type BodyFile } from './body.ts'
import { decodeText, type ContentType } from './content-type.ts'

export const DEFAULT_MAX_FILES = 20
const MAX_FIELDS = 1000
/** RFC 2046 section 5.1.1 */
const LONGEST_BOUNDARY = 70
const LONGEST_NAME = 255
const LIMITS = { headerPairs: 20, headerSize: 32_768 }
/** Encodings that leave the bytes as they are. The others are obsolete here (RFC 7578 section 4.7). */
const UNENCODED = new Set(['7bit', '8bit', 'binary'])

interface Part {
  readonly name: string
  readonly fileName: string | undefined
  readonly mimeType: string
  readonly chunks: Uint8Array[]
}

/** Of `multipart/form-data` (RFC 7578): fields are the body, files the binary data. */
export async function readMultipart (body: Uint8Array, contentType: ContentType, maxFiles = DEFAULT_MAX_FILES): Promise<BodyContent> {
  const { boundary = '' } = contentType
  if (boundary === '' || boundary.length > LONGEST_BOUNDARY || /[^\x20-\x7e]/.test(boundary)) {
    throw MalformedRequest(`A multipart body needs a boundary of at most ${LONGEST_BOUNDARY} printable characters in its Content-Type.`)
  }
  const parts = await partsOf(body, boundary)
  const fields = parts.filter(part => !isFile(part))
  // A form's empty input for files: a part that names none, and has none.
  const files = parts.filter(part => isFile(part) && !(part.fileName === '' && part.chunks.length === 0))
  if (files.length > maxFiles) throw InvalidInput([{ pointer: '/body', message: `${files.length} files, of which ${maxFiles} are allowed here`, code: 'WC_TOO_MANY_FILES' }])
  return { json: fieldsAsJson(fields), files: named(files) }
}

function isFile ({ fileName, mimeType }: Part): boolean {
  return fileName !== undefined || mimeType === 'application/octet-stream'
}

/** The bytes of parts are views of the body's. */
async function partsOf (body: Uint8Array, boundary: string): Promise<Part[]> {
  return await new Promise((resolve, reject) => {
    const parts: Part[] = []
    const parser = new Busboy({
      headers: { 'content-type': `multipart/form-data; boundary="${boundary.replaceAll(/["\\]/g, '\\$&')}"` },
      // Fields come as bytes too: theirs must be valid UTF-8, which the parser would repair.
      isPartAFile: () => true,
      limits: { ...LIMITS, parts: MAX_FIELDS, files: MAX_FIELDS }
    })
    const fail = (error: Error): void => {
      reject(error)
      parser.destroy()
    }
    parser.on('file', (name: string | undefined, stream, fileName: string | undefined, encoding, mimeType) => {
      const part: Part = { name: name ?? '', fileName, mimeType, chunks: [] }
      stream.on('data', (chunk: Uint8Array) => { part.chunks.push(chunk) })
      stream.on('error', () => undefined)
      if (name === undefined || name === '') fail(MalformedRequest('A part of the multipart body has no name.'))
      else if (!UNENCODED.has(encoding)) fail(UnsupportedMediaType(`Parts with the transfer encoding ${encoding.slice(0, 40)} are not understood. Send their bytes as they are.`))
      else parts.push(part)
    })
    parser.on('partsLimit', () => { fail(MalformedRequest(`The multipart body has more than ${MAX_FIELDS} parts.`)) })
    parser.on('error', error => { fail(MalformedRequest(`The multipart body is not valid: ${error instanceof Error ? error.message.slice(0, 200) : ''}.`)) })
    parser.on('finish', () => { resolve(parts) })
    parser.end(body)
  })
}

/** Repeated names become lists. */
function fieldsAsJson (fields: readonly Part[]): string {
  const byName = new Map<string, string[]>()
  for (const { name, mimeType, chunks } of fields) {
    const text = decodeText(Buffer.concat(chunks))
    const values = byName.get(name) ?? []
    values.push(mimeType === 'application/json' ? jsonBody(text, `part ${JSON.stringify(name.slice(0, 100))}`) : JSON.stringify(text))
    byName.set(name, values)
  }
  return `{${[...byName].map(([name, values]) => `${JSON.stringify(name)}:${values.length === 1 ? values[0]! : `[${values.join()}]`}`).join()}}`
}

/** Files under the names of their fields; of several under one name the second is `name_2`. */
function named (files: readonly Part[]): BodyFile[] {
  const taken = new Set<string>()
  return files.map(({ name: field, fileName = '', mimeType, chunks }) => {
    for (const [what, text] of [['name', field], ['file name', fileName]] as const) {
      if (text.length > LONGEST_NAME) throw InvalidInput([{ pointer: '/body', message: `has a file whose ${what} is longer than ${LONGEST_NAME} characters`, code: 'WC_OUT_OF_RANGE' }])
    }
    let name = field
    for (let count = 2; taken.has(name); count++) name = `${field}_${count}`
    taken.add(name)
    return { name, mimeType, ...(fileName === '' ? {} : { fileName }), chunks }
  })
}
