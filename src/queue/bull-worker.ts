import { WaitingError, Worker, type Job } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { isId } from '../lib/ids.ts'
import { decodeRows } from './batch-rows.ts'
import { takeBuffer } from './lean-commands.ts'
import type { Delivery } from './port.ts'
import type { OutageLog, RedisLink } from './redis.ts'

/** What a job carries. The rows themselves are in a key of their own, which BullMQ does not copy around. */
export interface BatchJob {
  readonly organizationId: string
  /** Execution ids, joined by commas */
  readonly ids: string
  /** Where the rows are for a minute; absent where they are too large. */
  readonly payloadKey?: string
}

export interface BullWorkerOptions {
  readonly name: string
  readonly prefix: string
  readonly connection: Redis
  readonly link: RedisLink
  readonly concurrency: number
  readonly outages: OutageLog
  readonly log: Logger
  readonly received: (executions: number) => void
  readonly work: (delivery: Delivery) => Promise<void>
}

export interface BullWorker {
  /** Throws where the worker has stopped asking for batches. */
  assertPolling (): void
  close (graceMilliseconds: number): Promise<void>
}

/** A batch whose worker died is handed to another after at most the lock's time and one check: 15 s. */
const LOCK_MILLISECONDS = 10_000
const STALLED_CHECK_MILLISECONDS = 5000
const MAX_STALLED = 1
/** An idle worker asks this often, seconds. */
const POLL_SECONDS = 5
const SILENCE_LIMIT = 30_000
const RETRY_MILLISECONDS = 1000
/** How long the last completed batches may take to be written down, milliseconds. */
const SETTLE_LIMIT = 1000

/** BullMQ tells when it finds a job, and not when it finds none. */
class PolledWorker extends Worker<BatchJob, void> {
  lastPoll = Date.now()

  protected override async moveToActive (token: string, name?: string): ReturnType<Worker<BatchJob, void>['getNextJob']> {
    const job = await super.moveToActive(token, name)
    this.lastPoll = Date.now()
    return job
  }
}

export function startBullWorker (options: BullWorkerOptions): BullWorker {
  const { link, outages, log, work, received } = options
  const active = new Set<Promise<void>>()
  let closing = false

  async function take (job: Job<BatchJob, void>, token: string | undefined): Promise<void> {
    if (closing) {
      // It came in while the worker was closing: others may have it at once.
      await job.moveToWait(token)
      throw new WaitingError()
    }
    const handled = handle(job)
    active.add(handled)
    try {
      await handled
    } finally {
      active.delete(handled)
      worker.lastPoll = Date.now()
    }
  }

  async function handle (job: Job<BatchJob, void>): Promise<void> {
    const delivery = await deliveryOf(job, link)
    received(delivery.kind === 'rows' ? delivery.executions.length : delivery.ids.length)
    try {
      await work(delivery)
    } catch (error) {
      log.error({ err: error, organizationId: job.data.organizationId, attempt: job.attemptsMade + 1 }, 'A batch failed; it is tried again, or its executions are found in the database')
      throw error
    }
  }

  const worker = new PolledWorker(options.name, take, {
    connection: options.connection,
    prefix: options.prefix,
    autorun: false,
    concurrency: options.concurrency,
    lockDuration: LOCK_MILLISECONDS,
    stalledInterval: STALLED_CHECK_MILLISECONDS,
    maxStalledCount: MAX_STALLED,
    drainDelay: POLL_SECONDS,
    runRetryDelay: RETRY_MILLISECONDS
  })
  worker.on('error', error => { outages.fault(error) })
  void worker.run().catch((error: unknown) => { log.error({ err: error }, 'The worker of the queue has stopped. Restart this process.') })

  return {
    assertPolling () {
      const silence = Date.now() - worker.lastPoll
      if (active.size === 0 && silence > SILENCE_LIMIT) throw new Error(`The worker has not asked the queue for ${Math.round(silence / 1000)} s`)
    },
    async close (graceMilliseconds) {
      closing = true
      await worker.pause(true)
      await within(graceMilliseconds, Promise.allSettled(active))
      // Those that are done are marked so on the worker's connection, in order: an answer means they are. A turn of the event loop lets BullMQ send them.
      await new Promise(resolve => setImmediate(resolve))
      await within(SETTLE_LIMIT, options.connection.ping().catch(() => undefined))
      // Not waiting for anything: BullMQ would wait for ever where Redis is away.
      await worker.close(true)
      options.connection.disconnect()
    }
  }
}

async function deliveryOf (job: Job<BatchJob, void>, link: RedisLink): Promise<Delivery> {
  const { organizationId, payloadKey } = job.data
  const ids = job.data.ids.split(',').filter(isId)
  if (job.stalledCounter > 0) return { kind: 'redelivered', ids }
  if (job.attemptsMade > 0 || payloadKey === undefined) return { kind: 'ids', ids }
  try {
    const executions = await link.run(async client => await takeBuffer(client, payloadKey, rows => rows === null ? undefined : decodeRows(organizationId, rows)))
    if (executions !== undefined) return { kind: 'rows', executions }
  } catch {
    // The rows are a short cut.
  }
  return { kind: 'ids', ids }
}

async function within (milliseconds: number, settled: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([settled, new Promise(resolve => { timer = setTimeout(resolve, milliseconds) })])
  clearTimeout(timer)
}
