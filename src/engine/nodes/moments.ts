import { parseDuration } from '../../lib/duration.ts'
import type { Instant } from '../events.ts'
import { hasExpression } from '../expression/index.ts'
import { NodeError } from '../node-error.ts'
import { LAST_INSTANT } from '../wait.ts'
import type { ParameterIssue } from './node-type.ts'

/** RFC 3339 section 5.6: date, time and offset. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})$/

/** The moment that lies an evaluated duration ahead. */
export function momentAfter (now: Instant, duration: unknown, pointer: string): Instant {
  try {
    return Math.min(LAST_INSTANT, now + parseDuration(String(duration)))
  } catch (error) {
    throw new NodeError('WC_DURATION', error instanceof Error ? error.message : String(error), { pointer })
  }
}

/** An evaluated moment: RFC 3339 text, or milliseconds since the epoch. */
export function momentOf (given: unknown, pointer: string): Instant {
  const moment = typeof given === 'number' ? given : parseMoment(String(given))
  if (Number.isFinite(moment)) return Math.min(LAST_INSTANT, Math.max(0, Math.floor(moment)))
  throw new NodeError('WC_TIME', `${JSON.stringify(String(given).slice(0, 40))} is not a time such as 2026-01-31T12:00:00Z`, { pointer })
}

/** What is wrong with a time that is written out. */
export function momentIssues (given: unknown, pointer: string): readonly ParameterIssue[] {
  if (typeof given !== 'string' || hasExpression(given) || Number.isFinite(parseMoment(given))) return []
  return [{ pointer, message: 'must be a time with its offset, such as 2026-01-31T12:00:00Z', code: 'WC_TIME' }]
}

function parseMoment (text: string): number {
  return RFC_3339.test(text) ? Date.parse(text) : NaN
}
