import { randomUUID } from 'node:crypto'
import { withDeadline } from '../lib/deadline.ts'
import type { Clock } from '../lib/ids.ts'
import { createLocalOwnedCache, OWNED_LIFETIME, type OwnedCache } from '../lib/owned-cache.ts'
import type { RedisLink } from './redis.ts'

/** milliseconds: longer a request does not wait for Redis */
const DEADLINE = 250
/** milliseconds that a process does without Redis after it did not answer */
const PAUSE = 1000
/** Milliseconds that a change of an owner is remembered: longer than any query whose answer may be of before it. */
const EPOCH_LIFETIME = 60_000

/**
 * Shared by all processes. Each value carries the epoch of its owner that held before it was loaded; forgetting an owner
 * begins another epoch, so that a value that was loaded before and stored after it is never given out. What is lost
 * (FLUSHALL, eviction) is loaded again; while Redis is away each process keeps values for itself.
 */
export function createRedisOwnedCache<T> (redis: RedisLink, prefix: string, clock: Clock): OwnedCache<T> {
  const local = createLocalOwnedCache<T>(clock)
  let awayUntil = 0

  async function ask<R> (commands: (client: RedisLink['client']) => Promise<R>): Promise<R | undefined> {
    if (performance.now() < awayUntil) return undefined
    try {
      return await withDeadline(DEADLINE, redis.run(commands))
    } catch {
      awayUntil = performance.now() + PAUSE
      return undefined
    }
  }

  return {
    async get (key, owner, load) {
      const place = `${prefix}:${key}`
      const found = await ask(async client => await client.mget(place, `${prefix}:epoch:${owner}`))
      if (found === undefined) return await local.get(key, owner, load)
      const [text, epoch] = [found[0] ?? null, found[1] ?? '']
      if (text !== null) {
        const entry = JSON.parse(text) as { owner: string, epoch: string, value: T }
        if (entry.owner !== owner) return undefined
        if (entry.epoch === epoch) return entry.value
      }
      const value = await load()
      if (value !== undefined) await ask(async client => await client.set(place, JSON.stringify({ owner, epoch, value }), 'PX', OWNED_LIFETIME))
      return value
    },
    async forget (...owners) {
      await local.forget(...owners)
      // Where this does not arrive, what others have lives out its five seconds.
      await ask(async client => {
        const epochs = client.pipeline()
        for (const owner of owners) epochs.set(`${prefix}:epoch:${owner}`, randomUUID(), 'PX', EPOCH_LIFETIME)
        await epochs.exec()
      })
    }
  }
}
