import type { RateLimit } from '../engine/nodes/webhook-rate-limit.ts'
import { parseDuration } from '../lib/duration.ts'
import { waitFor, type BucketRule, type Buckets, type Taken } from '../lib/token-bucket.ts'
import { TooManyRequests } from './problems.ts'

/** What is limited, and how it is told. */
export interface Limit {
  /** As clients see it. */
  readonly name: string
  readonly key: string
  readonly rule: BucketRule
  /** The policy in a header: so many in so many seconds. */
  readonly policy: string
}

export type RateHeaders = Readonly<Record<string, string>>

/** @param per milliseconds */
export function limitOf (name: string, key: string, requests: number, per: number, burst = requests): Limit {
  return { name, key, rule: { capacity: burst, rate: requests / per }, policy: `"${name}";q=${requests};w=${Math.max(1, Math.round(per / 1000))}` }
}

export function limitOfNode (key: string, { requests, per = '1m', burst }: RateLimit): Limit {
  return limitOf('endpoint', key, requests, parseDuration(per), burst)
}

/**
 * Takes a token of each, and answers what to tell the client (draft-ietf-httpapi-ratelimit-headers). Throws TooManyRequests with the same headers.
 * The first that is empty refuses: those behind it keep theirs.
 */
export async function takeAll (buckets: Buckets, limits: readonly Limit[]): Promise<RateHeaders> {
  const told: Array<{ limit: Limit, taken: Taken }> = []
  for (const limit of limits) {
    const taken = await buckets.take(limit.key, limit.rule)
    told.push({ limit, taken })
    if (taken.allowed) continue
    throw TooManyRequests(Math.max(1, seconds(waitFor(1, taken, limit.rule)))).with(headersOf(told))
  }
  return headersOf(told)
}

/** Rounded up, but for what arithmetic leaves over. */
function seconds (milliseconds: number): number {
  return Math.ceil(milliseconds / 1000 - 0.01)
}

function headersOf (told: ReadonlyArray<{ limit: Limit, taken: Taken }>): RateHeaders {
  return {
    'ratelimit-policy': told.map(({ limit }) => limit.policy).join(', '),
    ratelimit: told.map(({ limit: { name, rule }, taken }) => `"${name}";r=${Math.floor(taken.tokens)};t=${seconds(waitFor(rule.capacity, taken, rule))}`).join(', ')
  }
}
