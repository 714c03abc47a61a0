import type { Instant } from '../../engine/events.ts'
import { dueTicks, type DueTick } from '../../engine/schedule/missed.ts'
import { ticksOf, type ScheduleRule } from '../../engine/schedule/rule.ts'
import type { DueSchedule, Firing, Start } from '../../db/queries/fire-ticks.ts'

/** What becomes of a schedule whose tick is due: which executions start, and when it is due again. */
export function firingOf (schedule: DueSchedule, origin: string, now: Instant, nextId: () => string): Firing {
  const rule = schedule.rule as ScheduleRule
  const ticks = ticksOf(rule, schedule.createdAt, schedule.id)
  const { fire, next } = dueTicks(rule, ticks, schedule.nextTick, now)
  const starts = fire.map(tick => startOf(schedule.id, tick, origin, nextId()))
  return {
    scheduleId: schedule.id,
    expected: schedule.nextTick,
    next: next ?? null,
    nextAt: next === undefined ? null : ticks.dueAt(next),
    lastTick: starts.at(-1)?.tick ?? null,
    overlap: rule.overlap,
    lastStart: starts.at(-1)?.executionId ?? null,
    starts
  }
}

export function startOf (scheduleId: string, { tick, missed }: DueTick, origin: string, executionId: string): Start {
  return { tick, executionId, payload: JSON.stringify({ scheduledAt: new Date(tick).toISOString(), scheduleId, missed }), origin }
}
