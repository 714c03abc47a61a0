import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { HintBus } from '../../src/queue/hint-bus.ts'
import { createRedisHintBus } from '../../src/queue/redis-hint-bus.ts'
import type { RedisAddress } from '../../src/queue/redis.ts'
import { recordingLog, segmentHint, until, watched, type LoggedLine } from '../support/queues.ts'
import { noRedis, ownPrefix, sharedRedis, startRedis } from '../support/redis-server.ts'

function open (t: Test, redis: RedisAddress, prefix: string): { bus: HintBus, lines: LoggedLine[] } {
  const { log, lines } = recordingLog()
  const bus = createRedisHintBus({ redis, prefix, log })
  t.teardown(async () => { await bus.close() })
  return { bus, lines }
}

/** What goes over the channels of a prefix, as another client of Redis sees it. */
async function eavesdrop (t: Test, prefix: string): Promise<{ channels: string[], texts: string[] }> {
  const client = new Redis(sharedRedis.port, sharedRedis.host)
  t.teardown(() => { client.disconnect() })
  const channels: string[] = []
  const texts: string[] = []
  client.on('pmessage', (_pattern: string, channel: string, text: string) => {
    channels.push(channel)
    texts.push(text)
  })
  await client.psubscribe(`${prefix}:hints:*`)
  return { channels, texts }
}

t.test('publishes nothing where nobody watches, and one message a call where somebody does', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const { bus: publisher } = open(t, sharedRedis, prefix)
  const { bus: watcher } = open(t, sharedRedis, prefix)
  await watched(publisher, watcher, 'acme')
  const { channels } = await eavesdrop(t, prefix)
  let seen = 0
  watcher.watch('acme', () => { seen++ })
  publisher.publish([segmentHint('other', 2)])
  publisher.publish([segmentHint('acme', 2), segmentHint('other', 3), segmentHint('acme', 3)])
  await until(() => seen === 2 && channels.length > 0)
  await sleep(50)
  t.same(channels, [`${prefix}:hints:acme`])
})

t.test('the watchers of the own process need no message', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const { bus } = open(t, sharedRedis, prefix)
  const { channels } = await eavesdrop(t, prefix)
  await sleep(300)
  let seen = 0
  bus.watch('acme', () => { seen++ })
  await sleep(300)
  bus.publish([segmentHint('acme', 2)])
  t.equal(seen, 1, 'at once')
  await sleep(100)
  t.same(channels, [])
})

t.test('a publisher that starts later learns who watches', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const { bus: watcher } = open(t, sharedRedis, prefix)
  let seen = 0
  watcher.watch('acme', () => { seen++ })
  await sleep(500)
  const { bus: publisher } = open(t, sharedRedis, prefix)
  // Sooner than the watcher repeats itself.
  const limit = Date.now() + 3000
  while (seen === 0 && Date.now() < limit) {
    publisher.publish([segmentHint('acme', 2)])
    await sleep(50)
  }
  t.ok(seen > 0)
})

t.test('large events are left out, and no message is larger than 256 KiB', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const { bus: publisher } = open(t, sharedRedis, prefix)
  const { bus: watcher } = open(t, sharedRedis, prefix)
  await watched(publisher, watcher, 'acme')
  const { texts } = await eavesdrop(t, prefix)
  const seen: Array<string | undefined> = []
  watcher.watch('acme', ({ events }) => { seen.push(events) })
  const small = '[1]'
  const large = JSON.stringify('x'.repeat(300_000))
  // Three bytes a character, and each of them within the budget of characters.
  const wide = JSON.stringify('一'.repeat(100_000))
  publisher.publish([segmentHint('acme', 2, { events: small }), segmentHint('acme', 3, { events: large })])
  publisher.publish([segmentHint('acme', 4, { events: wide })])
  publisher.publish(Array.from({ length: 3000 }, (_, index) => segmentHint('acme', 5 + index)))
  await until(() => seen.length === 3003)
  t.same(seen.slice(0, 3), [small, undefined, undefined])
  t.ok(texts.every(text => Buffer.byteLength(text) <= 256 * 1024))
})

t.test('what others say on the channels does no harm', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const { bus } = open(t, sharedRedis, prefix)
  const client = new Redis(sharedRedis.port, sharedRedis.host)
  t.teardown(() => { client.disconnect() })
  const seen: unknown[] = []
  bus.watch('acme', hint => { seen.push(hint) })
  bus.onControl(hint => { seen.push(hint) })
  for (const channel of [`${prefix}:control`, `${prefix}:hints:acme`]) {
    while (Number((await client.pubsub('NUMSUB', channel))[1]) === 0) await sleep(10)
  }
  for (const text of ['', '{', 'null', '[]', '["x"]', '["x",null]', '["x",{}]', '["x",[1,null]]', '["x",{"type":"interest"}]', '["x",{"type":"interest","organizations":3}]', '["x",{"type":"news"}]']) {
    await client.publish(`${prefix}:control`, text)
    await client.publish(`${prefix}:hints:acme`, text)
  }
  await client.publish(`${prefix}:control`, '["x",{"type":"mail","executionId":"e"}]')
  await until(() => seen.length > 0)
  t.same(seen, [{ type: 'mail', executionId: 'e' }])
})

t.test('hints come again after Redis died, hung, or cut the connections', { timeout: 90_000, skip: noRedis }, async t => {
  const server = await startRedis(t)
  const { bus: publisher, lines } = open(t, server.address, 'bus')
  const { bus: watcher } = open(t, server.address, 'bus')
  let seen = 0
  watcher.watch('acme', () => { seen++ })
  async function arrives (): Promise<void> {
    const leave = await watched(publisher, watcher, 'acme')
    leave()
  }
  await arrives()

  await server.kill()
  await sleep(300)
  const late: number[] = []
  watcher.watch('joined while away', hint => { late.push(hint.seq) })
  const before = seen
  for (let index = 0; index < 1000; index++) publisher.publish([segmentHint('acme', 2)])
  await sleep(1000)
  await server.start()
  await arrives()
  t.ok(seen - before < 1000, 'what was published meanwhile is not kept')
  // The publisher may still know of acme from before, and hear of this one a moment later.
  await until(() => {
    publisher.publish([segmentHint('joined while away', 7)])
    return late.length > 0
  })

  await server.command('client', 'kill', 'type', 'pubsub')
  await server.command('client', 'kill', 'type', 'normal')
  await arrives()

  server.suspend()
  await sleep(8000)
  server.resume()
  await arrives()
  const away = lines.filter(({ msg }) => msg.startsWith('Redis cannot be reached')).length
  t.ok(away >= 1 && away <= 3, `${away} outages were logged, at most one each`)
})
