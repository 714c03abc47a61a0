import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ControlHint, HintBus, SegmentHint } from '../../src/queue/hint-bus.ts'
import { LocalHintBus } from '../../src/queue/local-hint-bus.ts'
import { createRedisHintBus } from '../../src/queue/redis-hint-bus.ts'
import { recordingLog, segmentHint, until, watched } from '../support/queues.ts'
import { noRedis, ownPrefix, sharedRedis } from '../support/redis-server.ts'

interface Pair { readonly publisher: HintBus, readonly watcher: HintBus }

const kinds: Record<string, (t: Test) => Promise<Pair>> = {
  'local bus': async () => {
    const bus = new LocalHintBus()
    return { publisher: bus, watcher: bus }
  },
  'Redis bus in one process': async t => {
    const bus = createRedisHintBus({ redis: sharedRedis, prefix: ownPrefix(t), log: recordingLog().log })
    return { publisher: bus, watcher: bus }
  },
  'Redis bus between processes': async t => {
    const prefix = ownPrefix(t)
    const { log } = recordingLog()
    const pair = { publisher: createRedisHintBus({ redis: sharedRedis, prefix, log }), watcher: createRedisHintBus({ redis: sharedRedis, prefix, log }) }
    await introduced(pair)
    return pair
  }
}

/** Until each hears the other. */
async function introduced ({ publisher, watcher }: Pair): Promise<void> {
  const heard = new Set<HintBus>()
  const stops = [publisher, watcher].map(bus => bus.onControl(hint => { if (hint.type === 'mail') heard.add(bus) }))
  const other = (bus: HintBus): HintBus => bus === publisher ? watcher : publisher
  // What a bus tells reaches itself at once, so each is asked for what the other told.
  for (const bus of [publisher, watcher]) {
    for (heard.clear(); !heard.has(other(bus));) {
      bus.control({ type: 'mail', executionId: 'hello' })
      await sleep(20)
    }
  }
  for (const stop of stops) stop()
  await sleep(20)
}

for (const [kind, make] of Object.entries(kinds)) {
  t.test(`the ${kind}`, { skip: kind !== 'local bus' && noRedis }, async t => {
    async function open (t: Test): Promise<Pair> {
      const pair = await make(t)
      t.teardown(async () => { await Promise.all([pair.publisher.close(), pair.watcher.close()]) })
      return pair
    }

    t.test('brings a watched organization\'s hints, complete and in order, and no others', async t => {
      const { publisher, watcher } = await open(t)
      await watched(publisher, watcher, 'acme')
      const seen: SegmentHint[] = []
      watcher.watch('acme', hint => { seen.push(hint) })
      const hints = [segmentHint('acme', 2), segmentHint('other', 2), segmentHint('acme', 3, { status: 'succeeded', events: undefined }), segmentHint('acme', 4, { events: '[{"t":"\\"ü\\n💥"}]' })]
      publisher.publish(hints)
      publisher.publish([segmentHint('acme', 5)])
      await until(() => seen.length >= 4)
      await sleep(50)
      t.same(seen, [hints[0], hints[2], hints[3], { ...seen[3], seq: 5 }])
    })

    t.test('serves several watchers once each, and none after it left', async t => {
      const { publisher, watcher } = await open(t)
      const leave = await watched(publisher, watcher, 'acme')
      const seen = { one: 0, two: 0 }
      const leaveOne = watcher.watch('acme', () => { seen.one++ })
      const leaveTwo = watcher.watch('acme', () => { seen.two++ })
      leave()
      publisher.publish([segmentHint('acme', 2)])
      await until(() => seen.two === 1)
      leaveOne()
      leaveOne()
      publisher.publish([segmentHint('acme', 3)])
      await until(() => seen.two === 2)
      leaveTwo()
      publisher.publish([segmentHint('acme', 4)])
      await sleep(100)
      t.same(seen, { one: 1, two: 2 })
      await watched(publisher, watcher, 'acme')
      const again: number[] = []
      watcher.watch('acme', hint => { again.push(hint.seq) })
      publisher.publish([segmentHint('acme', 5)])
      await until(() => again.length > 0)
      t.same(again, [5])
    })

    t.test('brings control hints to all, accepted ones where somebody watches', async t => {
      const { publisher, watcher } = await open(t)
      await watched(publisher, watcher, 'acme')
      const seen: ControlHint[] = []
      const stop = watcher.onControl(hint => { seen.push(hint) })
      const hints: ControlHint[] = [
        { type: 'mail', executionId: 'e' }, { type: 'publication', organizationId: 'o', workflowId: 'w' },
        { type: 'variables', organizationId: 'o' }, { type: 'accepted', organizationId: 'acme' }
      ]
      for (const hint of hints) publisher.control(hint)
      await until(() => seen.length >= 4)
      await sleep(50)
      t.same(seen, hints)
      stop()
      publisher.control({ type: 'mail', executionId: 'late' })
      await sleep(100)
      t.equal(seen.length, 4)
    })
  })
}
