import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { ApiClient } from './api-client.ts'
import { serverDatabase } from './server-database.ts'
import { entrypoints, freePort, startProcess, until, type ServiceProcess, type ServiceTest } from './service-process.ts'

/** The service in one of its modes, at an address that outlives its processes. */
export interface Deployment {
  readonly address: string
  readonly env: Readonly<Record<string, string>>
  /** The process that serves HTTP; with the worker inside where there is one process. */
  readonly api: ServiceProcess
  readonly workers: readonly ServiceProcess[]
  /** Starts the process that serves HTTP, and waits until it is ready. */
  startApi (): Promise<ServiceProcess>
  startWorker (env?: Record<string, string>): Promise<ServiceProcess>
  /** A client of the first organization. */
  client (): Promise<ApiClient>
}

export interface PostgresDeployment extends Deployment {
  /** The test's own look at the tables. */
  readonly sql: postgres.Sql
  readonly databaseName: string
}

export interface SeparateServers {
  readonly databaseUrl?: string
  readonly redisUrl?: string
  readonly env?: Record<string, string>
  /** How the processes are started, where it is not as in production. */
  readonly entrypoints?: { readonly api: readonly string[], readonly worker: readonly string[] }
  readonly workers?: number
}

const LEASE_SECONDS = '2'
const common = { WECONNECT_EGRESS_ALLOW: '127.0.0.0/8', WECONNECT_LEASE_SECONDS: LEASE_SECONDS, HOST: '127.0.0.1' }

/** Why a test must be left out; false where its servers are named. */
export function missing (...needed: Array<'database' | 'redis'>): string | false {
  const variables = { database: 'TEST_DATABASE_URL', redis: 'TEST_REDIS_URL' }
  const absent = needed.map(one => variables[one]).filter(variable => process.env[variable] === undefined)
  return absent.length > 0 && `needs a server: set ${absent.join(' and ')}`
}

/** One process on the embedded database in a directory of its own. */
export async function deployEmbedded (t: ServiceTest, env: Record<string, string> = {}, { all }: { readonly all: readonly string[] } = entrypoints): Promise<Deployment & { readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-test-'))
  t.teardown(async () => { await rm(dataDir, { recursive: true, force: true }) })
  const deployment = await deploy(t, all, entrypoints.worker, { ...common, ...env, WECONNECT_DATA_DIR: dataDir }, async address => {
    const key = (await readFile(join(dataDir, 'api-key'), 'utf8')).trim()
    return new ApiClient(address, { 'x-api-key': key })
  })
  return { ...deployment, get api () { return deployment.api }, dataDir }
}

/** API and worker in one process on PostgreSQL, without Redis. */
export async function deployOnPostgres (t: ServiceTest, env: Record<string, string> = {}): Promise<PostgresDeployment> {
  return await onDatabase(t, process.env['TEST_DATABASE_URL']!, async database =>
    await deploy(t, entrypoints.all, entrypoints.worker, { ...common, ...secrets(), DATABASE_URL: database, ...env }, register))
}

/** API and workers as processes of their own, on PostgreSQL and Redis. */
export async function deploySeparate (t: ServiceTest, options: SeparateServers = {}): Promise<PostgresDeployment> {
  const { databaseUrl = process.env['TEST_DATABASE_URL']!, redisUrl = process.env['TEST_REDIS_URL']!, env = {}, entrypoints: ways = entrypoints, workers = 1 } = options
  return await onDatabase(t, databaseUrl, async (database, name) => {
    const all = { ...common, ...secrets(), DATABASE_URL: database, REDIS_URL: redisUrl, QUEUE_PREFIX: name, ...env }
    const deployment = await deploy(t, ways.api, ways.worker, all, register)
    await Promise.all(Array.from({ length: workers }, async () => await deployment.startWorker()))
    return deployment
  })
}

async function deploy (t: ServiceTest, apiArguments: readonly string[], workerArguments: readonly string[], given: Record<string, string>, connect: (address: string) => Promise<ApiClient>): Promise<Deployment> {
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  const env = { ...given, PORT: String(port) }
  const workers: ServiceProcess[] = []
  let api: ServiceProcess
  let client: ApiClient | undefined

  async function startApi (): Promise<ServiceProcess> {
    const process = startProcess(t, 'api', apiArguments, env)
    api = process
    await process.says('WeConnect is ready')
    await until('the API is ready', async () => {
      if (!process.isAlive) throw new Error('The API has ended')
      return (await fetch(`${address}/readyz`).catch(() => undefined))?.status === 200
    })
    return process
  }

  await startApi()
  return {
    address,
    env,
    get api () { return api },
    workers,
    startApi,
    async startWorker (more = {}) {
      const worker = startProcess(t, `worker ${workers.length + 1}`, workerArguments, { ...env, ...more })
      workers.push(worker)
      await worker.says('WeConnect is ready')
      return worker
    },
    async client () {
      client ??= await connect(address)
      return client
    }
  }
}

async function onDatabase (t: ServiceTest, serverUrl: string, start: (databaseUrl: string, name: string) => Promise<Deployment>): Promise<PostgresDeployment> {
  const { name, url, drop } = await serverDatabase(serverUrl)
  const sql = postgres(url, { max: 2, onnotice: () => {}, connection: { application_name: 'test' } })
  // Teardowns run last in, first out: the processes are gone before their database goes.
  t.teardown(async () => {
    await sql.end({ timeout: 1 })
    await drop()
  })
  const deployment = await start(url, name)
  return { ...deployment, get api () { return deployment.api }, sql, databaseName: name }
}

const register = async (address: string): Promise<ApiClient> => await ApiClient.register(address, 'Tester')

function secrets (): Record<string, string> {
  return { JWT_SECRET: randomBytes(48).toString('base64'), WECONNECT_ENCRYPTION_KEY: randomBytes(32).toString('base64') }
}
