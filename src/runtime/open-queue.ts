import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createLocalBuckets, type Buckets } from '../lib/token-bucket.ts'
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
}

/** Loads what speaks to Redis only where there is one: it would be a tenth of the embedded start. */
export async function openQueue (config: Config, log: Logger): Promise<OpenQueue> {
  if (config.redis === null) return { hints: new LocalHintBus(), queue: new InProcessQueue(), redis: null, buckets: createLocalBuckets() }
  const [{ createBullQueue }, { createRedisHintBus }, { openLink, OutageLog }, { createRedisBuckets }] = await Promise.all([
    import('../queue/bullmq.ts'), import('../queue/redis-hint-bus.ts'), import('../queue/redis.ts'), import('../queue/redis-buckets.ts')
  ])
  const { prefix, ...jobDefaults } = config.queue
  const link = openLink(config.redis, new OutageLog(log, 'rate limits are counted by each process meanwhile'))
  return {
    hints: createRedisHintBus({ redis: config.redis, prefix, log }),
    queue: createBullQueue({ redis: config.redis, prefix, jobDefaults, concurrency: config.worker.concurrency, log }),
    redis: link,
    buckets: createRedisBuckets(link, prefix)
  }
}
