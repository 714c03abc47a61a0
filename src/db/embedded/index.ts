import { existsSync, mkdirSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { unpackArchive } from './archive.ts'
import { lockDataDirectory } from './data-lock.ts'
import type { LogLevel } from './messages.ts'
import { privateDirectory, type PrivateDirectory } from './private-directory.ts'
import { seedFile } from './seed.ts'
import type { ListenAddress } from './server.ts'
import { WorkerThread } from './worker-thread.ts'

export { DataDirectoryLocked } from './data-lock.ts'

export interface EmbeddedOptions {
  /** Everything that the database owns lies here: `pgdata`, `lock` and, if the path is short enough, `run`. */
  dataDir: string
  log: Log
  /** How often to look whether CHECKPOINT or VACUUM is due; 1,000 ms unless given. */
  maintenance?: { intervalMs: number }
  /** The archive that a first start begins from; null for none. By default the one that the build made. */
  seed?: string | null
  /** A transaction that waits for its connection so long is rolled back; 30,000 ms unless given. */
  idleInTransactionMs?: number
}

type Log = (level: LogLevel, message: string, data?: object) => void

export interface EmbeddedConnection { host?: string, port?: number, path?: string, user: string, database: string }

export interface EmbeddedDatabase {
  /** For the options of postgres.js. */
  readonly connection: EmbeddedConnection
  /** Calls the listener if the database dies before it is closed. Nothing works any more then: the process should end. */
  onFailure (listener: (error: Error) => void): void
  /** Idempotent. Transactions that are open get five seconds to end. */
  close (): Promise<void>
}

const MAINTENANCE_INTERVAL_MS = 1_000
const IDLE_IN_TRANSACTION_MS = 30_000
/** PostgreSQL's own name for the socket of its default port: psql finds it when given the directory as host. */
const SOCKET_NAME = '.s.PGSQL.5432'

/** Rejects with `DataDirectoryLocked` when another process uses the directory. */
export async function startEmbedded (options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const dataDir = resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const lock = await lockDataDirectory(dataDir)
  const run = privateDirectory(dataDir, SOCKET_NAME)
  const thread = await startThread(dataDir, run, options).catch(async (error: unknown) => {
    run.remove()
    // On a full disk it cannot be noted as released; the next start finds that nobody listens any more.
    await lock.release().catch(() => {})
    throw error
  })

  async function closeAll (): Promise<void> {
    await thread.close()
    run.remove()
    await lock.release()
  }
  let closed: Promise<void> | undefined
  return {
    connection: { ...await connectionOf(run, thread), user: 'postgres', database: 'postgres' },
    onFailure (listener) { void thread.failed.then(listener) },
    close: async () => await (closed ??= closeAll())
  }
}

async function startThread (dataDir: string, run: PrivateDirectory, options: EmbeddedOptions): Promise<WorkerThread> {
  const pgdata = join(dataDir, 'pgdata')
  const started = performance.now()
  const origin = await prepare(pgdata, options)
  const thread = new WorkerThread({
    directory: pgdata,
    address: listenAddress(run),
    maintenanceIntervalMs: options.maintenance?.intervalMs ?? MAINTENANCE_INTERVAL_MS,
    idleInTransactionMs: options.idleInTransactionMs ?? IDLE_IN_TRANSACTION_MS
  }, options.log)
  await thread.ready
  options.log('info', 'The embedded database is ready', { dataDir, origin, ms: Math.round(performance.now() - started) })
  return thread
}

/** Whatever is named `pgdata` is complete: a start that dies before the rename leaves nothing that the next one trusts. */
async function prepare (pgdata: string, { seed, log }: EmbeddedOptions): Promise<'existing' | 'seed' | 'initdb'> {
  if (existsSync(pgdata)) return 'existing'
  const file = seed === undefined ? await seedFile() : seed
  if (file === null) return 'initdb'
  if (!existsSync(file)) {
    log('warn', 'No seed for the embedded database has been built for this version, so its first start takes longer', { seed: file })
    return 'initdb'
  }
  const draft = `${pgdata}.new`
  await rm(draft, { recursive: true, force: true })
  await unpackArchive(file, draft)
  await rename(draft, pgdata)
  return 'seed'
}

function listenAddress (run: PrivateDirectory): ListenAddress {
  return process.platform === 'win32' ? { host: '127.0.0.1', port: 0 } : { path: join(run.path, SOCKET_NAME) }
}

async function connectionOf (run: PrivateDirectory, thread: WorkerThread): Promise<Partial<EmbeddedConnection>> {
  const port = await thread.ready
  return port === undefined ? { path: join(run.path, SOCKET_NAME) } : { host: '127.0.0.1', port }
}
