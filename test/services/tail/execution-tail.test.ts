import t from 'tap'
import { LocalHintBus } from '../../../src/queue/local-hint-bus.ts'
import type { SegmentHint } from '../../../src/queue/hint-bus.ts'
import { createMetrics } from '../../../src/services/metrics.ts'
import { createTailHub } from '../../../src/services/tail/index.ts'
import { testDatabase } from '../../support/database.ts'
import { accept, append, Collector, nextId, runWhole, segmentsOf, silentLog } from './history.ts'

const database = await testDatabase(t)
const sql = database.service
const hints = new LocalHintBus()
const hub = createTailHub({ sql, hints, now: Date.now, log: silentLog, metrics: createMetrics() })
t.teardown(() => { hub.close() })
const organizationId = nextId()
const workflowId = nextId()

function follow (executionId: string, after: number | string | null = null, organization = organizationId) {
  const sink = new Collector()
  return Object.assign(sink, { subscription: hub.followExecution({ organizationId: organization, executionId, after }, sink) })
}

const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index)

t.test('history comes whole and in order, then ends', async t => {
  const started = await accept(sql, organizationId, workflowId)
  await runWhole(sql, started, segmentsOf(130, 1))
  const sink = follow(started.executionId)
  await sink.until(one => one.ended)
  t.strictSame(sink.seqs, upTo(263))
  t.equal(sink.events[0]?.event.type, 'execution.queued')
  t.match(JSON.parse(`{${sink.events[0]!.members}}`), { executionId: started.executionId, seq: 1, at: /Z$/, event: { type: 'execution.queued', workflowId, version: 3, trigger: 'webhook' } })
  t.strictSame(JSON.parse(`{${sink.events[3]!.members}}`).event, { type: 'step.succeeded', nodeId: 'n0', run: 0, attempt: 1, itemCounts: { main: 1 } })
})

t.test('from any event on, in the middle of segments too, by seq and by cursor', async t => {
  const started = await accept(sql, organizationId, workflowId)
  await runWhole(sql, started, segmentsOf(5, 4))
  const all = follow(started.executionId)
  await all.until(one => one.ended)
  for (const event of all.events) {
    for (const after of [event.seq, event.cursor]) {
      const rest = follow(started.executionId, after)
      await rest.until(one => one.ended)
      t.strictSame(rest.seqs, upTo(13, event.seq + 1))
    }
  }
})

t.test('hints that are lost, late, doubled and out of order leave no gap and no repeat', async t => {
  const mangle = (kind: string, hint: SegmentHint, index: number): SegmentHint[] => {
    if (kind === 'lost') return []
    if (kind === 'doubled') return [hint, hint]
    if (kind === 'empty') return [{ ...hint, events: undefined }]
    return index % 3 === 0 ? [] : [hint]
  }
  for (const kind of ['lost', 'doubled', 'empty', 'every third lost']) {
    const started = await accept(sql, organizationId, workflowId)
    const sink = follow(started.executionId)
    await sink.until(one => one.events.length === 1)
    let index = 0
    await runWhole(sql, started, segmentsOf(20), hint => { hints.publish(mangle(kind, hint, index++)) })
    await sink.until(one => one.ended)
    t.strictSame(sink.seqs, upTo(43), kind)
  }
  const started = await accept(sql, organizationId, workflowId)
  const sink = follow(started.executionId)
  await sink.until(one => one.events.length === 1)
  const held: SegmentHint[] = []
  await runWhole(sql, started, segmentsOf(20), hint => { held.push(hint) })
  hints.publish([...held.reverse(), ...held])
  await sink.until(one => one.ended)
  t.strictSame(sink.seqs, upTo(43), 'out of order')
})

t.test('a hint that fits is delivered without the table', async t => {
  const started = await accept(sql, organizationId, workflowId)
  const sink = follow(started.executionId)
  await sink.until(one => one.events.length === 1)
  const hint = await append(sql, started, 2, [{ type: 'execution.started', at: 1 }], nextId())
  hints.publish([hint])
  t.strictSame(sink.seqs, [1, 2], 'in the same turn')
  sink.subscription.close()
  hints.publish([{ ...hint, seq: 3, lastSeq: 3 }])
  t.strictSame(sink.seqs, [1, 2], 'nothing after closing')
})

t.test('many readers, each from a place of its own', async t => {
  const started = await accept(sql, organizationId, workflowId)
  const early = Array.from({ length: 150 }, () => follow(started.executionId))
  await Promise.all(early.map(async sink => { await sink.until(one => one.opened) }))
  const late: Array<ReturnType<typeof follow>> = []
  await runWhole(sql, started, segmentsOf(20), hint => {
    hints.publish([hint])
    late.push(follow(started.executionId, hint.lastSeq - 1))
  })
  for (const sink of [...early, ...late]) {
    await sink.until(one => one.ended)
    const [first] = sink.seqs
    if (sink.seqs.join() !== upTo(43, first!).join()) t.fail(`gap or repeat in ${sink.seqs.join()}`)
  }
  t.ok(late.every((sink, index) => sink.seqs[0] === 3 + index * 2))
})

t.test('what is not there, or not theirs, or not yet', async t => {
  const started = await accept(sql, organizationId, workflowId)
  for (const [sink, code] of [
    [follow(nextId()), 'WC_NOT_FOUND'],
    [follow(started.executionId, null, nextId()), 'WC_NOT_FOUND'],
    [follow(started.executionId, 2), 'WC_CURSOR_INVALID']
  ] as const) {
    await sink.until(one => one.problem !== undefined)
    t.match(sink, { problem: { code }, opened: false, events: [] })
  }
  t.throws(() => follow(started.executionId, 'garbage'), { code: 'WC_CURSOR_INVALID' })
  const other = await accept(sql, organizationId, workflowId)
  const foreign = follow(other.executionId)
  await foreign.until(one => one.events.length === 1)
  t.throws(() => follow(started.executionId, foreign.events[0]!.cursor), { code: 'WC_CURSOR_INVALID' })
  foreign.subscription.close()
})

t.test('over already: ends at once', async t => {
  const started = await accept(sql, organizationId, workflowId)
  await runWhole(sql, started, segmentsOf(1))
  const sink = follow(started.executionId, 5)
  await sink.until(one => one.ended)
  t.strictSame(sink.seqs, [])
})
