import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { Sql } from '../../src/db/client.ts'
import type { NewExecution } from '../../src/db/queries/accept-executions.ts'
import { loadSegments } from '../../src/db/queries/load-executions.ts'
import { ensurePartitions } from '../../src/db/partitions.ts'
import type { Connection, WorkflowNode, WorkflowSettings } from '../../src/engine/definition.ts'
import type { Event } from '../../src/engine/events.ts'
import type { Connect } from '../../src/engine/nodes/connect.ts'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import type { NodeType } from '../../src/engine/nodes/node-type.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { decodeEvents } from '../../src/engine/stored-events.ts'
import { createIdSource } from '../../src/lib/ids.ts'
import { InProcessQueue } from '../../src/queue/in-process.ts'
import { LocalHintBus } from '../../src/queue/local-hint-bus.ts'
import { createAcceptance, type Acceptance } from '../../src/services/acceptance.ts'
import { createAnswerLinks, type AnswerLinks } from '../../src/services/answer-links.ts'
import type { CredentialSource } from '../../src/services/credentials/source.ts'
import { createDispatcher } from '../../src/services/dispatcher.ts'
import { createFolders } from '../../src/services/files/folder.ts'
import { createFiles } from '../../src/services/files/files.ts'
import { createLargeValues } from '../../src/services/files/large-values.ts'
import { createNodeFiles } from '../../src/services/files/node-files.ts'
import { createMetrics, type Metrics } from '../../src/services/metrics.ts'
import { createPlans } from '../../src/services/plans.ts'
import { createDeliveryWork } from '../../src/services/runner/deliveries.ts'
import { createStartedDispatch } from '../../src/services/runner/dispatch-started.ts'
import { createEventWriter, type EventWriter } from '../../src/services/runner/event-writer.ts'
import type { TenantFetch } from '../../src/services/egress/index.ts'
import type { CodeSandbox } from '../../src/services/runner/run-host.ts'
import { createQuotas } from '../../src/services/quotas/quotas.ts'
import { createRunner, type Runner } from '../../src/services/runner/runner.ts'
import { createSweeper, type Sweeper } from '../../src/services/sweeper.ts'
import { openLocalStorage } from '../../src/storage/local.ts'
import type { FileStorage } from '../../src/storage/port.ts'
import { noConnections } from './node-context.ts'
import { testDatabase, type TestDatabase } from './database.ts'

export interface Site {
  readonly database: TestDatabase
  readonly sql: Sql
  readonly nextId: () => string
  readonly organizationId: string
  readonly storage: FileStorage
  readonly storageDirectory: string
  /** Inserts and publishes a workflow; its trigger is the node `start`. */
  workflow (nodes: readonly WorkflowNode[], links: readonly string[], options?: { settings?: WorkflowSettings, organizationId?: string, trigger?: WorkflowNode }): Promise<string>
  organization (): Promise<string>
  execution (workflowId: string, more?: Partial<NewExecution>): NewExecution
}

const start: WorkflowNode = { id: 'start', type: 'manual' }
const nextId = createIdSource(Date.now)

/** A database with one organization in it. */
export async function createSite (t: Test): Promise<Site> {
  const database = await testDatabase(t)
  const sql = database.service
  async function organization (): Promise<string> {
    const id = nextId()
    await sql`insert into organizations (id, name, slug) values (${id}, 'Test', ${`test-${id}`})`
    return id
  }
  const organizationId = await organization()
  const storageDirectory = await mkdtemp(join(tmpdir(), 'weconnect-files-'))
  t.teardown(async () => { await rm(storageDirectory, { recursive: true, force: true }) })
  const organizationOf = new Map<string, string>()
  return {
    database,
    sql,
    nextId,
    organizationId,
    storage: await openLocalStorage(storageDirectory),
    storageDirectory,
    organization,
    async workflow (nodes, links, { settings = {}, organizationId: owner = organizationId, trigger = start } = {}) {
      const id = nextId()
      const definition = { nodes: [trigger, ...nodes], connections: links.map(parseLink), settings }
      await sql`insert into workflows (id, organization_id, name, version, published_version) values (${id}, ${owner}, 'Test', 1, 1)`
      await sql`insert into workflow_versions (organization_id, workflow_id, version, name, definition) values (${owner}, ${id}, 1, 'Test', ${JSON.stringify(definition)}::text::json)`
      organizationOf.set(id, owner)
      return id
    },
    execution: (workflowId, more) => ({
      id: nextId(), organizationId: organizationOf.get(workflowId) ?? organizationId, workflowId, version: 1, nodeId: 'start', trigger: 'manual', payload: '{}', origin: '', published: true, ...more
    })
  }
}

function parseLink (link: string): Connection {
  const [from, to] = link.split('->').map(end => end.trim().split('.')) as [[string, string?], [string, string?]]
  return { from: from[0], to: to[0], ...(from[1] === undefined ? {} : { output: from[1] }), ...(to[1] === undefined ? {} : { input: to[1] }) }
}

export interface Worker {
  readonly acceptance: Acceptance
  readonly queue: InProcessQueue
  readonly runner: Runner
  readonly sweeper: Sweeper
  readonly writer: EventWriter
  readonly metrics: Metrics
  readonly hints: LocalHintBus
  readonly links: AnswerLinks
  /** The process is gone, as far as it can be: its timers stop, and nothing that it has under way is written. */
  die (): void
}

export interface WorkerOptions {
  readonly nodes?: readonly NodeType[]
  readonly slots?: number
  readonly leaseSeconds?: number
  /** Whether what it accepts goes to its own queue. */
  readonly dispatching?: boolean
  readonly sql?: Sql
  readonly now?: () => number
  readonly storage?: FileStorage
  readonly largeValueSize?: number
  readonly filesRoot?: string
  /** By default it has none of these. */
  readonly fetch?: TenantFetch
  readonly sandbox?: CodeSandbox
  readonly connect?: Connect
  readonly credentials?: CredentialSource
}

const LARGE_VALUE = 256 * 1024
const MAX_FILE_SIZE = 64 * 1024 * 1024

/** What stands on the file storage, of the site or another. */
export function createFilesOn ({ sql, nextId, storage: own }: Site, { storage = own, largeValueSize = LARGE_VALUE }: Pick<WorkerOptions, 'storage' | 'largeValueSize'> = {}) {
  const files = createFiles({ sql, storage, nextId })
  return { files, values: createLargeValues({ files, limit: largeValueSize, nextId }) }
}

const noNetwork = async (): Promise<never> => { throw new Error('This worker has no network') }
const noSandbox: CodeSandbox = { run: async () => { throw new Error('This worker has no sandbox') } }
const noCredentials = { open: async () => { throw new Error('This worker has no credentials') }, close () {} }

/** One process: acceptance, queue, runner and sweeper on the site's database. The sweeper works when it is told to. */
export function createWorker (t: Test, site: Site, options: WorkerOptions = {}): Worker {
  const { nodes = [], slots = 20, leaseSeconds = 30, dispatching = true, sql = site.sql, now = Date.now, filesRoot = null, fetch = noNetwork, sandbox = noSandbox, connect = noConnections, credentials = noCredentials } = options
  const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' })
  const metrics = createMetrics()
  const hints = new LocalHintBus()
  const queue = new InProcessQueue()
  const links = createAnswerLinks([Buffer.alloc(32, 7)], 'http://weconnect.test')
  const plans = createPlans(sql, new NodeRegistry([...builtinNodes, ...nodes]))
  const { files, values } = createFilesOn(site, options)
  const dispatcher = createDispatcher(queue, log)
  const acceptance = createAcceptance({ sql, dispatcher, values, metrics, quotas: createQuotas({ sql, now: Date.now, log }), ensurePartitions: async () => { await makePartitions(site) }, statements: { acceptances: 3, keyedAcceptances: 2 } })
  let dead = false
  // The clock of the dead stands still, and with it their heartbeat.
  const ownNow = (): number => dead ? 0 : now()
  const living = createEventWriter({ sql, hints, metrics, leaseSeconds, statements: 2, isSubscribed: () => false, onAnnounced () {}, onDue: one => { runner.wake(one) }, onStarted: createStartedDispatch({ sql, dispatcher, metrics, log }) })
  t.teardown(hints.onControl(hint => { if (hint.type === 'mail') runner.mail(hint.executionId) }))
  const writer: EventWriter = {
    append: async segment => dead ? await new Promise(() => {}) : await living.append(segment),
    get backlog () { return living.backlog },
    drained: async () => { await living.drained() }
  }
  const runner = createRunner({ sql, plans, writer, values, links, executionUrl: id => `http://weconnect.test/v1/executions/${id}`, filesOf: ({ organizationId, id: executionId }) => createNodeFiles(files, { organizationId, executionId }, MAX_FILE_SIZE, createFolders(filesRoot)(organizationId)), fetch, connect, credentials, sandbox, metrics, log, now: ownNow, nextId: site.nextId, slots, leaseSeconds })
  const sweeper = createSweeper({ sql, runner, queue, metrics, log, now })
  if (dispatching) queue.consume(createDeliveryWork(sql, runner))
  t.teardown(async () => {
    await sweeper.close()
    if (!dead) await runner.close(0)
    await queue.close(0)
  })
  return { acceptance, queue, runner, sweeper, writer, metrics, hints, links, die () { dead = true } }
}

export async function makePartitions ({ database }: Site): Promise<void> {
  const owner = database.owner()
  try {
    await ensurePartitions(owner, Date.now())
  } finally {
    await owner.end()
  }
}

/** Makes every lease of the executions run out. */
export async function expireLeases ({ sql }: Site): Promise<void> {
  await sql`update execution_leases set due_at = now() - interval '1 second'`
}

export async function eventsOf ({ sql }: Site, executionId: string): Promise<Event[]> {
  const segments = await loadSegments(sql, executionId)
  let next = 2
  for (const segment of segments) {
    if (segment.seq !== next) throw new Error(`Segment ${segment.seq} after event ${next - 1}`)
    next = segment.lastSeq + 1
  }
  const events = segments.flatMap(segment => decodeEvents(JSON.parse(segment.events)))
  if (events.length !== next - 2) throw new Error(`${events.length} events up to ${next - 1}`)
  return events
}

export async function statusOf ({ sql }: Site, executionId: string): Promise<string | undefined> {
  const [row] = await sql<Array<{ status: string }>>`select status from execution_events where execution_id = ${executionId} and status is not null`
  return row?.status
}

/** Waits until it holds; throws after `limit` milliseconds. */
export async function until<T> (what: string, probe: () => Promise<T | undefined | false> | T | undefined | false, limit = 60_000): Promise<T> {
  for (const end = Date.now() + limit; Date.now() < end; await sleep(20)) {
    const found = await probe()
    if (found !== undefined && found !== false) return found
  }
  throw new Error(`Waited ${limit} ms in vain: ${what}`)
}

/** Waits for the end, sweeping meanwhile. */
export async function untilEnded (site: Site, executionId: string, workers: readonly Worker[] = [], limit = 60_000): Promise<string> {
  return await until(`the end of ${executionId}`, async () => {
    for (const worker of workers) await worker.sweeper.sweep()
    return await statusOf(site, executionId)
  }, limit)
}

/**
 * Lets the leases run out and `worker` sweep until it holds: a heartbeat of the last owner that is under way may
 * prolong its lease once more.
 */
export async function untilTakenOver (what: string, site: Site, worker: Worker, probe: () => boolean): Promise<void> {
  await until(what, async () => {
    await expireLeases(site)
    await worker.sweeper.sweep()
    await sleep(50)
    return probe()
  })
}
