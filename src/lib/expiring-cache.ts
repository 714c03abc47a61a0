import type { Clock } from './ids.ts'

export interface ExpiringCache<T> {
  get (key: string): T | undefined
  set (key: string, value: T): void
  delete (key: string): void
  deleteWhere (matches: (value: T) => boolean): void
}

/** Keeps values for `lifetime` milliseconds, at most `size` of them; the oldest goes first. */
export function createExpiringCache<T> (lifetime: number, size: number, clock: Clock): ExpiringCache<T> {
  const entries = new Map<string, { value: T, until: number }>()
  return {
    get (key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      if (entry.until > clock()) return entry.value
      entries.delete(key)
      return undefined
    },
    set (key, value) {
      // Deleted first, so that the map's order stays the order of expiry.
      entries.delete(key)
      entries.set(key, { value, until: clock() + lifetime })
      if (entries.size > size) entries.delete(entries.keys().next().value as string)
    },
    delete: key => { entries.delete(key) },
    deleteWhere (matches) {
      for (const [key, { value }] of entries) if (matches(value)) entries.delete(key)
    }
  }
}
