import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { MAX_SOCKET_PATH } from './private-directory.ts'

const MAX_ATTEMPTS = 50
const PROBE_MS = 2_000

/** One process's claim, the content of `<dataDir>/lock/<generation>`. */
interface Claim { pid: number, socket: string, released?: true }

export class DataDirectoryLocked extends Error {
  readonly code = 'WC_DATA_DIRECTORY_LOCKED'
  constructor (dataDir: string, pid: number) {
    super(`The data directory ${dataDir} is in use by process ${pid}: stop it, or set WECONNECT_DATA_DIR to another directory`)
  }
}

export interface DataLock { release (): Promise<void> }

/**
 * Makes this process the only one on a data directory, until it releases it or dies.
 *
 * A claim is alive while somebody listens on its socket: the kernel closes that with the process, whatever kills it, keeps
 * it for a stopped one, and no reused process id can pretend to it. The claim with the highest number counts. It is never
 * removed but by its successor, and `link` lets exactly one process make the successor of a dead one; so two starters, a
 * starter that was delayed and one that dies half-way all leave one owner at most.
 */
export async function lockDataDirectory (dataDir: string): Promise<DataLock> {
  const directory = join(resolve(dataDir), 'lock')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const name = `${randomUUID()}.sock`
  const short = shortcut(directory)
  const server = await listen(join(short.path, name))
  try {
    const generation = await claim(dataDir, directory, short.path, { pid: process.pid, socket: name })
    removeOlder(directory, generation)
    return { release: once(async () => await release(directory, generation, name, server, short)) }
  } catch (error) {
    await close(server)
    short.remove()
    throw error
  }
}

async function claim (dataDir: string, directory: string, short: string, mine: Claim): Promise<number> {
  const draft = join(directory, `${mine.socket}.claim`)
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 })
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const newest = newestGeneration(directory)
      const holder = readClaim(directory, newest)
      if (holder !== undefined && holder.released !== true && await isListening(short, holder.socket)) {
        throw new DataDirectoryLocked(dataDir, holder.pid)
      }
      if (!tryLink(draft, join(directory, String(newest + 1)))) continue
      // Whoever overslept may have taken a number that its successor had already cleaned away.
      if (newestGeneration(directory) === newest + 1) return newest + 1
      rmSync(join(directory, String(newest + 1)), { force: true })
    }
  } finally {
    rmSync(draft, { force: true })
  }
  throw new Error(`Could not lock the data directory ${dataDir}: too many processes try at once`)
}

async function release (directory: string, generation: number, socket: string, server: Server, short: Shortcut): Promise<void> {
  const claimFile = join(directory, String(generation))
  const draft = `${claimFile}.released`
  try {
    writeFileSync(draft, JSON.stringify({ pid: process.pid, socket, released: true } satisfies Claim), { mode: 0o600 })
    renameSync(draft, claimFile)
  } catch (error) {
    // The directory has been removed, and all claims with it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  } finally {
    await close(server)
    short.remove()
  }
}

function generations (directory: string): number[] {
  return readdirSync(directory).filter(name => /^\d{1,15}$/.test(name)).map(Number)
}

function newestGeneration (directory: string): number {
  return Math.max(0, ...generations(directory))
}

function readClaim (directory: string, generation: number): Claim | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, String(generation)), 'utf8')) as Claim
  } catch (error) {
    // Gone: nobody holds it. Not JSON: a disk that lost what was written, so its process is gone as well.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

function tryLink (from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function removeOlder (directory: string, generation: number): void {
  for (const older of generations(directory).filter(number => number < generation)) {
    const socket = readClaim(directory, older)?.socket
    if (socket !== undefined && /^[\w-]+\.sock$/.test(socket)) rmSync(join(directory, socket), { force: true })
    rmSync(join(directory, String(older)), { force: true })
  }
}

/** A stopped process does not accept, but the kernel completes the connection; only a refusal proves that nobody is there. */
async function isListening (short: string, name: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(join(short, name))
    const timer = setTimeout(() => settle(true), PROBE_MS)
    function settle (alive: boolean): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(alive)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'))
  })
}

async function listen (path: string): Promise<Server> {
  const server = createServer(socket => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  server.unref()
  return server
}

async function close (server: Server): Promise<void> {
  await new Promise<void>(resolve => { server.close(() => resolve()) })
}

/** A way to the directory that is short enough for the path of a socket. */
interface Shortcut { path: string, remove (): void }

function shortcut (directory: string): Shortcut {
  // Windows has named pipes instead, which vanish with their process just the same.
  if (process.platform === 'win32') return { path: '\\\\.\\pipe', remove: () => {} }
  if (Buffer.byteLength(join(directory, `${randomUUID()}.sock`)) <= MAX_SOCKET_PATH) return { path: directory, remove: () => {} }
  const holder = mkdtempSync(join(tmpdir(), 'weconnect-'))
  const path = join(holder, 'd')
  symlinkSync(directory, path)
  return { path, remove: () => rmSync(holder, { recursive: true, force: true }) }
}

function once (work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return async () => await (done ??= work())
}
