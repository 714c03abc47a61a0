import { randomUUID } from 'node:crypto'
import { Queue as JobQueue } from 'bullmq'
import type { Logger } from 'pino'
import { encodeRows } from './batch-rows.ts'
import { startBullWorker, type BatchJob, type BullWorker } from './bull-worker.ts'
import { DepthGauge } from './depth-gauge.ts'
import { FairTurns } from './fair-turns.ts'
import { setBuffer } from './lean-commands.ts'
import type { Batch, Queue } from './port.ts'
import { openLink, openPatient, OutageLog, type RedisAddress } from './redis.ts'

export interface BullQueueOptions {
  readonly redis: RedisAddress
  /** Of all keys in Redis */
  readonly prefix: string
  readonly jobDefaults: {
    readonly attempts: number
    /** Milliseconds; doubles with each attempt. */
    readonly backoffDelay: number
    /** Ages are seconds. */
    readonly removeOnComplete: { readonly age: number, readonly count: number }
    readonly removeOnFail: { readonly age: number, readonly count: number }
  }
  /** Batches that this process works on at once, once it consumes. */
  readonly concurrency: number
  readonly log: Logger
}

const NAME = 'executions'
/** Executions a job. Measured: beyond it, nothing is gained. */
const BATCH_SIZE = 200
/** Rows that no worker fetched by then are read from the database, seconds. */
const ROWS_LIFETIME = 60
/** Events of the queue's stream that Redis keeps; nothing depends on them. */
const EVENTS_KEPT = 1000

/** Carries batches through Redis to any number of workers. Connects at once, and for ever. */
export function createBullQueue ({ redis, prefix, jobDefaults, concurrency, log }: BullQueueOptions): Queue {
  const outages = new OutageLog(log, 'accepted executions wait in the database until it is back')
  const link = openLink(redis, outages)
  const { attempts, backoffDelay, removeOnComplete, removeOnFail } = jobDefaults
  const jobs = new JobQueue<BatchJob, void, string>(NAME, {
    connection: link.client,
    prefix,
    // Neither waits for Redis: the queue must be usable as soon as Redis is there.
    skipWaitingForReady: true,
    skipVersionCheck: true,
    streams: { events: { maxLen: EVENTS_KEPT } },
    defaultJobOptions: { attempts, backoff: { type: 'exponential', delay: backoffDelay }, removeOnComplete: { ...removeOnComplete }, removeOnFail: { ...removeOnFail } }
  })
  jobs.on('error', error => { outages.fault(error) })
  const turns = new FairTurns()
  const gauge = new DepthGauge({
    link,
    keys: { wait: jobs.toKey('wait'), active: jobs.toKey('active'), prioritized: jobs.toKey('prioritized') },
    observe: lowest => { turns.observe(lowest) }
  })
  let worker: BullWorker | undefined
  let closed = false

  async function send ({ organizationId, priority, executions }: Batch): Promise<void> {
    // An id of its own: after a flush BullMQ would count from 1 again, and meet the jobs under way.
    const jobId = randomUUID()
    const rows = encodeRows(executions)
    const payloadKey = `${prefix}:rows:${jobId}`
    const ids = executions.map(({ id }) => id).join(',')
    const data: BatchJob = { organizationId, ids, ...(rows === undefined ? {} : { payloadKey }) }
    gauge.sent(executions.length)
    try {
      await link.run(async client => {
        // Both go out in one write, the rows first; without them the batch is still of use.
        if (rows !== undefined) void setBuffer(client, payloadKey, rows, ROWS_LIFETIME).catch(() => undefined)
        await jobs.add('batch', data, { jobId, priority: turns.next(organizationId, priority) })
      })
    } catch (error) {
      gauge.unsent(executions.length)
      throw error
    }
  }

  return {
    async dispatch ({ executions, ...batch }) {
      if (closed) return
      const sending: Array<Promise<void>> = []
      for (let at = 0; at < executions.length; at += BATCH_SIZE) sending.push(send({ ...batch, executions: executions.slice(at, at + BATCH_SIZE) }))
      const failed = (await Promise.allSettled(sending)).find(result => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
    depth: () => gauge.depth,
    consume (work) {
      if (worker !== undefined || closed) throw new Error('The queue has its consumer already, or is closed')
      gauge.keepWatching()
      worker = startBullWorker({
        name: NAME,
        prefix,
        connection: openPatient(redis, outages),
        link,
        concurrency,
        outages,
        log,
        received: executions => { gauge.received(executions) },
        work
      })
    },
    async ping () {
      await link.run(async client => await client.ping())
      worker?.assertPolling()
    },
    async close (graceMilliseconds) {
      if (closed) return
      closed = true
      gauge.close()
      outages.silence()
      await worker?.close(graceMilliseconds)
      await jobs.close()
      link.close()
    }
  }
}
