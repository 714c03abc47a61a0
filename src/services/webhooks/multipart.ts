import { InvalidInput, MalformedRequest } from '../problems.ts'
import { jsonBody, type BodyContent, type BodyFile } from './body.ts'
import { decodeText, requireUnicode, type ContentType } from './content-type.ts'
import { partsOf, type Part } from './multipart-parts.ts'

export const DEFAULT_MAX_FILES = 20
/** RFC 2046 section 5.1.1 */
const LONGEST_BOUNDARY = 70
const LONGEST_NAME = 255
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

/** Repeated names become lists. */
function fieldsAsJson (fields: readonly Part[]): string {
  const byName = new Map<string, string[]>()
  for (const { name, mimeType, charset, chunks } of fields) {
    if (mimeType === 'application/json') requireUnicode({ type: mimeType, charset })
    const text = decodeText(Buffer.concat(chunks), charset)
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
