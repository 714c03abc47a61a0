import type { Logger } from 'pino'
import type { Sql } from '../db/client.ts'
import { dropDeadMail } from '../db/queries/inbox.ts'
import { loadFresh } from '../db/queries/load-executions.ts'
import { findDue, wakeForMail, type DueExecution } from '../db/queries/leases.ts'
import { findOrphans, raiseLowWater } from '../db/queries/sweep.ts'
import { answered } from '../lib/deadline.ts'
import { priorityOf } from '../lib/execution-origin.ts'
import { groupBy } from '../lib/group-by.ts'
import { NIL_ID } from '../lib/ids.ts'
import type { QueuedExecution } from '../lib/queued-execution.ts'
import type { Queue } from '../queue/port.ts'
import { batchKey } from './dispatcher.ts'
import type { Metrics } from './metrics.ts'
import type { Runner } from './runner/runner.ts'

export interface Sweeper {
  /** Looks once for what must be done. */
  sweep (): Promise<void>
  start (): void
  close (): Promise<void>
}

export interface SweeperOptions {
  readonly sql: Sql
  readonly runner: Runner
  readonly queue: Queue
  readonly metrics: Metrics
  readonly log: Logger
  readonly now: () => number
}

const INTERVAL = 1000
/** Executions younger than this are on their way. */
const ORPHAN_AGE = 3000
/** An orphan that was dispatched again is left alone this long. */
const REDISPATCH_PAUSE = 10_000
/** What is unfinished beyond this age has a lease row. */
const WINDOW = 120_000
/** Executions that one statement looks at. On the embedded database it holds up everybody: some 10 ms. */
const LOOK_AT_ONCE = 2000
/** While the queue holds more than this, what seems lost is probably in it. */
const QUEUE_LOW_WATER = 200
/** Housekeeping that may wait, in sweeps. */
const HOUSEKEEPING_EVERY = 15
const LIMITS_EVERY = 3

/**
 * Finds what PostgreSQL says is unfinished and unowned, and sees to it that somebody runs it. Any number of
 * processes may sweep at once: a claim has one winner.
 */
export function createSweeper ({ sql, runner, queue, metrics, log, now }: SweeperOptions): Sweeper {
  const redispatched = new Map<string, number>()
  /** Up to here each execution was looked at once. */
  let lookedUpTo = NIL_ID
  /** How far the second look has come, which finds what was committed late. */
  let againUpTo = NIL_ID
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<void> | undefined
  let round = 0
  let failing = false

  async function takeOverDue (): Promise<void> {
    const { free } = runner
    if (free === 0) return
    const due = await answered(findDue(sql, Math.max(1, Math.ceil(free / 2))))
    // The high priorities come first. Several sweepers see the same rows: each begins somewhere else.
    for (const [, equals] of groupBy(due, ({ priority }) => priority)) {
      const shift = Math.floor(Math.random() * equals.length)
      for (const one of [...equals.slice(shift), ...equals.slice(0, shift)]) takeOver(one)
    }
  }

  function takeOver (one: DueExecution): void {
    void runner.takeOver(one).catch((error: unknown) => {
      log.error({ err: error, executionId: one.executionId }, 'An execution could not be taken over; it will be tried again')
    })
  }

  /**
   * What has begun, or has a lease, is no orphan any more. So each execution is looked at once, when it has the age, and
   * then again at leisure; to look at the whole window each time costs more than to run what is in it.
   */
  async function redispatchOrphans (): Promise<void> {
    const time = now()
    if (queue.depth() > QUEUE_LOW_WATER) return
    await redispatch(stillLost(time), time)
    let pieces = 0
    for (let done = false; !done && queue.depth() <= QUEUE_LOW_WATER; pieces++) {
      const piece = await answered(findOrphans(sql, lookedUpTo, time - ORPHAN_AGE, LOOK_AT_ONCE))
      await redispatch(piece.orphans.map(orphan => orphan.executionId), time)
      lookedUpTo = piece.last ?? lookedUpTo
      done = piece.done
    }
    // Under such load it would never come to the end; the low-water mark does.
    if (pieces > 1) return
    const piece = await answered(findOrphans(sql, againUpTo, time - ORPHAN_AGE, LOOK_AT_ONCE))
    await redispatch(piece.orphans.map(orphan => orphan.executionId), time)
    againUpTo = piece.done ? NIL_ID : piece.last ?? NIL_ID
  }

  /** What was dispatched again a while ago, and may have been lost again. */
  function stillLost (time: number): string[] {
    const ids = [...redispatched].flatMap(([id, at]) => time - at > REDISPATCH_PAUSE ? [id] : [])
    for (const id of ids) redispatched.delete(id)
    return ids
  }

  async function redispatch (ids: readonly string[], time: number): Promise<void> {
    const orphans = ids.filter(id => !redispatched.has(id))
    if (orphans.length === 0) return
    const executions = await answered(loadFresh(sql, orphans))
    // Somebody began them in between.
    if (executions.length === 0) return
    for (const alike of groupBy(executions, batchKey).values()) {
      const [{ organizationId, origin }] = alike as [QueuedExecution]
      await queue.dispatch({ organizationId, priority: priorityOf(origin), executions: alike })
    }
    for (const { id } of executions) redispatched.set(id, time)
    metrics.redispatched.inc(executions.length)
    log.info({ count: executions.length }, 'Dispatched executions again that were accepted and not begun')
  }

  async function sweep (): Promise<void> {
    await answered(wakeForMail(sql))
    await takeOverDue()
    await redispatchOrphans()
    if (round % LIMITS_EVERY === 0) await runner.limits.sweep()
    if (round++ % HOUSEKEEPING_EVERY !== 0) return
    await raiseMark()
    await answered(dropDeadMail(sql))
  }

  async function raiseMark (): Promise<void> {
    const before = now() - WINDOW
    let total = 0
    for (let done = false; !done;) {
      const raised = await answered(raiseLowWater(sql, before, LOOK_AT_ONCE))
      total += raised.adopted
      done = raised.done
    }
    if (total > 0) log.info({ count: total }, 'Executions have waited for more than two minutes; they wait in the database now')
  }

  function tick (): void {
    sweeping = sweep().then(() => { failing = false }, (error: unknown) => {
      // Once for an outage, not once a second.
      if (!failing) log.warn({ err: error }, 'The sweeper cannot work; it tries again each second')
      failing = true
    }).finally(() => {
      if (timer !== undefined) timer = setTimeout(tick, INTERVAL)
    })
  }

  return {
    sweep,
    start () { timer = setTimeout(tick, 0) },
    async close () {
      clearTimeout(timer)
      timer = undefined
      await sweeping
    }
  }
}
