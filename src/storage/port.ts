import type { Readable } from 'node:stream'

/** Where a file lies: in the place of its organization, under its id. Never under a name or a path from outside. */
export interface FileKey {
  readonly organizationId: string
  readonly fileId: string
}

/** Bytes `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Keeps bytes under keys that are written once and never changed. Throws StorageError, and FileMissing where nothing
 * was written under a key.
 */
export interface FileStorage {
  /** Resolves once the bytes are durable; nothing can be read of a write that failed, be it through an error of `source`. */
  write (key: FileKey, source: AsyncIterable<Uint8Array>): Promise<void>
  read (key: FileKey, range?: ByteRange): Promise<Readable>
  /** Also what an unfinished write left. Removing what is not there is no error. */
  remove (key: FileKey): Promise<void>
  close (): Promise<void>
}

/** The storage cannot do it now; the same may work later. */
export class StorageError extends Error {
  constructor (message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.name = 'StorageError'
  }
}

export class FileMissing extends Error {
  constructor ({ fileId }: FileKey) {
    super(`The file ${fileId} is not in the storage`)
    this.name = 'FileMissing'
  }
}
