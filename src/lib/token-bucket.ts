import { LruCache } from './lru-cache.ts'

/** So many at once, and so many in the long run. */
export interface BucketRule {
  readonly capacity: number
  /** Tokens that come back in a millisecond. */
  readonly rate: number
}

export interface Taken {
  readonly allowed: boolean
  /** Tokens that are left; parts of one, too. */
  readonly tokens: number
}

/** Buckets by key, each full when it is asked for the first time. */
export interface Buckets {
  take (key: string, rule: BucketRule): Promise<Taken> | Taken
}

const MAX_BUCKETS = 50_000

/** Each process counts for itself. @param now milliseconds, of any clock that does not go back */
export function createLocalBuckets (now: () => number = () => performance.now()): { take (key: string, rule: BucketRule): Taken } {
  const buckets = new LruCache<string, { tokens: number, at: number }>(MAX_BUCKETS)
  return {
    take (key, { capacity, rate }) {
      const at = now()
      const bucket = buckets.get(key) ?? { tokens: capacity, at }
      const tokens = Math.min(capacity, bucket.tokens + (at - bucket.at) * rate)
      const allowed = tokens >= 1
      const left = allowed ? tokens - 1 : tokens
      buckets.set(key, { tokens: left, at })
      return { allowed, tokens: left }
    }
  }
}

/** Milliseconds until there are that many tokens. */
export function waitFor (tokens: number, { tokens: present }: Taken, { rate }: BucketRule): number {
  return Math.max(0, tokens - present) / rate
}
