import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { FileMissing, StorageError, type FileKey, type FileStorage } from './port.ts'

const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600
/** Of a file that is not complete yet. */
const UNFINISHED = '.part'

/** Files in a directory, one directory an organization. Several processes may share it. */
export async function openLocalStorage (root: string): Promise<FileStorage> {
  await mkdir(root, { recursive: true, mode: DIRECTORY_MODE })

  const directoryOf = ({ organizationId }: FileKey): string => join(root, safe(organizationId))
  const pathOf = (key: FileKey): string => join(directoryOf(key), safe(key.fileId))

  return {
    async write (key, source) {
      const directory = directoryOf(key)
      const path = pathOf(key)
      const draft = path + UNFINISHED
      try {
        if (await guarded(mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })) !== undefined) await guarded(syncDirectory(root))
        await fill(draft, source)
        await guarded(rename(draft, path))
        await guarded(syncDirectory(directory))
      } catch (error) {
        await rm(draft, { force: true }).catch(() => undefined)
        throw error
      }
    },
    async read (key, range) {
      const path = pathOf(key)
      let file: FileHandle
      try {
        file = await open(path, 'r')
      } catch (error) {
        throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new FileMissing(key) : failure(error)
      }
      return file.createReadStream({ ...range, autoClose: true })
    },
    async remove (key) {
      const path = pathOf(key)
      await guarded(Promise.all([path, path + UNFINISHED].map(async one => { await rm(one, { force: true }) })))
    },
    async close () {}
  }
}

/** Writes the bytes and waits for the disk: a row that refers to them may survive what they would not. */
async function fill (path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await guarded(open(path, 'w', FILE_MODE))
  try {
    for await (const chunk of source) await guarded(writeAll(file, chunk))
    await guarded(file.sync())
  } finally {
    await file.close()
  }
}

async function writeAll (file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
}

/** A new name in a directory is durable only once the directory is. */
async function syncDirectory (path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function guarded<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw failure(error)
  }
}

function failure (error: unknown): StorageError {
  return new StorageError(`The directory of files does not work: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, error)
}

/** Ids are ours; that a path cannot be built of anything else must not depend on it. */
function safe (id: string): string {
  if (!/^[0-9a-f-]{36}$/.test(id)) throw new TypeError('Files are named by ids only')
  return id
}
