import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import t from 'tap'
import { redisAddress } from '../../src/config/addresses.ts'
import { createLocalBuckets, type Buckets } from '../../src/lib/token-bucket.ts'
import { createRedisBuckets } from '../../src/queue/redis-buckets.ts'
import { openLink, OutageLog } from '../../src/queue/redis.ts'
import { limitOf, limitOfNode, takeAll } from '../../src/services/rate-limit.ts'
import { until } from '../support/service-process.ts'

t.test('a bucket gives what it holds at once, and then what comes back', async t => {
  let now = 0
  const buckets = createLocalBuckets(() => now)
  const limit = limitOfNode('e', { requests: 60, per: '1m', burst: 3 })
  const take = async () => await takeAll(buckets, [limit]).then(headers => headers, (error: unknown) => error as any)
  t.strictSame(await take(), { 'ratelimit-policy': '"endpoint";q=60;w=60', ratelimit: '"endpoint";r=2;t=1' })
  await take()
  t.match(await take(), { ratelimit: '"endpoint";r=0;t=3' })
  t.match(await take(), { status: 429, code: 'WC_TOO_MANY_REQUESTS', headers: { 'retry-after': '1', ratelimit: '"endpoint";r=0;t=3', 'ratelimit-policy': '"endpoint";q=60;w=60' } })
  now += 999
  t.match(await take(), { status: 429 })
  now += 1
  t.match(await take(), { ratelimit: '"endpoint";r=0;t=3' })
  now += 3_600_000
  t.match(await take(), { ratelimit: '"endpoint";r=2;t=1' }, 'never more than it holds')
})

t.test('several limits: the first that is empty refuses', async t => {
  const buckets = createLocalBuckets(() => 0)
  const limits = [limitOf('endpoint', 'e', 2, 60_000), limitOf('organization', 'o', 100, 60_000)]
  await takeAll(buckets, limits)
  t.match(await takeAll(buckets, limits), { 'ratelimit-policy': '"endpoint";q=2;w=60, "organization";q=100;w=60', ratelimit: '"endpoint";r=0;t=60, "organization";r=98;t=2' })
  await t.rejects(takeAll(buckets, limits), { status: 429, headers: { ratelimit: '"endpoint";r=0;t=60', 'retry-after': '30' } } as never)
  t.match(await takeAll(buckets, [limits[1]!]), { ratelimit: '"organization";r=97;t=2' }, 'those behind it keep theirs')
})

const url = process.env['TEST_REDIS_URL']
t.test('in Redis, shared by all processes; without it each counts for itself', { skip: url === undefined && 'needs a server: set TEST_REDIS_URL' }, async t => {
  const address = redisAddress({ REDIS_URL: url } as Parameters<typeof redisAddress>[0]) as Parameters<typeof openLink>[0]
  const log = pino({ level: 'silent' })
  const links = [openLink(address, new OutageLog(log, '')), openLink(address, new OutageLog(log, ''))]
  t.teardown(() => { for (const link of links) link.close() })
  const prefix = `wc-test-${randomBytes(6).toString('hex')}`
  const [one, other] = links.map(link => createRedisBuckets(link, prefix)) as [Buckets, Buckets]
  const rule = { capacity: 50, rate: 1 / 60_000 }
  const taken = await Promise.all(Array.from({ length: 120 }, async (_, n) => await (n % 2 === 0 ? one : other).take('k', rule)))
  t.equal(taken.filter(({ allowed }) => allowed).length, 50)
  const fast = { capacity: 1, rate: 1 / 2000 }
  t.equal((await one.take('fast', fast)).allowed, true)
  t.equal((await other.take('fast', fast)).allowed, false)
  await until('it to come back', async () => (await other.take('fast', fast)).allowed)
  links[0]!.close()
  t.equal((await one.take('k', rule)).allowed, true, 'Redis is away')
})
