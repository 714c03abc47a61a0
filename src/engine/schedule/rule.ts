import { createHash } from 'node:crypto'
import { Cron } from 'croner'
import { parseDuration } from '../../lib/duration.ts'
import type { Instant } from '../events.ts'

export const MISSED_POLICIES = ['skip', 'one', 'all'] as const
export const OVERLAP_POLICIES = ['allow', 'skip', 'buffer', 'cancel'] as const
export type MissedPolicy = typeof MISSED_POLICIES[number]
export type OverlapPolicy = typeof OVERLAP_POLICIES[number]

/** When a schedule node fires, as its parameters say: exactly one of `cron`, `every` and `at`. */
export interface ScheduleRule {
  readonly cron?: string
  /** A duration. */
  readonly every?: string
  /** RFC 3339 */
  readonly at?: string
  readonly timeZone: string
  readonly missed: MissedPolicy
  readonly overlap: OverlapPolicy
  /** A duration. */
  readonly jitter?: string
  readonly startAt?: string
  readonly endAt?: string
}

/** The times of a rule. Ticks are what is planned; a jittered one is due a little later. */
export interface Ticks {
  /** The first tick after that time, or undefined where there is none any more. */
  after (time: Instant): Instant | undefined
  /** When a tick is due: the same for all who ask. */
  dueAt (tick: Instant): Instant
}

/** Reads a cron pattern of five or six fields; throws with a message for people. */
export function parseCron (pattern: string, timeZone: string): Cron {
  return new Cron(pattern, {
    timezone: timeZone,
    paused: true,
    mode: '5-or-6-parts',
    // A local time that daylight saving skips fires once, right after the gap; one that it repeats fires once too.
    // What has a wildcard in its time of day goes by the clock on the wall and fires in every hour there is.
    fixedTimeRule: 'no-wildcard'
  })
}

/**
 * @param anchor where intervals without `startAt` begin: the time of the publication
 * @param seed tells the jitter of one schedule from another's
 */
export function ticksOf (rule: ScheduleRule, anchor: Instant, seed: string): Ticks {
  const start = rule.startAt === undefined ? -Infinity : Date.parse(rule.startAt)
  const end = rule.endAt === undefined ? Infinity : Date.parse(rule.endAt)
  const next = nextOf(rule, anchor)
  const jitter = rule.jitter === undefined ? 0 : parseDuration(rule.jitter)
  return {
    after (time) {
      // A tick at the very moment of the start counts.
      const tick = next(Math.max(time, start - 1))
      return tick === undefined || tick > end ? undefined : tick
    },
    dueAt: tick => jitter === 0 ? tick : tick + fraction(`${seed}:${tick}`) * jitter
  }
}

function nextOf (rule: ScheduleRule, anchor: Instant): (time: Instant) => Instant | undefined {
  if (rule.at !== undefined) {
    const at = Date.parse(rule.at)
    return time => time < at ? at : undefined
  }
  if (rule.every !== undefined) {
    const interval = parseDuration(rule.every)
    const first = rule.startAt === undefined ? anchor + interval : Date.parse(rule.startAt)
    return time => time < first ? first : first + (Math.floor((time - first) / interval) + 1) * interval
  }
  const cron = parseCron(rule.cron ?? '', rule.timeZone)
  return time => cron.nextRun(new Date(time))?.getTime()
}

/** 0 up to 1, of a text. */
function fraction (text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
}
