import { createRequire } from 'node:module'
import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import type { Redis } from 'ioredis'

type Callback = Parameters<FastifyRateLimitStore['incr']>[1]

interface Store {
  incr (key: string, callback: Callback, timeWindow: number, max: number): void
  read (key: string, callback: Callback, timeWindow: number, max: number): void
  child (route: object): Store
}

// The library has both stores, and takes only one of its own or one of ours.
const require = createRequire(import.meta.url)
const RedisStore = require('@fastify/rate-limit/store/RedisStore.js') as new (continueExceeding: boolean, exponentialBackoff: boolean, redis: Redis, key: string) => Store
const LocalStore = require('@fastify/rate-limit/store/LocalStore.js') as new (continueExceeding: boolean, exponentialBackoff: boolean, cache: number) => Store

/** Counts in Redis for all processes, and while that is away in this one: guesses at passwords stay bounded. */
export function storeWithFallback (redis: Redis, nameSpace: string, cache: number): FastifyRateLimitStoreCtor {
  function over (shared: Store, own: Store): Store {
    const either = (act: 'incr' | 'read'): Store['incr'] => (key, callback, timeWindow, max) => {
      shared[act](key, (error, result) => {
        if (error === null || error === undefined) callback(null, result)
        else own[act](key, callback, timeWindow, max)
      }, timeWindow, max)
    }
    return { incr: either('incr'), read: either('read'), child: route => over(shared.child(route), own.child({ cache, ...route })) }
  }
  function FallbackStore (): Store {
    return over(new RedisStore(false, false, redis, nameSpace), new LocalStore(false, false, cache))
  }
  return FallbackStore as unknown as FastifyRateLimitStoreCtor
}
