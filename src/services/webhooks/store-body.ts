import { isConnectionFailure } from '../../db/failure.ts'
import type { BinaryRef } from '../../engine/item.ts'
import { triggerPayload } from '../../engine/trigger-payload.ts'
import { DeadlineError } from '../../lib/deadline.ts'
import { StorageError } from '../../storage/port.ts'
import { cleanFileName, cleanMediaType } from '../files/file-facts.ts'
import { FileTooLarge } from '../files/file-too-large.ts'
import type { FileOwner, Files } from '../files/files.ts'
import type { Metrics } from '../metrics.ts'
import { StorageUnavailable, TooLarge, Unavailable } from '../problems.ts'
import type { BodyFile } from './body.ts'

/** Brings the binary data of requests into the file storage. */
export interface BodyStore {
  /**
   * Before the execution is accepted; of one that is not, the files go after a day.
   * @param item JSON text: what the trigger's item has beside them
   * @returns the payload of the execution
   * @throws Problem 413, 503
   */
  store (owner: FileOwner, item: string, files: readonly BodyFile[]): Promise<string>
}

export function createBodyStore ({ files: storage, metrics, maxFileSize }: { files: Files, metrics: Metrics, maxFileSize: number }): BodyStore {
  async function write (owner: FileOwner, { mimeType, fileName, chunks }: BodyFile): Promise<BinaryRef> {
    const mediaType = cleanMediaType(mimeType)
    const name = cleanFileName(fileName)
    const { id, size } = await storage.write(owner, each(chunks), { mediaType, name, limit: maxFileSize })
    return { fileId: id, mimeType: mediaType, ...(name === null ? {} : { fileName: name }), size }
  }

  function problemOf (error: unknown): unknown {
    if (error instanceof FileTooLarge) return TooLarge(error.limit)
    if (error instanceof StorageError) {
      metrics.rejected.inc({ reason: 'storage' })
      return StorageUnavailable(error)
    }
    if (!isConnectionFailure(error) && !(error instanceof DeadlineError)) return error
    metrics.rejected.inc({ reason: 'database' })
    return Unavailable('database', error)
  }

  return {
    async store (owner, item, files) {
      const binary: Array<[string, BinaryRef]> = []
      try {
        for (const file of files) binary.push([file.name, await write(owner, file)])
      } catch (error) {
        throw problemOf(error)
      }
      return triggerPayload(item, Object.fromEntries(binary))
    }
  }
}

async function * each (chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield * chunks
}
