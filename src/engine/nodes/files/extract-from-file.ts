import { Type, type Static } from '@sinclair/typebox'
import type { BinaryRef, JsonObject, OutputItem } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { oneOf, STATIC } from '../../schemas.ts'
import { isPlainObject } from '../../validation/json-schema.ts'
import { withItemIndex } from '../http-errors.ts'
import { defineNode, type NodeContext } from '../node-type.ts'
import { parsePath, pathProblem, readPath } from '../paths.ts'
import { binaryOf } from './binary-of.ts'
import { csvRecords } from './csv-read.ts'
import { jsonValues, parseJson } from './json-read.ts'
import { linesOf, textOf, wholeText, type Bytes } from './text.ts'
import { turns } from './turns.ts'
import { xlsxRecords } from './xlsx/read.ts'

const FORMATS = ['json', 'jsonLines', 'csv', 'xlsx', 'text', 'lines'] as const
type Format = typeof FORMATS[number]

/** Items of one step: they are in memory together. */
const MAX_ITEMS = 1_000_000
/** Characters of one value, whatever the file's size. */
const LONGEST_VALUE = 16_777_216
const LONGEST_LINE = 1_048_576
/** Bytes that become items at once; workbooks have a limit of their own. */
const MAX_READ = 268_435_456

const ExtractParameters = Type.Object({
  format: Type.Optional(oneOf(['auto', ...FORMATS], { title: 'Format', description: 'What the file is; auto goes by its type, then by its name.', default: 'auto', ...STATIC })),
  binaryName: Type.Optional(Type.String({ title: 'Binary data', description: 'Which of the item; by default the only one that it has.', minLength: 1, maxLength: 255, examples: ['file'] })),
  header: Type.Optional(Type.Boolean({ title: 'Header', description: 'csv, xlsx: whether the first row has the names of the fields. Without, an item is { row: [...] }.', default: true, ...STATIC })),
  delimiter: Type.Optional(Type.String({ title: 'Delimiter', description: 'csv: what stands between fields.', minLength: 1, maxLength: 5, default: ',', examples: [';', '\t'], ...STATIC })),
  quote: Type.Optional(Type.String({ title: 'Quote', description: 'csv: what stands around fields with delimiters in them; empty for nothing.', maxLength: 1, default: '"', ...STATIC })),
  sheet: Type.Optional(Type.String({ title: 'Sheet', description: 'xlsx: its name; by default the first.', minLength: 1, maxLength: 100 })),
  items: Type.Optional(Type.String({ title: 'Items', description: 'json: where the document has the list whose entries become items.', minLength: 1, maxLength: 256, examples: ['data.rows'] })),
  charset: Type.Optional(Type.String({ title: 'Charset', description: 'Of all formats but xlsx.', minLength: 1, maxLength: 40, default: 'utf-8', examples: ['windows-1252'] })),
  limit: Type.Optional(Type.Integer({ title: 'Limit', description: 'How many items at most from one file; the rest is not read.', minimum: 1, maximum: MAX_ITEMS }))
}, { additionalProperties: false })
type ExtractParameters = Static<typeof ExtractParameters>

export const extractFromFile = defineNode({
  type: 'extractFromFile',
  title: 'Extract from file',
  description: 'Reads binary data of items, such as CSV or a workbook, and emits an item for each row.',
  icon: 'file-input',
  category: 'data',
  effects: 'none',
  parameters: ExtractParameters,
  check: ({ items }) => {
    const problem = typeof items === 'string' && !items.includes('{{') ? pathProblem(items) : null
    return problem === null ? [] : [{ pointer: '/items', message: problem, code: 'WC_FIELD_PATH' }]
  },
  async run (context) {
    const main: OutputItem[] = []
    const turn = turns(context.signal)
    for (const [from, item] of context.items.entries()) {
      try {
        const parameters = context.parameters(from)
        let left = parameters.limit ?? Infinity
        for await (const value of valuesOf(context, parameters, binaryOf(item, parameters.binaryName))) {
          if (left-- <= 0) break
          if (main.length === MAX_ITEMS) throw new NodeError('WC_FILE_LIMIT', `The step makes more than ${MAX_ITEMS} items; set a limit`)
          main.push({ from, json: isPlainObject(value) ? value as JsonObject : { value } })
          await turn()
        }
      } catch (error) {
        throw withItemIndex(error, from)
      }
    }
    return { outputs: { main } }
  }
})

function valuesOf ({ files }: NodeContext<ExtractParameters>, parameters: ExtractParameters, file: BinaryRef): AsyncIterable<unknown> {
  const { header = true, delimiter = ',', quote = '"', sheet, charset, items } = parameters
  const format = formatOf(parameters.format ?? 'auto', file)
  if (format === 'xlsx') return xlsxRecords(files, file, { sheet, header })
  const text = textOf(limited(files.read(file)), charset)
  switch (format) {
    case 'csv': return csvRecords(text, { delimiter, quote, header })
    case 'json': return items === undefined ? jsonValues(text, LONGEST_VALUE) : listIn(text, items)
    case 'jsonLines': return jsonLines(text)
    case 'text': return one(text)
    case 'lines': return lines(text)
  }
}

async function * limited (bytes: Bytes): Bytes {
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > MAX_READ) throw new NodeError('WC_FILE_LIMIT', `More than ${MAX_READ} bytes of the file would become items; set a limit`, { pointer: '/limit' })
    yield chunk
  }
}

async function * one (text: AsyncIterable<string>): AsyncGenerator<JsonObject> {
  yield { text: await wholeText(text, LONGEST_VALUE) }
}

async function * lines (text: AsyncIterable<string>): AsyncGenerator<JsonObject> {
  for await (const line of linesOf(text, LONGEST_LINE)) yield { line }
}

async function * jsonLines (text: AsyncIterable<string>): AsyncGenerator<unknown> {
  let number = 0
  for await (const line of linesOf(text, LONGEST_VALUE)) {
    number++
    if (line.trim() !== '') yield parseJson(line, `Line ${number}`)
  }
}

async function * listIn (text: AsyncIterable<string>, items: string): AsyncGenerator<unknown> {
  const list = readPath(parseJson(await wholeText(text, LONGEST_VALUE), 'The document'), parsePath(items))
  if (!Array.isArray(list)) throw new NodeError('WC_FILE_FORMAT', `The document has no list at ${items}`, { pointer: '/items' })
  yield * list
}

const BY_TYPE: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['application/json', 'json'], ['application/x-ndjson', 'jsonLines'], ['application/ndjson', 'jsonLines'], ['application/jsonl', 'jsonLines'],
  ['text/csv', 'csv'], ['application/csv', 'csv'], ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx']
])
const BY_NAME: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['json', 'json'], ['ndjson', 'jsonLines'], ['jsonl', 'jsonLines'], ['csv', 'csv'], ['xlsx', 'xlsx'], ['txt', 'text'], ['log', 'text'], ['md', 'text']
])

function formatOf (given: Format | 'auto', { mimeType, fileName = '' }: BinaryRef): Format {
  if (given !== 'auto') return given
  const type = mimeType.split(';')[0]!.trim().toLowerCase()
  const found = BY_TYPE.get(type) ?? BY_NAME.get(fileName.split('.').at(-1)!.toLowerCase()) ?? (type.startsWith('text/') ? 'text' : undefined)
  if (found !== undefined) return found
  throw new NodeError('WC_FILE_FORMAT', `What the file is does not follow from its type ${type} and its name; set the format`, { pointer: '/format' })
}
