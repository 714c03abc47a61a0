import type { Readable } from 'node:stream'
import type { Sql, TenantDb } from '../../db/client.ts'
import { completeFile, findFile, insertFile, type FileKind, type FoundFile } from '../../db/queries/files.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { FileMissing, StorageError, type ByteRange, type FileStorage } from '../../storage/port.ts'
import { NotFound, StorageUnavailable } from '../problems.ts'
import { FileTooLarge } from './file-too-large.ts'

/** Whose a file is; it is gone when the execution is. The execution may be accepted after its files are written. */
export interface FileOwner {
  readonly organizationId: string
  readonly executionId: string
}

export interface FileFacts {
  readonly mediaType: string
  readonly name: string | null
  /** bytes */
  readonly limit: number
}

export interface StoredFile {
  readonly id: string
  /** bytes */
  readonly size: number
}

/** Files of executions. All of it throws StorageError where the storage is away. */
export interface Files {
  /** Stores binary data of unknown length. Throws FileTooLarge. */
  write (owner: FileOwner, source: AsyncIterable<Uint8Array>, facts: FileFacts): Promise<StoredFile>
  /** Stores bytes whose number is known, under an id of the caller's. May be repeated. */
  store (owner: FileOwner, file: { readonly id: string, readonly kind: FileKind, readonly mediaType: string, readonly size: number }, source: AsyncIterable<Uint8Array>): Promise<void>
  /** What is known of a file that clients may fetch. Throws NotFound. */
  find (db: TenantDb, id: string): Promise<FoundFile>
  /** Throws FileMissing. */
  read (organizationId: string, id: string, range?: ByteRange): Promise<Readable>
  /** The same for clients. Throws NotFound and StorageUnavailable. */
  download (organizationId: string, id: string, range?: ByteRange): Promise<Readable>
}

export interface FilesOptions {
  readonly sql: Sql
  readonly storage: FileStorage
  readonly nextId: () => string
}

const WHAT = 'file with this id'

export function createFiles ({ sql, storage, nextId }: FilesOptions): Files {
  return {
    async write ({ organizationId, executionId }, source, { mediaType, name, limit }) {
      const id = nextId()
      const tally = { size: 0 }
      await withDeadline(QUERY_DEADLINE, insertFile(sql, { id, executionId, organizationId, kind: 'binary', mediaType, name, size: null }))
      await storage.write({ organizationId, fileId: id }, counted(source, limit, tally))
      await withDeadline(QUERY_DEADLINE, completeFile(sql, { id, executionId }, tally.size))
      return { id, size: tally.size }
    },
    async store ({ organizationId, executionId }, file, source) {
      await withDeadline(QUERY_DEADLINE, insertFile(sql, { ...file, executionId, organizationId, name: null }))
      await storage.write({ organizationId, fileId: file.id }, source)
    },
    async find (db, id) {
      const file = await db.run(async tx => await findFile(tx, db.organizationId, id))
      if (file === undefined) throw NotFound(WHAT)
      return file
    },
    read: async (organizationId, fileId, range) => await storage.read({ organizationId, fileId }, range),
    async download (organizationId, fileId, range) {
      try {
        return await storage.read({ organizationId, fileId }, range)
      } catch (error) {
        if (error instanceof FileMissing) throw NotFound(WHAT)
        throw error instanceof StorageError ? StorageUnavailable(error) : error
      }
    }
  }
}

async function * counted (source: AsyncIterable<Uint8Array>, limit: number, tally: { size: number }): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    tally.size += chunk.length
    if (tally.size > limit) throw new FileTooLarge(limit)
    yield chunk
  }
}
