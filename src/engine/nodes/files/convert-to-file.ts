import { Type, type Static } from '@sinclair/typebox'
import type { BinaryRef, JsonObject } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { anyValue, oneOf, STATIC } from '../../schemas.ts'
import { withItemIndex } from '../http-errors.ts'
import { defineNode, type NodeContext } from '../node-type.ts'
import type { Bytes } from './text.ts'
import { turns } from './turns.ts'
import { fieldsOf, rowsOf, writeCsv, writeJson, writeLines } from './write-formats.ts'
import { MAX_COLUMNS, writeWorkbook } from './xlsx/write.ts'

const FORMATS = {
  json: { extension: 'json', mimeType: 'application/json' },
  jsonLines: { extension: 'jsonl', mimeType: 'application/x-ndjson' },
  csv: { extension: 'csv', mimeType: 'text/csv; charset=utf-8' },
  xlsx: { extension: 'xlsx', mimeType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' },
  text: { extension: 'txt', mimeType: 'text/plain; charset=utf-8' }
} as const
type Format = keyof typeof FORMATS

const ConvertParameters = Type.Object({
  format: oneOf(Object.keys(FORMATS) as Format[], { title: 'Format', description: 'jsonLines: a line of JSON for each item; text: what content says.', ...STATIC }),
  mode: Type.Optional(oneOf(['all', 'each'], { title: 'Mode', description: 'all: one file of all items; each: a file for each item.', default: 'all', ...STATIC })),
  fileName: Type.Optional(Type.String({ title: 'File name', description: 'By default file with the ending of the format.', minLength: 1, maxLength: 255, examples: ['orders-{{ $today.toISODate() }}.csv'] })),
  binaryName: Type.Optional(Type.String({ title: 'Binary data', description: 'The name under which the item gets the file.', minLength: 1, maxLength: 255, default: 'file' })),
  fields: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { title: 'Fields', description: 'csv, xlsx: which fields, in this order; by default all.', minItems: 1, maxItems: MAX_COLUMNS, ...STATIC })),
  header: Type.Optional(Type.Boolean({ title: 'Header', description: 'csv, xlsx: whether the first row has the names of the fields.', default: true, ...STATIC })),
  content: Type.Optional(anyValue({ title: 'Content', description: 'text: a line for each item; text as it is, anything else as JSON.', examples: ['{{ $json.name }}'] })),
  delimiter: Type.Optional(Type.String({ title: 'Delimiter', description: 'csv: what stands between fields.', minLength: 1, maxLength: 5, default: ',', ...STATIC })),
  bom: Type.Optional(Type.Boolean({ title: 'Byte order mark', description: 'csv: begin with one, by which some spreadsheet programs know UTF-8.', default: false, ...STATIC })),
  escapeFormulas: Type.Optional(Type.Boolean({ title: 'Escape formulas', description: 'csv: put a \' before values that spreadsheet programs would run (= + - @), where others wrote the values.', default: false, ...STATIC })),
  sheet: Type.Optional(Type.String({ title: 'Sheet', description: 'xlsx: its name.', minLength: 1, maxLength: 31, pattern: '^[^\\[\\]:*?/\\\\]+$', default: 'Sheet1', ...STATIC })),
  indent: Type.Optional(Type.Boolean({ title: 'Indent', description: 'json: over several lines.', default: false, ...STATIC }))
}, { additionalProperties: false })
type ConvertParameters = Static<typeof ConvertParameters>

export const convertToFile = defineNode({
  type: 'convertToFile',
  title: 'Convert to file',
  description: 'Writes items into a file, such as CSV or a workbook, and emits { fileName, mimeType, size } with it as binary data.',
  icon: 'file-output',
  category: 'data',
  effects: 'none',
  parameters: ConvertParameters,
  check: ({ format, content }) => format === 'text' && content === undefined ? [{ pointer: '/content', message: 'is required by the format', code: 'WC_REQUIRED' }] : [],
  async run (context) {
    const { items } = context
    if (items.length === 0) return { outputs: { main: [] } }
    const places = items.map((_item, index) => index)
    if (at(context, 0).mode !== 'each') return { outputs: { main: [await fileOf(context, places)] } }
    const main = []
    for (const place of places) main.push(await fileOf(context, [place]))
    return { outputs: { main } }
  }
})

/** The file of these items. */
async function fileOf (context: NodeContext<ConvertParameters>, places: readonly number[]) {
  const parameters = at(context, places[0]!)
  const { format, binaryName = 'file' } = parameters
  const { extension, mimeType } = FORMATS[format]
  try {
    const file = await context.files.write(paced(content(context, parameters, places), context.signal), { mimeType, fileName: String(parameters.fileName ?? `file.${extension}`) })
    return { from: places.length === 1 ? places[0]! : places, json: facts(file), binary: { [binaryName]: file } }
  } catch (error) {
    throw places.length === 1 ? withItemIndex(error, places[0]!) : error
  }
}

function facts ({ fileName, mimeType, size }: BinaryRef): JsonObject {
  return { fileName: fileName ?? null, mimeType, size }
}

function content (context: NodeContext<ConvertParameters>, parameters: ConvertParameters, places: readonly number[]): Bytes {
  const { format, delimiter = ',', bom = false, escapeFormulas = false, header = true, sheet = 'Sheet1', indent = false } = parameters
  const values = places.map(place => context.items[place]!.json)
  const table = (): Iterable<readonly unknown[]> => {
    const fields = parameters.fields ?? fieldsOf(values)
    if (fields.length > MAX_COLUMNS) throw new NodeError('WC_FILE_LIMIT', `The items have more than ${MAX_COLUMNS} fields; name those that are wanted`, { pointer: '/fields' })
    return rowsOf(values, fields, header)
  }
  switch (format) {
    case 'json': return parameters.mode === 'each' ? writeLines([JSON.stringify(values[0], null, indent ? 2 : undefined)]) : writeJson(values, indent)
    case 'jsonLines': return writeLines((function * () { for (const value of values) yield JSON.stringify(value) })())
    case 'csv': return writeCsv(table(), { delimiter, bom, escapeFormulas })
    case 'xlsx': return writeWorkbook(sheet, table(), context.now())
    case 'text': return writeLines((function * () {
      for (const place of places) {
        const { content: one } = at(context, place)
        yield typeof one === 'string' ? one : JSON.stringify(one ?? null)
      }
    })())
  }
}

function at (context: NodeContext<ConvertParameters>, index: number): ConvertParameters {
  try {
    return context.parameters(index)
  } catch (error) {
    throw withItemIndex(error, index)
  }
}

async function * paced (source: Bytes, signal: AbortSignal): Bytes {
  const turn = turns(signal)
  for await (const chunk of source) {
    yield chunk
    await turn()
  }
}
