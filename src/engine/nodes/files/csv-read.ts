import { pipeline, Readable } from 'node:stream'
import type { JsonObject } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { csvParser } from './libraries.ts'
import { columnNames, record } from './records.ts'

export interface CsvForm {
  readonly delimiter: string
  readonly quote: string
  readonly header: boolean
}

/** Characters of one row: a quote that is never closed would take in the whole file. */
const LONGEST_ROW = 1_048_576

/** A record for each row under the header; without one, `{ row: [...] }`. */
export async function * csvRecords (pieces: AsyncIterable<string>, { delimiter, quote, header }: CsvForm): AsyncGenerator<JsonObject> {
  const { parse, CsvError } = await csvParser()
  const parser = parse({ delimiter, quote: quote === '' ? null : quote, relax_column_count: true, skip_empty_lines: true, max_record_size: LONGEST_ROW })
  pipeline(Readable.from(pieces), parser, () => {})
  let names: string[] | undefined
  try {
    for await (const row of parser as AsyncIterable<string[]>) {
      if (!header) yield { row }
      else if (names === undefined) names = columnNames(row)
      else yield record(names, row.entries())
    }
  } catch (error) {
    throw error instanceof CsvError ? new NodeError('WC_FILE_FORMAT', `The file is not such CSV: ${error.message.slice(0, 300)}`) : error
  }
}
