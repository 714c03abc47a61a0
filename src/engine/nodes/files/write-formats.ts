import type { JsonObject } from '../../item.ts'
import { csvWriter } from './libraries.ts'
import type { Bytes } from './text.ts'

const BATCH = 500

/** Texts as bytes, many of them at once. */
async function * bytes (texts: Iterable<string>): Bytes {
  let held: string[] = []
  for (const text of texts) {
    held.push(text)
    if (held.length < BATCH) continue
    yield Buffer.from(held.join(''))
    held = []
  }
  yield Buffer.from(held.join(''))
}

export function writeJson (values: readonly JsonObject[], indent: boolean): Bytes {
  return bytes((function * () {
    yield '['
    for (const [index, value] of values.entries()) yield (index === 0 ? '' : ',') + (indent ? `\n${JSON.stringify(value, null, 2).replaceAll(/^/gm, '  ')}` : JSON.stringify(value))
    yield indent && values.length > 0 ? '\n]\n' : ']'
  })())
}

export function writeLines (texts: Iterable<string>): Bytes {
  return bytes((function * () {
    for (const text of texts) yield `${text}\n`
  })())
}

export interface CsvOptions {
  readonly delimiter: string
  readonly bom: boolean
  readonly escapeFormulas: boolean
}

/** Values that are no text are written as JSON, nothing as nothing. */
export async function * writeCsv (rows: Iterable<readonly unknown[]>, { delimiter, bom, escapeFormulas }: CsvOptions): Bytes {
  const { stringify } = await csvWriter()
  const options = { delimiter, escape_formulas: escapeFormulas, record_delimiter: 'windows', cast: { boolean: String, object: (value: object) => JSON.stringify(value) } } as const
  if (bom) yield Buffer.from('\uFEFF')
  let held: unknown[][] = []
  for (const row of rows) {
    held.push([...row])
    if (held.length < BATCH) continue
    yield Buffer.from(stringify(held, options))
    held = []
  }
  if (held.length > 0) yield Buffer.from(stringify(held, options))
}

/** The names of all fields, in the order in which they come up. */
export function fieldsOf (values: readonly JsonObject[]): string[] {
  const names = new Set<string>()
  for (const value of values) for (const name of Object.keys(value)) names.add(name)
  return [...names]
}

/** A table of those fields. */
export function * rowsOf (values: readonly JsonObject[], fields: readonly string[], header: boolean): Generator<readonly unknown[]> {
  if (header) yield fields
  for (const value of values) yield fields.map(name => Object.hasOwn(value, name) ? value[name] : null)
}
