import type { Logger } from 'pino'
import type { Instant } from '../../engine/events.ts'
import type { Sql } from '../../db/client.ts'
import { findBuffered, findDueSchedules, fireBuffered, fireTicks, millisecondsToNextTick, type DueSchedule, type Firing, type Started } from '../../db/queries/fire-ticks.ts'
import { loadFresh } from '../../db/queries/load-executions.ts'
import { groupBy } from '../../lib/group-by.ts'
import { answered } from '../../lib/deadline.ts'
import { writeOrigin } from '../../lib/execution-origin.ts'
import type { HintBus } from '../../queue/hint-bus.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { Plans } from '../plans.ts'
import type { Quotas } from '../quotas/quotas.ts'
import { firingOf, startOf } from './firing.ts'

export interface Scheduler {
  /** Fires what is due now. Any number of processes may do so at once: each tick fires once. */
  fire (): Promise<void>
  start (): void
  close (): Promise<void>
}

export interface SchedulerOptions {
  readonly sql: Sql
  readonly plans: Plans
  readonly quotas: Pick<Quotas, 'room' | 'count'>
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>
  readonly hints: Pick<HintBus, 'control'>
  readonly log: Logger
  readonly now: () => Instant
  readonly nextId: () => string
}

/** How long it sleeps at most: a schedule that was published meanwhile is found then. */
const INTERVAL = 1000
const SHORTEST_SLEEP = 20
const SCHEDULES_AT_ONCE = 200
/** Executions a statement starts, about. */
const STARTS_AT_ONCE = 500

export function createScheduler ({ sql, plans, quotas, dispatcher, hints, log, now, nextId }: SchedulerOptions): Scheduler {
  let timer: NodeJS.Timeout | undefined
  let firing: Promise<void> | undefined
  let failing = false

  async function fire (): Promise<void> {
    for (let more = true; more;) {
      const due = await answered(findDueSchedules(sql, SCHEDULES_AT_ONCE))
      await fireAll(due)
      more = due.length === SCHEDULES_AT_ONCE
    }
    for (const schedule of await answered(findBuffered(sql, SCHEDULES_AT_ONCE))) {
      // It waits for room as it waited for the execution before.
      if (await quotas.room(schedule.organizationId, 0) < 1) continue
      const start = startOf(schedule.id, { tick: schedule.tick, missed: false }, await originOf(schedule), nextId())
      await begin(await answered(fireBuffered(sql, schedule.id, start)))
    }
  }

  async function fireAll (due: readonly DueSchedule[]): Promise<void> {
    let batch: Firing[] = []
    let starts = 0
    let planned = new Map<string, number>()
    for (const schedule of due) {
      const next = await withinQuota(schedule.organizationId, await firingFor(schedule), planned)
      batch.push(next)
      starts += next.starts.length
      if (starts < STARTS_AT_ONCE) continue
      await commit(batch)
      batch = []
      starts = 0
      planned = new Map()
    }
    if (batch.length > 0) await commit(batch)
  }

  async function commit (batch: readonly Firing[]): Promise<void> {
    // In one order for all schedulers: they must not wait for one another.
    const ordered = [...batch].sort((a, b) => a.scheduleId < b.scheduleId ? -1 : 1)
    await begin(await answered(fireTicks(sql, ordered)))
  }

  async function firingFor (schedule: DueSchedule): Promise<Firing> {
    try {
      return firingOf(schedule, await originOf(schedule), now(), nextId)
    } catch (error) {
      // It would fail each second, and be in the way of others.
      log.error({ err: error, scheduleId: schedule.id, workflowId: schedule.workflowId }, 'A schedule cannot be computed and fires no more. Publish its workflow again to start it anew.')
      return { scheduleId: schedule.id, expected: schedule.nextTick, next: null, nextAt: null, lastTick: null, overlap: 'allow', lastStart: null, starts: [] }
    }
  }

  /** Ticks for which the organization's quota has no room start nothing; the schedule goes on. */
  async function withinQuota (organizationId: string, firing: Firing, planned: Map<string, number>): Promise<Firing> {
    const { starts } = firing
    if (starts.length === 0) return firing
    const before = planned.get(organizationId) ?? 0
    const kept = starts.slice(0, Math.max(0, await quotas.room(organizationId, before + starts.length) - before))
    planned.set(organizationId, before + kept.length)
    if (kept.length === starts.length) return firing
    return { ...firing, starts: kept, lastTick: kept.at(-1)?.tick ?? null, lastStart: kept.at(-1)?.executionId ?? null }
  }

  async function originOf ({ organizationId, workflowId, version }: DueSchedule): Promise<string> {
    const plan = await plans.get(organizationId, workflowId, version)
    return plan === undefined ? '' : writeOrigin({ priority: plan.limits.priority })
  }

  async function begin (started: readonly Started[]): Promise<void> {
    for (const executionId of new Set(started.flatMap(({ cancelled }) => cancelled ?? []))) hints.control({ type: 'mail', executionId })
    if (started.length === 0) return
    const rows = await answered(loadFresh(sql, started.map(({ executionId }) => executionId)))
    for (const [organizationId, { length }] of groupBy(rows, row => row.organizationId)) quotas.count(organizationId, length)
    dispatcher.dispatch(rows)
  }

  function tick (): void {
    firing = fire().then(async () => {
      failing = false
      return await answered(millisecondsToNextTick(sql, INTERVAL))
    }).catch((error: unknown) => {
      if (!failing) log.warn({ err: error }, 'The scheduler cannot work; it tries again each second, and makes up for what it missed as each schedule says')
      failing = true
      return INTERVAL
    }).then(wait => {
      if (timer !== undefined) timer = setTimeout(tick, Math.max(SHORTEST_SLEEP, wait))
    })
  }

  return {
    fire,
    start () { timer = setTimeout(tick, 0) },
    async close () {
      clearTimeout(timer)
      timer = undefined
      await firing
    }
  }
}
