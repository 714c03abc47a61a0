import type { Instant } from './events.ts'
import type { StepError } from './node-error.ts'
import type { RetryRule } from './plan.ts'
import { LAST_INSTANT } from './wait.ts'

/** What failed, and how often. */
export interface Failing {
  /** How often this run failed, the present failure included. */
  readonly failures: number
  /** When its first attempt started. */
  readonly since: Instant
  /** Differs from run to run and from execution to execution: what the jitter is drawn from. */
  readonly key: string
}

/**
 * When a failed step is to run again, or undefined if it is not: no rule, attempts or time used up, or an error
 * that another attempt cannot mend. A wish of the far side (Retry-After) moves it later, up to `maxDelay`.
 */
export function retryAt (rule: RetryRule | undefined, { failures, since, key }: Failing, error: StepError, now: Instant): Instant | undefined {
  if (rule === undefined || error.retryable !== true || failures >= rule.maxAttempts) return undefined
  const planned = Math.min(rule.maxDelay, rule.backoff === 'fixed' ? rule.delay : rule.delay * 2 ** (failures - 1))
  const scattered = rule.jitter === 0 ? planned : Math.round(planned * (1 - rule.jitter * share(`${key}:${failures}`)))
  const at = Math.min(LAST_INSTANT, now + Math.max(scattered, Math.min(rule.maxDelay, error.retryAfter ?? 0)))
  return rule.maxElapsed !== undefined && at > since + rule.maxElapsed ? undefined : at
}

/** A number from 0 up to 1 that a text always gives (FNV-1a, stirred): a decision repeated after a crash is the same. */
function share (text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d)
  return ((value ^ (value >>> 13)) >>> 0) / 2 ** 32
}
