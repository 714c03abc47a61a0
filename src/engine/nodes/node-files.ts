import type { BinaryRef } from '../item.ts'

export interface NewFileFacts {
  readonly mimeType: string
  readonly fileName?: string
  /** bytes; the operator's limit holds as well */
  readonly limit?: number
}

export interface FolderEntry {
  readonly path: string
  readonly kind: 'file' | 'directory'
  /** bytes */
  readonly size: number
  /** milliseconds since the epoch */
  readonly modifiedAt: number
}

/**
 * The operator's folder. Paths are relative to it and never lead out of it, by no `..` and no link.
 * Throws NodeError: WC_FILES_ROOT where the operator named none, WC_FILE_OUTSIDE_ROOT, WC_FILE_NOT_FOUND, WC_FILE_KIND, WC_FILE_EXISTS, WC_FILE_ACCESS.
 */
export interface Folder {
  read (path: string): Promise<FolderEntry & { readonly bytes: AsyncIterable<Uint8Array> }>
  /** Whoever reads meanwhile sees what was there before, or all of it. Makes the directories on the way. */
  write (path: string, source: AsyncIterable<Uint8Array>, options: { readonly overwrite: boolean }): Promise<FolderEntry>
  /** What is in a directory, by name; no links and devices. */
  list (path: string, limit: number): Promise<readonly FolderEntry[]>
  /** Whether it was there. Files only. */
  remove (path: string): Promise<boolean>
}

/** Binary data: the bytes are in the file storage, an item has a reference. Both ways stream. */
export interface NodeFiles {
  /**
   * Stores bytes for this execution; what belongs to no item goes with it as well.
   * Throws NodeError: WC_FILE_TOO_LARGE, WC_STORAGE_UNAVAILABLE (which passes); and what `source` throws.
   */
  write (source: AsyncIterable<Uint8Array>, facts: NewFileFacts): Promise<BinaryRef>
  /** The bytes, or those from `start` to `end`, both included. Throws NodeError: WC_FILE_MISSING, WC_STORAGE_UNAVAILABLE. */
  read (file: BinaryRef, range?: { readonly start: number, readonly end: number }): AsyncIterable<Uint8Array>
  readonly folder: Folder
}
