import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Clock } from '../lib/ids.ts'
import { createLocalOwnedCache, type OwnedCache } from '../lib/owned-cache.ts'
import { createLocalBuckets, type Buckets } from '../lib/token-bucket.ts'
import type { LiveSession } from '../services/identity/sessions.ts'
import type { HintBus } from '../queue/hint-bus.ts'
import { InProcessQueue } from '../queue/in-process.ts'
import { LocalHintBus } from '../queue/local-hint-bus.ts'
import type { Queue } from '../queue/port.ts'
import type { RedisLink } from '../queue/redis.ts'

export interface OpenQueue {
  readonly hints: HintBus
  readonly queue: Queue
  /** Null where there is no Redis. */
  readonly redis: RedisLink | null
  /** For rate limits: shared through Redis where there is one. */
  readonly buckets: Buckets
  /** Which sessions are alive: shared through Redis where there is one. */
  readonly liveSessions: OwnedCache<LiveSession>
}

/** Loads what speaks to Redis only where there is one: it would be a tenth of the embedded start. */
export async function openQueue (config: Config, clock: Clock, log: Logger): Promise<OpenQueue> {
  if (config.redis === null) return { hints: new LocalHintBus(), queue: new InProcessQueue(), redis: null, buckets: createLocalBuckets(), liveSessions: createLocalOwnedCache(clock) }
  const [{ createBullQueue }, { createRedisHintBus }, { openLink, OutageLog }, { createRedisBuckets }, { createRedisOwnedCache }] = await Promise.all([
    import('../queue/bullmq.ts'), import('../queue/redis-hint-bus.ts'), import('../queue/redis.ts'), import('../queue/redis-buckets.ts'),
    import('../queue/redis-owned-cache.ts')
  ])
  const { prefix, ...jobDefaults } = config.queue
  const link = openLink(config.redis, new OutageLog(log, 'each process counts rate limits and looks sessions up for itself meanwhile'))
  return {
    hints: createRedisHintBus({ redis: config.redis, prefix, log }),
    queue: createBullQueue({ redis: config.redis, prefix, jobDefaults, concurrency: config.worker.concurrency, log }),
    redis: link,
    buckets: createRedisBuckets(link, prefix),
    liveSessions: createRedisOwnedCache(link, `${prefix}:session`, clock)
  }
}
