import type { Instant } from '../events.ts'
import type { ScheduleRule, Ticks } from './rule.ts'

/** A tick that is late by no more than this was not missed, milliseconds: a scheduler may be restarted. */
export const GRACE = 60_000
/** Missed ticks that `missed: "all"` makes up for; older ones are let go. */
export const MOST_MISSED = 100
/** Ticks to step through one by one before their distance is estimated instead. */
const MOST_STEPS = 2000

export interface DueTick {
  readonly tick: Instant
  /** Whether it is made up for, long after its time. */
  readonly missed: boolean
}

export interface Due {
  /** What is to start now, in order. */
  readonly fire: readonly DueTick[]
  /** The first tick that is not due yet. */
  readonly next: Instant | undefined
}

/** What follows from a schedule whose tick `first` is due at `now`. */
export function dueTicks (rule: ScheduleRule, ticks: Ticks, first: Instant, now: Instant): Due {
  const due: Instant[] = []
  let next: Instant | undefined = skipAhead(ticks, first, now)
  while (next !== undefined && ticks.dueAt(next) <= now) {
    due.push(next)
    if (due.length > MOST_MISSED) due.shift()
    next = ticks.after(next)
  }
  const fire = due.map(tick => ({ tick, missed: now - ticks.dueAt(tick) > GRACE }))
  return { fire: choose(rule, fire), next }
}

function choose ({ missed, overlap }: ScheduleRule, due: readonly DueTick[]): readonly DueTick[] {
  const kept = missed === 'skip' ? due.filter(tick => !tick.missed) : due
  // Ticks that come together overlap each other: where that is not allowed, one stands for all.
  return missed === 'all' && overlap === 'allow' ? kept : kept.slice(-1)
}

/** After a long silence, most ticks would be stepped through only to be let go. */
function skipAhead (ticks: Ticks, first: Instant, now: Instant): Instant {
  let at = first
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    const next = ticks.after(at)
    if (next === undefined || next > now) return first
    at = next
  }
  const distance = (at - first) / MOST_STEPS
  return ticks.after(now - distance * MOST_STEPS) ?? first
}
