import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino, type Logger } from 'pino'
import { createIdSource } from '../../src/lib/ids.ts'
import type { QueuedExecution } from '../../src/lib/queued-execution.ts'
import type { HintBus, SegmentHint } from '../../src/queue/hint-bus.ts'
import { createBullQueue } from '../../src/queue/bullmq.ts'
import type { Batch, Delivery, Queue } from '../../src/queue/port.ts'
import type { RedisAddress } from '../../src/queue/redis.ts'

const nextId = createIdSource(Date.now)

export function execution (organizationId: string, more: Partial<QueuedExecution> = {}): QueuedExecution {
  return { id: nextId(), organizationId, workflowId: nextId(), version: 1, nodeId: 'in', trigger: 'webhook', payload: '{"json":{}}', origin: '', ...more }
}

export function batch (size: number, organizationId: string = randomUUID()): Batch {
  return { organizationId, executions: Array.from({ length: size }, () => execution(organizationId)) }
}

export function idsOf (delivery: Delivery): readonly string[] {
  return delivery.kind === 'rows' ? delivery.executions.map(({ id }) => id) : delivery.ids
}

/** Waits for something that must come true. */
export async function until (condition: () => boolean, milliseconds = 30_000): Promise<void> {
  const limit = Date.now() + milliseconds
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`Did not happen within ${milliseconds} ms: ${condition.toString()}`)
    await sleep(10)
  }
}

export interface LoggedLine { readonly level: string, readonly msg: string }

/** A log whose lines can be read. */
export function recordingLog (): { log: Logger, lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
  const log = pino({ level: 'debug', formatters: { level: label => ({ level: label }) } }, { write: (line: string) => { lines.push(JSON.parse(line) as LoggedLine) } })
  return { log, lines }
}

export interface BullQueueSettings {
  readonly redis: RedisAddress
  readonly prefix: string
  readonly concurrency?: number
  readonly backoffDelay?: number
  readonly log?: Logger
}

export function bullQueue ({ redis, prefix, concurrency = 4, backoffDelay = 100, log = pino({ level: 'silent' }) }: BullQueueSettings): Queue {
  return createBullQueue({
    redis,
    prefix,
    concurrency,
    log,
    jobDefaults: { attempts: 3, backoffDelay, removeOnComplete: { age: 60, count: 10 }, removeOnFail: { age: 60, count: 10 } }
  })
}

export function segmentHint (organizationId: string, seq: number, more: Partial<SegmentHint> = {}): SegmentHint {
  return { organizationId, workflowId: 'workflow', executionId: 'execution', seq, lastSeq: seq, status: '', events: `[{"seq":${seq}}]`, ...more }
}

/** Watches an organization until its hints arrive for certain. The returned function ends that; other watchers stay. */
export async function watched (publisher: HintBus, watcher: HintBus, organizationId: string): Promise<() => void> {
  let newest = 0
  const leave = watcher.watch(organizationId, hint => { newest = hint.seq })
  let seq = 1
  for (const limit = Date.now() + 30_000; newest === 0; seq++) {
    if (Date.now() > limit) throw new Error('No hint arrives')
    publisher.publish([segmentHint(organizationId, seq)])
    await sleep(20)
  }
  // Hints keep their order: after this one, none of those are under way.
  publisher.publish([segmentHint(organizationId, seq)])
  await until(() => newest === seq)
  return leave
}
