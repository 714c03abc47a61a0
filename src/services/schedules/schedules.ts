import type { Instant } from '../../engine/events.ts'
import { ticksOf, type ScheduleRule, type Ticks } from '../../engine/schedule/rule.ts'
import type { Sql, TenantDb } from '../../db/client.ts'
import { fillTicks } from '../../db/queries/fire-ticks.ts'
import { findSchedule, listSchedules, pauseSchedule, type ScheduleRow } from '../../db/queries/schedules.ts'
import { loadFresh } from '../../db/queries/load-executions.ts'
import { by, type Origin } from '../audit.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { InvalidInput, NotFound } from '../problems.ts'
import type { Quotas } from '../quotas/quotas.ts'
import { startOf } from './firing.ts'

export interface Caller {
  readonly db: TenantDb
  readonly origin: Origin
}

export interface Schedules {
  list (db: TenantDb, workflowId: string | undefined, limit: number, before: string | undefined): Promise<ScheduleRow[]>
  pause (caller: Caller, id: string): Promise<ScheduleRow>
  /** Goes on with the next tick from now: what came while it paused was not missed. */
  resume (caller: Caller, id: string): Promise<ScheduleRow>
  /** The times of the next ticks. */
  next (db: TenantDb, id: string, count: number): Promise<string[]>
  /** Starts an execution for each tick of a range that has none. */
  backfill (caller: Caller, id: string, range: { from: Instant, to: Instant }): Promise<{ started: number }>
}

export interface ScheduleDependencies {
  readonly sql: Sql
  readonly quotas: Pick<Quotas, 'within' | 'settle'>
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>
  readonly nextId: () => string
  readonly now: () => Instant
}

const MOST_BACKFILLED = 1000

export function createSchedules ({ sql, dispatcher, quotas, nextId, now }: ScheduleDependencies): Schedules {
  async function get (db: TenantDb, id: string): Promise<ScheduleRow> {
    const row = await db.run(async tx => await findSchedule(tx, db.organizationId, id))
    if (row === undefined) throw NotFound('schedule with this id')
    return row
  }

  async function setPaused ({ db, origin }: Caller, id: string, paused: boolean): Promise<ScheduleRow> {
    const row = await get(db, id)
    const audit = { id: nextId(), organizationId: db.organizationId, ...by(origin), action: paused ? 'schedule.paused' : 'schedule.resumed', targetType: 'schedule', targetId: id }
    await db.run(async tx => { await pauseSchedule(tx, db.organizationId, id, paused, paused ? null : upcoming(ticksOfRow(row), now()), audit) })
    return await get(db, id)
  }

  return {
    list: async (db, workflowId, limit, before) => await db.run(async tx => await listSchedules(tx, db.organizationId, workflowId, limit, before)),
    pause: async (caller, id) => await setPaused(caller, id, true),
    resume: async (caller, id) => await setPaused(caller, id, false),
    async next (db, id, count) {
      const row = await get(db, id)
      return times(ticksOfRow(row), now(), Infinity, count).map(tick => new Date(tick).toISOString())
    },
    async backfill ({ db }, id, { from, to }) {
      const row = await get(db, id)
      // A tick at the very start of the range is in it.
      const wanted = times(ticksOfRow(row), from - 1, Math.min(to, now()), MOST_BACKFILLED + 1)
      if (wanted.length > MOST_BACKFILLED) throw InvalidInput([{ pointer: '/to', message: `the range holds more than ${MOST_BACKFILLED} ticks; take a shorter one`, code: 'WC_BACKFILL_SIZE' }])
      const started = await quotas.within(db.organizationId, async () => {
        const filled = await fillTicks(sql, db.organizationId, id, wanted.map(tick => startOf(id, { tick, missed: true }, '', nextId())))
        quotas.settle(db.organizationId, filled.length)
        return filled
      }, wanted.length)
      if (started.length > 0) dispatcher.dispatch(await loadFresh(sql, started))
      return { started: started.length }
    }
  }
}

/** The times of a schedule, or of what else goes by a rule. */
export function ticksOfRow ({ rule, createdAt, id }: Pick<ScheduleRow, 'rule' | 'createdAt' | 'id'>): Ticks {
  return ticksOf(rule as ScheduleRule, Date.parse(createdAt), id)
}

export function upcoming (ticks: Ticks, now: Instant): { tick: number | null, at: number | null } {
  const tick = ticks.after(now)
  return tick === undefined ? { tick: null, at: null } : { tick, at: ticks.dueAt(tick) }
}

function times (ticks: Ticks, after: Instant, to: Instant, most: number): Instant[] {
  const found: Instant[] = []
  for (let tick = ticks.after(after); tick !== undefined && tick <= to && found.length < most; tick = ticks.after(tick)) found.push(tick)
  return found
}
