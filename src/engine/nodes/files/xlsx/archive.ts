import { Readable } from 'node:stream'
import type { Entry } from 'yauzl'
import { NodeError } from '../../../node-error.ts'
import type { BinaryRef } from '../../../item.ts'
import type { NodeFiles } from '../../node-files.ts'
import { zipReader } from '../libraries.ts'

/** The parts of a ZIP file, each read when it is asked for. */
export interface Archive {
  has (name: string): boolean
  /** Its bytes, inflated. */
  read (name: string): AsyncIterable<Uint8Array>
}

const MAX_ENTRIES = 10_000
/** Bytes of all parts that are read, inflated: a megabyte can become a gigabyte. */
const MAX_INFLATED = 268_435_456

/** Only the directory and the parts that are asked for are read from the storage. Throws NodeError. */
export async function openArchive (files: NodeFiles, file: BinaryRef, maxInflated = MAX_INFLATED): Promise<Archive> {
  const yauzl = await zipReader()
  const reader = new class extends yauzl.RandomAccessReader {
    override _readStreamForRange (start: number, end: number): Readable {
      return Readable.from(start === end ? [] : files.read(file, { start, end: end - 1 }), { objectMode: false })
    }
  }()
  const entries = new Map<string, Entry>()
  const zip = await yauzl.fromRandomAccessReaderPromise(reader, file.size, { autoClose: false, lazyEntries: true }).catch(refuse)
  try {
    for await (const entry of zip.eachEntry()) {
      if (entries.size === MAX_ENTRIES) throw new NodeError('WC_FILE_LIMIT', `The file has more than ${MAX_ENTRIES} parts`)
      entries.set(entry.fileName, entry)
    }
  } catch (error) {
    refuse(error)
  }
  let inflated = 0

  async function * read (name: string): AsyncGenerator<Uint8Array> {
    const entry = entries.get(name)
    if (entry === undefined) throw new NodeError('WC_FILE_FORMAT', `The file is no workbook: it has no part ${JSON.stringify(name.slice(0, 100))}`)
    try {
      for await (const chunk of await zip.openReadStreamPromise(entry) as AsyncIterable<Uint8Array>) {
        inflated += chunk.length
        if (inflated > maxInflated) throw new NodeError('WC_FILE_LIMIT', `The file unpacks to more than ${maxInflated} bytes`)
        yield chunk
      }
    } catch (error) {
      refuse(error)
    }
  }

  return { has: name => entries.has(name), read }
}

function refuse (error: unknown): never {
  throw error instanceof NodeError ? error : new NodeError('WC_FILE_FORMAT', `The file is no workbook: ${error instanceof Error ? error.message.slice(0, 200) : ''}`)
}
