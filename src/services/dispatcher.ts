import type { Logger } from 'pino'
import { priorityOf } from '../lib/execution-origin.ts'
import type { QueuedExecution } from '../lib/queued-execution.ts'
import type { Batch, Queue } from '../queue/port.ts'

export interface Dispatcher {
  /** Sends accepted executions on their way. Never fails: what is not dispatched is found by the sweeper. */
  dispatch (executions: readonly QueuedExecution[]): void
  /** Sends what is being held back, and waits for the queue to take it. */
  flush (): Promise<void>
}

/** Up to this many leave together: about what comes in the longest pause at the highest load. A queue may make several jobs of them. */
const BATCH_SIZE = 400
/** Characters of their payloads: a queue may carry larger batches without their rows, which are then read from the database. */
const BATCH_LENGTH = 2 * 1024 * 1024
/** Where so many came in one pause the next is twice as long: half the jobs, and nobody is the worse for it at such load. */
const BUSY = 30
/** A few seconds of work: beyond it PostgreSQL holds the backlog. */
const QUEUE_HIGH_WATER = 10_000

interface GrowingBatch extends Batch {
  readonly executions: QueuedExecution[]
  /** Characters of payloads. */
  length: number
}

/** Executions with the same key may travel together: those of an organization and a priority. */
export function batchKey ({ organizationId, origin }: QueuedExecution): string {
  return origin === '' ? organizationId : `${organizationId} ${priorityOf(origin)}`
}

function newBatch ({ organizationId, origin }: QueuedExecution): GrowingBatch {
  return { organizationId, priority: priorityOf(origin), executions: [], length: 0 }
}

/**
 * Groups accepted executions into batches, each of one organization and priority.
 * @param coalesceMilliseconds how long ids gather under load before they become a batch
 */
export function createDispatcher (queue: Queue, log: Logger, coalesceMilliseconds = 20): Dispatcher {
  // Emptied by being replaced, never by `clear` or `delete`: those link the Map's old table, which still holds its
  // entries, to its new one. Once the collector has moved one such table to the old generation, all that follow it there.
  let gathering = new Map<string, GrowingBatch>()
  let held = 0
  let sending = 0
  let waiting: Array<() => void> = []
  let timer: NodeJS.Timeout | undefined
  let pause = coalesceMilliseconds
  let lastSent = 0

  function send (batch: Batch): void {
    lastSent = performance.now()
    held -= batch.executions.length
    sending++
    queue.dispatch(batch).catch((error: unknown) => {
      log.warn({ err: error, count: batch.executions.length }, 'The queue did not take a batch; the sweeper will dispatch it from the database')
    }).finally(() => {
      if (--sending > 0) return
      for (const resolve of waiting) resolve()
      waiting = []
    })
  }

  function sendAll (): void {
    clearTimeout(timer)
    timer = undefined
    pause = coalesceMilliseconds * (held >= BUSY ? 2 : 1)
    const batches = gathering
    gathering = new Map()
    for (const batch of batches.values()) if (batch.executions.length > 0) send(batch)
  }

  return {
    dispatch (executions) {
      if (queue.depth() > QUEUE_HIGH_WATER) return
      for (const execution of executions) {
        const key = batchKey(execution)
        let batch = gathering.get(key)
        if (batch === undefined) {
          batch = newBatch(execution)
          gathering.set(key, batch)
        }
        batch.executions.push(execution)
        batch.length += execution.payload.length
        held++
        if (batch.executions.length === BATCH_SIZE || batch.length >= BATCH_LENGTH) {
          gathering.set(key, newBatch(execution))
          send(batch)
        }
      }
      if (held === 0) return
      if (timer !== undefined) return
      // At low load nothing was sent a moment ago: go at once. Under load, gather.
      const idle = performance.now() - lastSent > pause && sending === 0
      if (idle) sendAll()
      else timer = setTimeout(sendAll, pause)
    },
    async flush () {
      sendAll()
      if (sending > 0) await new Promise<void>(resolve => { waiting.push(resolve) })
    }
  }
}
