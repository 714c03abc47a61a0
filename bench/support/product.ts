import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import postgres from 'postgres'
import { answers, freePort, startScript, type Running } from './processes.ts'

/** A running WeConnect with the measured workflow published: webhook → set → if → set. */
export interface Product {
  readonly hook: string
  readonly address: string
  readonly apiKey: string
  readonly workflowId: string
  readonly processes: readonly Running[]
  /** Executions that have ended since the start. */
  finished (): Promise<number>
  /** Says that all of them have ended: they need not be looked at again to be counted. */
  settled (): Promise<void>
  stop (): Promise<void>
}

const WORKFLOW = {
  name: 'Measured',
  nodes: [
    { id: 'in', type: 'webhook', parameters: { method: 'POST', path: 'measured', response: 'immediate' } },
    { id: 'price', type: 'set', parameters: { fields: { total: '{{ $json.body.quantity * $json.body.unitPrice }}' }, keep: 'all' } },
    { id: 'large', type: 'if', parameters: { condition: '{{ $json.total >= 100 }}' } },
    { id: 'tag', type: 'set', parameters: { fields: { tier: 'gold' } } }
  ],
  connections: [{ from: 'in', to: 'price' }, { from: 'price', to: 'large' }, { from: 'large', output: 'true', to: 'tag' }],
  settings: {}
}

const SERVER_URL = process.env['BENCH_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const REDIS_URL = process.env['BENCH_REDIS_URL'] ?? 'redis://127.0.0.1:6379'

/** One process on the embedded database. */
export async function startEmbedded (dataDir?: string): Promise<Product & { readonly dataDir: string }> {
  const directory = dataDir ?? await mkdtemp(join(tmpdir(), 'weconnect-bench-'))
  const port = await freePort()
  const process = await startScript('start', { WECONNECT_DATA_DIR: directory, PORT: String(port) })
  const address = `http://127.0.0.1:${port}`
  await answers(`${address}/healthz`)
  const apiKey = (await readFile(join(directory, 'api-key'), 'utf8')).trim()
  const { workflowId, hook } = await publish(address, { 'x-api-key': apiKey }, 'local')
  return {
    dataDir: directory,
    hook,
    address,
    apiKey,
    workflowId,
    processes: [process],
    finished: async () => await finishedByMetrics(address),
    async settled () {},
    async stop () {
      await process.stop()
      if (dataDir === undefined) await rm(directory, { recursive: true, force: true })
    }
  }
}

export interface SeparateProduct extends Product {
  readonly database: postgres.Sql
  /** Publishes a workflow, the measured one by default, in an organization of its own. */
  join (name: string, workflow?: object): Promise<Tenant>
}

export interface Tenant {
  readonly organizationId: string
  readonly workflowId: string
  readonly hook: string
  readonly session: Record<string, string>
}

/** API and worker as two processes, on a database of their own on the PostgreSQL server, and Redis. */
export async function startSeparate ({ withWorker = true, settings = {} }: { withWorker?: boolean, settings?: NodeJS.ProcessEnv } = {}): Promise<SeparateProduct> {
  const admin = postgres(SERVER_URL, { max: 1, onnotice: () => undefined })
  const name = `weconnect_bench_${randomBytes(4).toString('hex')}`
  await admin.unsafe(`create database ${name}`)
  const databaseUrl = new URL(SERVER_URL)
  databaseUrl.pathname = `/${name}`
  const port = await freePort()
  const env = {
    DATABASE_URL: databaseUrl.href,
    REDIS_URL,
    QUEUE_PREFIX: name,
    JWT_SECRET: randomBytes(48).toString('base64'),
    WECONNECT_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PORT: String(port),
    ...settings
  }
  const api = await startScript('start:api', env)
  const address = `http://127.0.0.1:${port}`
  await answers(`${address}/healthz`)
  const workers = withWorker ? [await startScript('start:worker', env)] : []
  const join = async (name: string, workflow?: object): Promise<Tenant> => await joinAt(address, name, workflow)
  const { hook, workflowId, session } = await join('Bench')
  const key = await call(address, session, 'POST', '/v1/api-keys', { name: 'bench' }) as Record<string, unknown>
  // The table has no statistics yet: without these, a count takes half a second of both cores before it begins.
  const database = postgres(databaseUrl.href, { max: 1, connection: { jit: false, enable_seqscan: false, max_parallel_workers_per_gather: 0 } })
  let ended = 0
  let lastEnded = '00000000-0000-0000-0000-000000000000'
  const finished = async (): Promise<number> => {
    const [found] = await database`select count(*)::integer as count from execution_events where status is not null and execution_id > ${lastEnded}`
    return ended + Number(found!['count'])
  }
  return {
    hook,
    address,
    apiKey: String(key['secret'] ?? key['key']),
    workflowId,
    processes: [api, ...workers],
    database,
    join,
    finished,
    async settled () {
      ended = await finished()
      const [found] = await database`select id from executions order by id desc limit 1`
      lastEnded = String(found?.['id'] ?? lastEnded)
    },
    async stop () {
      await Promise.all([api, ...workers].map(process => process.stop()))
      await database.end()
      await admin.unsafe(`drop database ${name} with (force)`)
      await admin.end()
      await deleteKeys(name)
    }
  }
}

async function joinAt (address: string, name: string, workflow?: object): Promise<Tenant> {
  const person = { email: `${name.toLowerCase().replaceAll(' ', '-')}@example.org`, password: 'a long enough phrase', name, organizationName: name }
  const { accessToken } = await call(address, {}, 'POST', '/v1/auth/register', person) as { accessToken: string }
  const session = { authorization: `Bearer ${accessToken}` }
  const { data: [organization] } = await call(address, session, 'GET', '/v1/organizations') as { data: Array<{ id: string, slug: string }> }
  return { organizationId: organization!.id, session, ...await publish(address, session, organization!.slug, workflow) }
}

/** What the queue of the run left in Redis. */
async function deleteKeys (prefix: string): Promise<void> {
  const redis = new Redis(REDIS_URL)
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 }) as AsyncIterable<string[]>) {
    if (keys.length > 0) await redis.unlink(keys)
  }
  await redis.quit()
}

export async function publish (address: string, headers: Record<string, string>, slug: string, workflow: object = WORKFLOW): Promise<{ workflowId: string, hook: string }> {
  const { id } = await call(address, headers, 'POST', '/v1/workflows', workflow) as { id: string }
  await call(address, headers, 'POST', `/v1/workflows/${id}/publish`, {})
  return { workflowId: id, hook: `${address}/hooks/${slug}/measured` }
}

export async function call (address: string, headers: Record<string, string>, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(address + path, {
    method,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

async function finishedByMetrics (address: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text()
  return [...text.matchAll(/^weconnect_executions_finished_total\{[^}]*\} (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
}
