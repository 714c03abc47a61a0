import { Readable } from 'node:stream'
import { NodeError } from '../../../node-error.ts'
import { zipWriter } from '../libraries.ts'
import type { Bytes } from '../text.ts'

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006'
/** What programs that read workbooks take. */
export const MAX_ROWS = 1_048_576
export const MAX_COLUMNS = 16_384
const LONGEST_TEXT = 32_767
/** Rows that are compressed at once. */
const BATCH = 500

/** A workbook of one sheet. `rows` are told as they are written, none is kept. @param modified milliseconds since the epoch */
export async function * writeWorkbook (sheet: string, rows: Iterable<readonly unknown[]>, modified: number): Bytes {
  const { ZipFile } = await zipWriter()
  const zip = new ZipFile()
  const options = { mtime: new Date(modified), compress: true }
  const add = (name: string, xml: string): void => { zip.addBuffer(Buffer.from(DECLARATION + xml), name, options) }
  add('[Content_Types].xml', `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>' +
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>')
  add('_rels/.rels', `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`)
  add('xl/workbook.xml', `<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="${escapeXml(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>`)
  add('xl/_rels/workbook.xml.rels', `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`)
  const output = zip.outputStream as Readable
  const content = Readable.from(sheetXml(rows), { objectMode: false })
  // Neither passes on what goes wrong in what it reads.
  for (const source of [zip, content]) source.on('error', (error: Error) => { output.destroy(error) })
  zip.addReadStream(content, 'xl/worksheets/sheet1.xml', options)
  zip.end()
  yield * output as AsyncIterable<Uint8Array>
}

function * sheetXml (rows: Iterable<readonly unknown[]>): Generator<Buffer> {
  let xml = `${DECLARATION}<worksheet xmlns="${MAIN}"><sheetData>`
  let number = 0
  for (const row of rows) {
    if (++number > MAX_ROWS) throw new NodeError('WC_FILE_LIMIT', `A sheet has ${MAX_ROWS} rows at most`)
    xml += `<row r="${number}">${row.map((value, column) => cell(value, `${columnName(column)}${number}`)).join('')}</row>`
    if (number % BATCH !== 0) continue
    yield Buffer.from(xml)
    xml = ''
  }
  yield Buffer.from(`${xml}</sheetData></worksheet>`)
}

function cell (value: unknown, at: string): string {
  switch (typeof value) {
    case 'undefined': return ''
    case 'number': return Number.isFinite(value) ? `<c r="${at}"><v>${value}</v></c>` : ''
    case 'boolean': return `<c r="${at}" t="b"><v>${value ? 1 : 0}</v></c>`
    default: {
      if (value === null) return ''
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      if (text.length > LONGEST_TEXT) throw new NodeError('WC_FILE_LIMIT', `The text for the cell ${at} has more than ${LONGEST_TEXT} characters, which a cell cannot hold`)
      return `<c r="${at}" t="inlineStr"><is><t xml:space="preserve">${escapeXml(text)}</t></is></c>`
    }
  }
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Control characters that XML can hold, and that come out of it as they were. */
const ALLOWED = /[\t\n\u007F-\u009F]/

/** ECMA-376, ST_Xstring: what XML cannot hold, and what looks like its escape, is written as `_xHHHH_`. */
function escapeXml (text: string): string {
  return text
    .replaceAll(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replaceAll(/[&<>"]/g, character => ENTITIES[character]!)
    .replaceAll(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, character => ALLOWED.test(character) ? character : `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
}

/** 0 is A, 26 is AA. */
function columnName (column: number): string {
  let name = ''
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) name = String.fromCharCode(65 + (rest - 1) % 26) + name
  return name
}
