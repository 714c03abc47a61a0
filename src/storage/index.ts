import { openLocalStorage } from './local.ts'
import type { FileStorage } from './port.ts'
import { createS3Storage, type S3Address } from './s3/index.ts'

export type StorageAddress =
  | { readonly kind: 'local', readonly directory: string }
  | { readonly kind: 's3' } & S3Address

export async function openStorage (address: StorageAddress): Promise<FileStorage> {
  return address.kind === 'local' ? await openLocalStorage(address.directory) : createS3Storage(address)
}
