import type { BinaryRef } from '../../src/engine/item.ts'
import type { NodeFiles } from '../../src/engine/nodes/node-files.ts'
import { noFiles } from './node-context.ts'

export interface MemoryFiles extends NodeFiles {
  /** Puts bytes there, and gives what an item has of them. */
  put (bytes: Uint8Array | string, facts?: { mimeType?: string, fileName?: string }): BinaryRef
  bytesOf (file: BinaryRef): Buffer
  /** Bytes that were read so far. */
  readonly wasRead: number
}

/** Files of a test, without a storage. */
export function memoryFiles (chunkSize = 65_536): MemoryFiles {
  const stored = new Map<string, Buffer>()
  let wasRead = 0
  const put: MemoryFiles['put'] = (bytes, { mimeType = 'application/octet-stream', fileName } = {}) => {
    const content = Buffer.from(bytes as string)
    const fileId = `file-${stored.size}`
    stored.set(fileId, content)
    return { fileId, mimeType, ...(fileName === undefined ? {} : { fileName }), size: content.length }
  }
  return {
    put,
    bytesOf: ({ fileId }) => stored.get(fileId)!,
    get wasRead () { return wasRead },
    async write (source, facts) {
      const chunks: Uint8Array[] = []
      for await (const chunk of source) chunks.push(chunk)
      return put(Buffer.concat(chunks), facts)
    },
    async * read ({ fileId }, { start, end } = { start: 0, end: Infinity }) {
      const content = stored.get(fileId)!.subarray(start, end + 1)
      for (let at = 0; at < content.length; at += chunkSize) {
        const chunk = content.subarray(at, at + chunkSize)
        wasRead += chunk.length
        yield chunk
      }
    },
    folder: noFiles.folder
  }
}
