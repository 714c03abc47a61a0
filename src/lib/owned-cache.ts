import { createExpiringCache } from './expiring-cache.ts'
import type { Clock } from './ids.ts'

/** What was looked up and has an owner, kept for a moment: one word about the owner, and all of it is looked up anew. */
export interface OwnedCache<T> {
  /** The value, from `load` where nothing fresh is known. Undefined is not kept. */
  get (key: string, owner: string, load: () => Promise<T | undefined>): Promise<T | undefined>
  /** Whatever was loaded before this has returned is not given out any more, by anybody who shares the cache. */
  forget (...owners: readonly string[]): Promise<void>
}

/** Milliseconds that a value is given out: no revocation can take longer, whatever was lost on the way. */
export const OWNED_LIFETIME = 5000
const SIZE = 10_000

/** Of this process alone. */
export function createLocalOwnedCache<T> (clock: Clock): OwnedCache<T> {
  const known = createExpiringCache<{ owner: string, value: T }>(OWNED_LIFETIME, SIZE, clock)
  /** Rises with each owner that is forgotten: what was read before may be of before. */
  let changes = 0
  return {
    async get (key, owner, load) {
      const entry = known.get(key)
      if (entry !== undefined) return entry.owner === owner ? entry.value : undefined
      const before = changes
      const value = await load()
      if (value !== undefined && before === changes) known.set(key, { owner, value })
      return value
    },
    async forget (...owners) {
      changes++
      const gone = new Set(owners)
      known.deleteWhere(entry => gone.has(entry.owner))
    }
  }
}
