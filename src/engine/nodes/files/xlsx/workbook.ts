import { NodeError } from '../../../node-error.ts'
import type { Archive } from './archive.ts'
import { isDateFormat } from './dates.ts'
import { readXml, type XmlListener } from './xml.ts'

export interface Workbook {
  readonly sheets: readonly { readonly name: string, readonly part: string }[]
  /** Whether days are counted from 1904. */
  readonly from1904: boolean
  readonly strings: readonly string[]
  /** By style: whether its numbers are dates, and their format. */
  readonly dateFormats: readonly (string | undefined)[]
}

/** Characters of the strings that cells share: they are in memory while the sheet is read. */
const MAX_SHARED = 67_108_864

/** What a sheet needs to be understood. Throws NodeError. */
export async function openWorkbook (archive: Archive): Promise<Workbook> {
  const root = (await relations(archive, '_rels/.rels', '')).find(({ type }) => type.endsWith('/officeDocument'))?.target ?? 'xl/workbook.xml'
  const folder = root.includes('/') ? root.slice(0, root.lastIndexOf('/') + 1) : ''
  const related = await relations(archive, `${folder}_rels/${root.slice(folder.length)}.rels`, folder)
  const targets = new Map(related.map(({ id, target }) => [id, target]))
  const sheets: Array<{ name: string, part: string }> = []
  let from1904 = false
  await whole(archive, root, {
    open (name, attributes) {
      if (name === 'workbookPr') from1904 = ['1', 'true'].includes(attributes['date1904'] ?? '')
      const id = Object.entries(attributes).find(([key]) => key.endsWith(':id'))?.[1]
      const part = targets.get(id ?? '')
      if (name === 'sheet' && part !== undefined) sheets.push({ name: attributes['name'] ?? '', part })
    }
  })
  const partOf = (type: string): string | undefined => related.find(one => one.type.endsWith(`/${type}`))?.target
  return { sheets, from1904, strings: await sharedStrings(archive, partOf('sharedStrings')), dateFormats: await styles(archive, partOf('styles')) }
}

interface Relation { readonly id: string, readonly type: string, readonly target: string }

async function relations (archive: Archive, part: string, folder: string): Promise<Relation[]> {
  const found: Relation[] = []
  if (!archive.has(part)) return found
  await whole(archive, part, {
    open (name, { Id: id = '', Type: type = '', Target: target = '', TargetMode: mode }) {
      // Parts are names in the archive, and never more than that.
      if (name === 'Relationship' && mode !== 'External') found.push({ id, type, target: target.startsWith('/') ? target.slice(1) : folder + target })
    }
  })
  return found
}

async function sharedStrings (archive: Archive, part: string | undefined): Promise<string[]> {
  const strings: string[] = []
  if (part === undefined || !archive.has(part)) return strings
  let size = 0
  await whole(archive, part, textListener('si', text => {
    size += text.length + 16
    if (size > MAX_SHARED) throw new NodeError('WC_FILE_LIMIT', `The texts of the workbook have more than ${MAX_SHARED} characters`)
    strings.push(text)
  }))
  return strings
}

/** Tells the text of each such element: of all its runs, without the notes on how it is read aloud. */
function textListener (element: string, tell: (text: string) => void): XmlListener {
  let text = ''
  let taking = false
  let phonetic = false
  return {
    open (name) {
      if (name === element) text = ''
      if (name === 'rPh') phonetic = true
      taking = name === 't' && !phonetic
    },
    text (piece) { if (taking) text += piece },
    close (name) {
      taking = false
      if (name === 'rPh') phonetic = false
      if (name === element) tell(unescapeText(text))
    }
  }
}

/** ECMA-376, ST_Xstring: characters that XML cannot hold. */
export function unescapeText (text: string): string {
  return text.includes('_x') ? text.replaceAll(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))) : text
}

async function styles (archive: Archive, part: string | undefined): Promise<Array<string | undefined>> {
  const formats = new Map<string, string>()
  const cells: string[] = []
  if (part === undefined || !archive.has(part)) return []
  let inCells = false
  await whole(archive, part, {
    open (name, attributes) {
      if (name === 'numFmt') formats.set(attributes['numFmtId'] ?? '', attributes['formatCode'] ?? '')
      if (name === 'cellXfs') inCells = true
      if (name === 'xf' && inCells) cells.push(attributes['numFmtId'] ?? '0')
    },
    close (name) { if (name === 'cellXfs') inCells = false }
  })
  return cells.map(id => isDateFormat(id, formats.get(id)))
}

async function whole (archive: Archive, part: string, listener: XmlListener): Promise<void> {
  await readXml(archive.read(part), part, listener)
}
