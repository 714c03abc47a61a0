import { constants } from 'node:fs'
import { lstat, mkdir, open, opendir, realpath, rename, rm, unlink, type FileHandle } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { NodeError } from '../../engine/node-error.ts'
import type { Folder, FolderEntry } from '../../engine/nodes/node-files.ts'
import { folderPath } from './folder-path.ts'

const FILE_MODE = 0o640
const DIRECTORY_MODE = 0o750
/** A link in the place of the file is not followed, and a pipe that nobody writes to does not hold up who opens it. */
const READING = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const DRAFT = '.weconnect-'

/** The folder of an organization. @param root of all, or with `{organization}` in it for one each; null where there is none */
export function createFolders (root: string | null): (organizationId: string) => Folder {
  return organizationId => root === null ? noFolder : openFolder(resolve(root.replaceAll('{organization}', organizationId)))
}

const refuse = async (): Promise<never> => {
  throw new NodeError('WC_FILES_ROOT', 'This installation has no folder for workflows: its operator can name one in WECONNECT_FILES_ROOT')
}
const noFolder: Folder = { read: refuse, write: refuse, list: refuse, remove: refuse }

function openFolder (root: string): Folder {
  /** Where the path leads, links resolved, which does not open anything; it must be inside. */
  async function locate (path: string): Promise<string> {
    const [base, place] = await known(path, Promise.all([realpath(root), realpath(join(root, path))]))
    if (place !== base && !place.startsWith(base.endsWith(sep) ? base : base + sep)) throw outside(path)
    return place
  }

  /** The same for what need not be there yet: only its directory is looked at. */
  async function placeOf (path: string, make: boolean): Promise<string> {
    const parent = dirname(path)
    if (make) await makeDirectories(parent)
    return join(await locate(parent), basename(path))
  }

  /** One after the other, so that none is made through a link that leads out. */
  async function makeDirectories (path: string): Promise<void> {
    if (path === '.') {
      await known(path, mkdir(root, { recursive: true, mode: DIRECTORY_MODE }))
      return
    }
    await makeDirectories(dirname(path))
    await known(path, mkdir(await placeOf(path, false), { mode: DIRECTORY_MODE })).catch((error: unknown) => {
      if (!(error instanceof NodeError) || error.code !== 'WC_FILE_EXISTS') throw error
    })
  }

  return {
    async read (given) {
      const path = folderPath(given)
      const place = await locate(path)
      // Before it is opened: to open a device can do something already.
      if (!(await known(path, lstat(place))).isFile()) throw noFile(path)
      const file = await known(path, open(place, READING))
      try {
        const stats = await file.stat()
        if (!stats.isFile()) throw noFile(path)
        return { ...entry(path, 'file', stats), bytes: contentOf(file, path) }
      } catch (error) {
        await file.close()
        throw error
      }
    },
    async write (given, source, { overwrite }) {
      const path = folderPath(given)
      const place = await placeOf(path, true)
      const present = await lstat(place).catch(() => undefined)
      if (present !== undefined && !present.isFile()) throw noFile(path)
      if (present !== undefined && !overwrite) throw exists(path)
      const draft = join(dirname(place), `${DRAFT}${randomUUID()}`)
      try {
        await fill(draft, path, source)
        // Known only now, since the bytes may have taken their time.
        if (!overwrite && await lstat(place).then(() => true, () => false)) throw exists(path)
        await known(path, rename(draft, place))
      } catch (error) {
        await rm(draft, { force: true }).catch(() => undefined)
        throw error
      }
      return entry(path, 'file', await known(path, lstat(place)))
    },
    async list (given, limit) {
      const path = given === '' || given === '.' ? '.' : folderPath(given)
      const place = await locate(path)
      if (!(await known(path, lstat(place))).isDirectory()) throw new NodeError('WC_FILE_KIND', `${JSON.stringify(path)} is no directory`)
      const found: FolderEntry[] = []
      for await (const one of await known(path, opendir(place))) {
        if ((!one.isFile() && !one.isDirectory()) || one.name.startsWith(DRAFT)) continue
        if (found.length === limit) throw new NodeError('WC_FILE_LIMIT', `The directory has more than ${limit} entries`)
        const stats = await lstat(join(place, one.name)).catch(() => undefined)
        if (stats !== undefined) found.push(entry(path === '.' ? one.name : `${path}/${one.name}`, one.isFile() ? 'file' : 'directory', stats))
      }
      return found.sort((one, other) => one.path < other.path ? -1 : 1)
    },
    async remove (given) {
      const path = folderPath(given)
      try {
        const place = await placeOf(path, false)
        if (!(await known(path, lstat(place))).isFile()) throw noFile(path)
        await known(path, unlink(place))
        return true
      } catch (error) {
        if (error instanceof NodeError && error.code === 'WC_FILE_NOT_FOUND') return false
        throw error
      }
    }
  }
}

function entry (path: string, kind: FolderEntry['kind'], { size, mtimeMs }: { size: number, mtimeMs: number }): FolderEntry {
  return { path, kind, size: kind === 'file' ? size : 0, modifiedAt: Math.trunc(mtimeMs) }
}

async function * contentOf (file: FileHandle, path: string): AsyncGenerator<Uint8Array> {
  const stream = file.createReadStream({ autoClose: true })
  try {
    yield * stream as AsyncIterable<Uint8Array>
  } catch (error) {
    throw faultOf(path, error)
  } finally {
    stream.destroy()
  }
}

async function fill (draft: string, path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await known(path, open(draft, 'wx', FILE_MODE))
  try {
    for await (const chunk of source) for (let at = 0; at < chunk.length;) at += (await known(path, file.write(chunk, at))).bytesWritten
    await known(path, file.sync())
  } finally {
    await file.close()
  }
}

async function known<T> (path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw faultOf(path, error)
  }
}

function faultOf (path: string, error: unknown): unknown {
  const name = JSON.stringify(path)
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT': return new NodeError('WC_FILE_NOT_FOUND', `There is no ${name} in the folder`)
    case 'EEXIST': return exists(path)
    case 'ELOOP': return outside(path)
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ENXIO': return new NodeError('WC_FILE_KIND', `${name} is of another kind, or leads through what is no directory`)
    case undefined: return error
    default: return new NodeError('WC_FILE_ACCESS', `${name} cannot be used: ${(error as NodeJS.ErrnoException).code}`, { retryable: true })
  }
}

function noFile (path: string): NodeError {
  return new NodeError('WC_FILE_KIND', `${JSON.stringify(path)} is no file`)
}

function exists (path: string): NodeError {
  return new NodeError('WC_FILE_EXISTS', `${JSON.stringify(path)} is there already`)
}

function outside (path: string): NodeError {
  return new NodeError('WC_FILE_OUTSIDE_ROOT', `${JSON.stringify(path)} leads out of the folder`)
}
