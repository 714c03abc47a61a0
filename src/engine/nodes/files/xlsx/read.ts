import type { BinaryRef, JsonObject } from '../../../item.ts'
import { NodeError } from '../../../node-error.ts'
import type { NodeFiles } from '../../node-files.ts'
import { columnNames, record } from '../records.ts'
import { openArchive } from './archive.ts'
import { dateText } from './dates.ts'
import { openWorkbook, unescapeText, type Workbook } from './workbook.ts'
import { readPieces, type XmlListener } from './xml.ts'

type Row = Array<readonly [column: number, value: unknown]>

const MAX_COLUMNS = 16_384

/** A record for each row under the header; without one, `{ row: [...] }`. Rows without a value are left out. */
export async function * xlsxRecords (files: NodeFiles, file: BinaryRef, { sheet, header }: { sheet: string | undefined, header: boolean }): AsyncGenerator<JsonObject> {
  const archive = await openArchive(files, file)
  const workbook = await openWorkbook(archive)
  const wanted = sheet === undefined ? workbook.sheets[0] : workbook.sheets.find(({ name }) => name === sheet)
  if (wanted === undefined) {
    throw new NodeError('WC_PARAMETER', `The workbook has no sheet ${sheet === undefined ? 'at all' : JSON.stringify(sheet)}; it has ${workbook.sheets.map(({ name }) => name).join(', ').slice(0, 300) || 'none'}`, { pointer: '/sheet' })
  }
  const rows: Row[] = []
  let names: string[] | undefined
  const listener = sheetListener(workbook, row => { rows.push(row) })
  for await (const told of readPieces(archive.read(wanted.part), wanted.part, listener, () => rows.splice(0))) {
    for (const row of told) {
      if (!header) yield { row: dense(row) }
      else if (names === undefined) names = columnNames(dense(row))
      else yield record(names, row)
    }
  }
}

function dense (row: Row): unknown[] {
  const values: unknown[] = new Array((row.at(-1)?.[0] ?? -1) + 1).fill(null)
  for (const [column, value] of row) values[column] = value
  return values
}

function sheetListener (workbook: Workbook, tell: (row: Row) => void): XmlListener {
  let row: Row = []
  let [column, type, style, text] = [-1, '', '', '']
  let taking = false
  return {
    open (name, attributes) {
      if (name === 'row') [row, column] = [[], -1]
      if (name === 'c') {
        [type, style, text] = [attributes['t'] ?? 'n', attributes['s'] ?? '', '']
        column = Math.max(column + 1, columnOf(attributes['r']) ?? 0)
        if (column >= MAX_COLUMNS) throw new NodeError('WC_FILE_FORMAT', `A row of the sheet has more than ${MAX_COLUMNS} columns`)
      }
      // `v` is the value; in a cell with text of its own, `t` is.
      taking = name === 'v' || (name === 't' && type === 'inlineStr')
    },
    text (piece) { if (taking) text += piece },
    close (name) {
      taking = false
      if (name === 'c' && text !== '') row.push([column, valueOf(workbook, type, style, text)])
      if (name === 'row' && row.length > 0) tell(row)
    }
  }
}

function valueOf ({ strings, dateFormats, from1904 }: Workbook, type: string, style: string, text: string): unknown {
  switch (type) {
    case 's': return strings[Number(text)] ?? null
    case 'b': return text === '1' || text === 'true'
    case 'n': {
      const value = Number(text)
      if (!Number.isFinite(value)) return text
      const format = dateFormats[Number(style === '' ? 0 : style)]
      return format === undefined ? value : dateText(value, format, from1904)
    }
    default: return unescapeText(text)
  }
}

/** `AB12` is in column 27, counted from 0. */
function columnOf (reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0]
  if (letters === undefined) return undefined
  let column = 0
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64
  return column - 1
}
