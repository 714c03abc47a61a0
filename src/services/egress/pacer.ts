import { setTimeout as sleep } from 'node:timers/promises'
import type { Pace } from '../../lib/guarded-fetch/types.ts'
import { LruCache } from '../../lib/lru-cache.ts'
import type { Destination } from './circuits.ts'

export interface Pacer {
  /** Resolves when a request may begin; rejects with the signal's reason once it is aborted. */
  turn (destination: Destination, pace: Pace, signal: AbortSignal): Promise<void>
}

const REMEMBERED = 5000

/** Spreads the beginnings of requests evenly: never more than `requests` of them in any stretch of `per`. */
export function createPacer (now: () => number = () => performance.now()): Pacer {
  // When the next one may begin.
  const next = new LruCache<string, number>(REMEMBERED)
  return {
    async turn ({ organizationId, host }, { requests, per }, signal) {
      signal.throwIfAborted()
      const key = `${organizationId} ${host}`
      const at = Math.max(now(), next.get(key) ?? 0)
      next.set(key, at + per / requests)
      const wait = at - now()
      if (wait > 0) await sleep(Math.ceil(wait), undefined, { signal }).catch((error: unknown) => { throw signal.aborted ? signal.reason : error })
    }
  }
}
