import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createLocalOwnedCache, OWNED_LIFETIME, type OwnedCache } from '../../src/lib/owned-cache.ts'
import { createRedisOwnedCache } from '../../src/queue/redis-owned-cache.ts'
import { openLink, OutageLog } from '../../src/queue/redis.ts'
import { noRedis, startRedis } from '../support/redis-server.ts'
import { until } from '../support/service-process.ts'

/** Counts how often the truth was asked, which can change. */
function truth () {
  const state = { value: 'old' as string | undefined, loads: 0 }
  return { state, load: async () => { state.loads++; return state.value } }
}

/** What holds for each kind of cache; `other` is the cache of another process that shares with it, or itself. */
async function contract (t: Test, cache: OwnedCache<string>, other: OwnedCache<string>): Promise<void> {
  const { state, load } = truth()
  t.equal(await cache.get('a', 'ada', load), 'old')
  t.equal(await other.get('a', 'ada', load), 'old')
  t.equal(state.loads, 1, 'the second was answered without the truth')
  t.equal(await other.get('a', 'eve', load), undefined, 'it has another owner')
  state.value = 'new'
  await other.forget('bob')
  t.equal(await cache.get('a', 'ada', load), 'old', 'others are not touched')
  await other.forget('ada')
  t.equal(await cache.get('a', 'ada', load), 'new', 'at once')

  state.value = undefined
  await cache.forget('ada')
  t.equal(await cache.get('a', 'ada', load), undefined)
  state.value = 'back'
  t.equal(await cache.get('a', 'ada', load), 'back', 'what is not there is not remembered')

  state.value = 'old'
  const late = await cache.get('b', 'ada', async () => {
    const read = state.value
    // While the answer is on its way it stops being true.
    state.value = 'new'
    await other.forget('ada')
    return read
  })
  t.equal(late, 'old')
  t.equal(await cache.get('b', 'ada', load), 'new', 'what was read before the change and arrived after it is not kept')
  await t.rejects(cache.get('c', 'ada', async () => { throw new Error('no database') }), /no database/)
}

t.test('of one process', async t => {
  let now = 0
  const cache = createLocalOwnedCache<string>(() => now)
  await contract(t, cache, cache)
  const { state, load } = truth()
  await cache.get('d', 'ada', load)
  now += OWNED_LIFETIME
  await cache.get('d', 'ada', load)
  t.equal(state.loads, 2, 'five seconds at most')
})

t.test('shared through Redis', { skip: noRedis, timeout: 60_000 }, async t => {
  const server = await startRedis(t)
  const log = pino({ level: 'silent' })
  const links = [openLink(server.address, new OutageLog(log, '')), openLink(server.address, new OutageLog(log, ''))]
  t.teardown(() => { for (const link of links) link.close() })
  const prefix = `test-${randomBytes(6).toString('hex')}`
  const [one, other] = links.map(link => createRedisOwnedCache<string>(link, prefix, () => Date.now())) as [OwnedCache<string>, OwnedCache<string>]
  await t.test('the same holds across processes', async t => { await contract(t, one, other) })

  const { state, load } = truth()
  const shared = async () => {
    const before = state.loads
    return [await one.get('x', 'ada', load), await other.get('x', 'ada', load), state.loads - before] as const
  }
  t.same(await shared(), ['old', 'old', 1])
  t.ok(Number(await server.command('pttl', `${prefix}:x`)) <= OWNED_LIFETIME, 'five seconds at most')
  await server.command('flushall')
  state.value = 'new'
  t.same(await shared(), ['new', 'new', 1], 'after FLUSHALL it is read again')

  await server.kill()
  state.value = 'while away'
  await until('the outage is noticed', async () => await one.get('y', 'ada', load) === 'while away')
  state.value = 'later'
  await one.forget('ada')
  t.equal(await one.get('y', 'ada', load), 'later', 'without Redis a process still hears itself')
  await server.start()
  await until('Redis is used again', async () => {
    await one.get('z', 'ada', load)
    return Number(await server.command('exists', `${prefix}:z`)) === 1
  })
})
