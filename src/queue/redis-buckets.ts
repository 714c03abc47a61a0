import { withDeadline } from '../lib/deadline.ts'
import { createLocalBuckets, type Buckets } from '../lib/token-bucket.ts'
import type { RedisLink } from './redis.ts'

/** By the clock of Redis: processes may differ in theirs. A bucket that would be full again is forgotten. */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(capacity, (tonumber(state[1]) or capacity) + math.max(0, now - (tonumber(state[2]) or now)) * rate)
local allowed = 0
if tokens >= 1 then
  tokens = tokens - 1
  allowed = 1
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.3f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - tokens) / rate) + 1000)
return { allowed, string.format('%.6f', tokens) }`

/** milliseconds: longer a request does not wait to be counted */
const DEADLINE = 250
/** milliseconds that each process counts for itself after Redis did not answer */
const PAUSE = 1000

/** Shared by all processes; while Redis is away each counts for itself. */
export function createRedisBuckets (redis: RedisLink, prefix: string): Buckets {
  const local = createLocalBuckets()
  let awayUntil = 0
  return {
    async take (key, rule) {
      if (performance.now() < awayUntil) return local.take(key, rule)
      try {
        const [allowed, tokens] = await withDeadline(DEADLINE, redis.run(async client => await client.eval(TAKE, 1, `${prefix}:rate:${key}`, rule.capacity, rule.rate))) as [number, string]
        return { allowed: allowed === 1, tokens: Number(tokens) }
      } catch {
        awayUntil = performance.now() + PAUSE
        return local.take(key, rule)
      }
    }
  }
}
