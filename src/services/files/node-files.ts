import type { BinaryRef } from '../../engine/item.ts'
import { NodeError } from '../../engine/node-error.ts'
import type { Folder, NodeFiles } from '../../engine/nodes/node-files.ts'
import { isId } from '../../lib/ids.ts'
import { FileMissing, StorageError } from '../../storage/port.ts'
import { cleanFileName, cleanMediaType } from './file-facts.ts'
import { FileTooLarge } from './file-too-large.ts'
import type { FileOwner, Files } from './files.ts'

/** The files that the steps of one execution may make and read. */
export function createNodeFiles (files: Files, owner: FileOwner, maxFileSize: number, folder: Folder): NodeFiles {
  return {
    async write (source, { mimeType, fileName, limit = maxFileSize }) {
      const mediaType = cleanMediaType(mimeType)
      const name = cleanFileName(fileName)
      try {
        const { id, size } = await files.write(owner, source, { mediaType, name, limit: Math.min(limit, maxFileSize) })
        return { fileId: id, mimeType: mediaType, ...(name === null ? {} : { fileName: name }), size }
      } catch (error) {
        throw toNodeError(error)
      }
    },
    read: (file, range) => readFile(files, owner.organizationId, file, range),
    folder
  }
}

async function * readFile (files: Files, organizationId: string, { fileId }: BinaryRef, range?: { start: number, end: number }): AsyncGenerator<Uint8Array> {
  // References come out of items, and those out of anything.
  if (typeof fileId !== 'string' || !isId(fileId)) throw missing()
  try {
    yield * await files.read(organizationId, fileId, range) as AsyncIterable<Uint8Array>
  } catch (error) {
    throw toNodeError(error)
  }
}

function missing (): NodeError {
  return new NodeError('WC_FILE_MISSING', 'The item refers to a file that is not there')
}

function toNodeError (error: unknown): unknown {
  if (error instanceof FileTooLarge) return new NodeError('WC_FILE_TOO_LARGE', error.message)
  if (error instanceof FileMissing) return missing()
  if (error instanceof StorageError) return new NodeError('WC_STORAGE_UNAVAILABLE', 'The file storage does not answer', { retryable: true })
  return error
}
