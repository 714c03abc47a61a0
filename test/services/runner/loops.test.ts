import t from 'tap'
import { loadSegments } from '../../../src/db/queries/load-executions.ts'
import type { Event } from '../../../src/engine/events.ts'
import { createSite, createWorker, eventsOf, statusOf, until, untilEnded, untilTakenOver } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

const list = (length: number): string => JSON.stringify({ n: Array.from({ length }, (_, index) => index) })
const runsOf = (events: readonly Event[], nodeId: string): number => events.filter(event => event.type === 'step.succeeded' && event.nodeId === nodeId).length

t.test('loops on the durable path', async t => {
  const site = await createSite(t)
  const split = { id: 'split', type: 'splitOut', parameters: { field: 'n' } }
  const body = { id: 'body', type: 'set', parameters: { fields: { run: '{{ $runIndex }}', of: "{{ $('split').item.json.n }}" } } }

  await t.test('10,000 iterations, written in segments that are not too large, beside others that have their turn', async t => {
    const worker = createWorker(t, site)
    const workflowId = await site.workflow([split, { id: 'each', type: 'loop' }, body, { id: 'after', type: 'noOp' }],
      ['start -> split', 'split -> each', 'each.loop -> body', 'body -> each', 'each.done -> after'])
    const short = await site.workflow([{ id: 'only', type: 'noOp' }], ['start -> only'])
    const long = site.execution(workflowId, { payload: list(10_000) })
    const neighbour = site.execution(short)
    t.ok(await worker.acceptance.accept(long))
    await until('the loop goes around', async () => (await loadSegments(site.sql, long.id)).length > 0 || await statusOf(site, long.id))
    t.ok(await worker.acceptance.accept(neighbour))
    t.equal(await untilEnded(site, neighbour.id), 'succeeded')
    t.equal(await untilEnded(site, long.id, [], 120_000), 'succeeded')
    const segments = await loadSegments(site.sql, long.id)
    t.ok(segments.length >= 4, `${segments.length} segments`)
    t.ok(segments.every(({ events }) => events.length < 4 * 1024 * 1024))
    const events = await eventsOf(site, long.id)
    t.equal(runsOf(events, 'body'), 10_000)
    const last = events.findLast(event => event.type === 'step.succeeded' && event.nodeId === 'body')
    t.match(last, { run: 9999, outputs: { main: [{ from: 0, patch: { run: 9999, of: 9999 } }] } })
  })

  await t.test('100,000 items in batches of 1,000', async t => {
    const worker = createWorker(t, site)
    const workflowId = await site.workflow([split, { id: 'each', type: 'loop', parameters: { batchSize: 1000 } }, { id: 'body', type: 'noOp' }, { id: 'after', type: 'noOp' }],
      ['start -> split', 'split -> each', 'each.loop -> body', 'body -> each', 'each.done -> after'])
    const execution = site.execution(workflowId, { payload: list(100_000) })
    t.ok(await worker.acceptance.accept(execution))
    t.equal(await untilEnded(site, execution.id, [], 120_000), 'succeeded')
    const events = await eventsOf(site, execution.id)
    t.equal(runsOf(events, 'body'), 100)
    const after = events.find(event => event.type === 'step.succeeded' && event.nodeId === 'after')
    // So many are too large for a row: it says how many stand in the file storage.
    t.same(after?.type === 'step.succeeded' && after.stored?.outputs?.counts, { main: 100_000 })
  })

  await t.test('a worker that dies in the third iteration: another goes on with the third, under the same key', async t => {
    const work = gateNode('work')
    const first = createWorker(t, site, { nodes: [work.type] })
    const workflowId = await site.workflow([split, { id: 'each', type: 'loop' }, { id: 'call', type: 'work' }], ['start -> split', 'split -> each', 'each.loop -> call', 'call -> each'])
    const execution = site.execution(workflowId, { payload: list(4) })
    t.ok(await first.acceptance.accept(execution))
    for (let iteration = 0; iteration < 2; iteration++) {
      await until('the iteration', () => work.visits.length === iteration + 1)
      work.visits[iteration]!.pass()
    }
    await until('the third', () => work.visits.length === 3)
    first.die()
    const second = createWorker(t, site, { nodes: [work.type] })
    await untilTakenOver('the third again', site, second, () => work.visits.length === 4)
    t.same(work.visits.slice(2).map(({ key, attempt }) => [key, attempt]), [[`${execution.id}:call:2:0`, 1], [`${execution.id}:call:2:0`, 2]])
    work.open()
    t.equal(await untilEnded(site, execution.id), 'succeeded')
    t.equal(runsOf(await eventsOf(site, execution.id), 'call'), 4)
  })
})
