import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { PUBLIC } from '../../src/schemas/access.ts'
import { storeWithFallback } from '../../src/plugins/rate-limit-store.ts'

async function limited (t: Test, redis: Redis) {
  const app = Fastify()
  await app.register(rateLimit, { global: false, store: storeWithFallback(redis, `test-${process.pid}:`, 100) })
  app.get('/', { config: { access: PUBLIC, rateLimit: { max: 3, timeWindow: 60_000 } } }, async () => 'fine')
  t.teardown(async () => { await app.close() })
  return async () => (await app.inject('/')).statusCode
}

t.test('while Redis is away each process counts for itself', async t => {
  const redis = new Redis({ port: 1, lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy: () => null })
  redis.on('error', () => {})
  t.teardown(() => { redis.disconnect() })
  const ask = await limited(t, redis)
  t.same([await ask(), await ask(), await ask(), await ask()], [200, 200, 200, 429])
})

t.test('processes count together in Redis', { skip: process.env['TEST_REDIS_URL'] === undefined && 'needs a server: set TEST_REDIS_URL' }, async t => {
  const redis = new Redis(process.env['TEST_REDIS_URL']!)
  t.teardown(() => { redis.disconnect() })
  const [one, other] = [await limited(t, redis), await limited(t, redis)]
  t.same([await one(), await other(), await one(), await other()], [200, 200, 200, 429])
})
