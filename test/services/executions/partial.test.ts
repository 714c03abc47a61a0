import t from 'tap'
import type { WorkflowNode } from '../../../src/engine/definition.ts'
import { createSite } from '../../support/durable-path.ts'
import { executionService } from '../../support/execution-service.ts'
import { flakyNode } from '../../support/flaky-node.ts'

t.test('runs of a part of a workflow', async t => {
  const site = await createSite(t)
  const flaky = flakyNode('flaky')
  const { executions, db, ended } = executionService(t, site, { nodes: [flaky.type] })
  const stored = [{ json: { n: 'stored' } }]
  const nodes: WorkflowNode[] = [
    { id: 'a', type: 'flaky', pinnedData: stored }, { id: 'b', type: 'flaky' }, { id: 'aside', type: 'flaky' },
    { id: 'join', type: 'merge' }, { id: 'end', type: 'set', parameters: { fields: { sum: '{{ $input.all().length }}', first: "{{ $('b').first()?.json.n }}" } } },
    { id: 'each', type: 'loop' }, { id: 'body', type: 'flaky' }
  ]
  const workflowId = await site.workflow(nodes, ['start -> a', 'start -> aside', 'a -> b', 'b -> join.a', 'aside -> join.b', 'join -> end', 'end -> each', 'each.loop -> body', 'body -> each'])
  const start = (more: Record<string, unknown>) => executions.start(db, { workflowId, version: undefined, input: { n: 1 }, ...more })
  const ran = (steps: ReadonlyMap<string, { status: string }>): string[] => [...steps].filter(([, { status }]) => status === 'succeeded').map(([id]) => id).sort()
  t.beforeEach(() => { flaky.visits.length = 0 })

  await t.test('up to a node: only what it needs runs', async t => {
    const { steps, status } = await ended(start({ destinationNode: 'b' }))
    t.equal(status, 'succeeded')
    t.same(ran(steps), ['a', 'b', 'start'])
    t.same([...steps.keys()].sort(), ['a', 'b', 'start'], 'nothing is said of what takes no part')
  })

  await t.test('one node, with the items that are given', async t => {
    const { steps } = await ended(start({ startNode: 'b', destinationNode: 'b', inputs: [{ json: { n: 5 } }, { json: { n: 6 } }] }))
    t.same(ran(steps), ['b'])
    t.match(steps.get('b')!.outputs['main'], [{ json: { n: 5, b: true } }, { json: { n: 6, b: true } }])
    const byInput = await ended(start({ startNode: 'join', destinationNode: 'join', inputs: { b: [{ json: { n: 2 } }], a: [{ json: { n: 1 } }] } }))
    t.same(byInput.steps.get('join')!.outputs['main'], [{ json: { n: 1 } }, { json: { n: 2 } }])
  })

  await t.test('from a node with given items: a merge does not wait for a branch that takes no part', async t => {
    const { steps, status } = await ended(start({ startNode: 'b', inputs: [{ json: { n: 5 } }] }))
    t.equal(status, 'succeeded')
    t.same(ran(steps), ['b', 'body', 'each', 'each:1', 'end', 'join'])
    t.match(steps.get('end')!.outputs['main'], [{ json: { sum: 1, first: 5 } }])
  })

  await t.test('from a loop with given items: it goes around with all of them', async t => {
    const { steps, status } = await ended(start({ startNode: 'each', inputs: [{ json: { n: 5 } }, { json: { n: 6 } }] }))
    t.equal(status, 'succeeded')
    t.same(ran(steps), ['body', 'body:1', 'each', 'each:1', 'each:2'])
    t.match(steps.get('each:2')!.outputs['done'], [{ json: { n: 5, body: true } }, { json: { n: 6, body: true } }])
  })

  await t.test('one node of a loop, with given items: its loop takes no part', async t => {
    const { steps, status } = await ended(start({ startNode: 'body', destinationNode: 'body', inputs: [{ json: { n: 5 } }, { json: { n: 6 } }] }))
    t.equal(status, 'succeeded')
    t.same([...steps.keys()], ['body'])
    t.match(steps.get('body')!.outputs['main'], [{ json: { n: 5, body: true } }, { json: { n: 6, body: true } }])
  })

  await t.test('from a node with the results of an earlier execution before it', async t => {
    const whole = await ended(start({}))
    t.equal(whole.status, 'succeeded')
    flaky.visits.length = 0
    const { steps, status } = await ended(start({ startNode: 'join', fromExecutionId: whole.id }))
    t.equal(status, 'succeeded')
    t.same(flaky.visits.map(visit => visit.split(' ')[0]), ['body', 'body'], 'what comes before is not run')
    t.equal(steps.get('b')!.startedAt, whole.steps.get('b')!.startedAt)
    t.match(steps.get('end')!.outputs['main'], [{ json: { sum: 2, first: 1 } }, {}])
    const body = await ended(start({ destinationNode: 'body', fromExecutionId: whole.id }))
    t.same(ran(body.steps).filter(id => id.startsWith('body')), ['body', 'body:1'])
  })

  await t.test('pinned items stand for a node that does not run: given ones, and those stored with it when asked for', async t => {
    const given = await ended(start({ destinationNode: 'b', pinnedData: { a: [{ json: { n: 'given' } }] } }))
    t.same(flaky.visits.map(visit => visit.split(' ')[0]), ['b'])
    t.match(given.steps.get('b')!.outputs['main'], [{ json: { n: 'given', b: true } }])
    const fromStore = await ended(start({ destinationNode: 'b', pinnedData: true }))
    t.match(fromStore.steps.get('b')!.outputs['main'], [{ json: { n: 'stored', b: true } }])
    flaky.visits.length = 0
    const plain = await ended(start({ destinationNode: 'b' }))
    t.match(plain.steps.get('b')!.outputs['main'], [{ json: { n: 1 } }])
    flaky.bad.add('given')
    const failed = await ended(start({ destinationNode: 'b', pinnedData: { a: [{ json: { n: 'given' } }] } }))
    t.equal(failed.status, 'failed')
    flaky.bad.clear()
    const again = await ended(executions.retry(db, failed.id, { from: 'start', version: 'same' }))
    t.match([again.status, again.steps.get('b')!.outputs['main']], ['succeeded', [{ json: { n: 'given', b: true } }]])
    t.same(ran(again.steps), ['a', 'b', 'start'], 'a retry of a part is of that part')
  })

  await t.test('what makes no sense is refused, with a pointer', async t => {
    const cases: Array<[Record<string, unknown>, string]> = [
      [{ startNode: 'nobody' }, '/startNode'], [{ destinationNode: 'constructor' }, '/destinationNode'], [{ pinnedData: { 'no/body': [] } }, '/pinnedData/no~1body'],
      [{ startNode: 'b' }, '/startNode'], [{ inputs: [] }, '/inputs'], [{ startNode: 'body', inputs: [] }, '/startNode'], [{ startNode: 'body', destinationNode: 'each', inputs: [] }, '/startNode'],
      [{ startNode: 'start', inputs: [] }, '/inputs'],
      [{ startNode: 'join', inputs: { c: [] } }, '/inputs/c'], [{ startNode: 'b', destinationNode: 'a', inputs: [] }, '/destinationNode'],
      [{ fromExecutionId: site.nextId() }, '/fromExecutionId'], [{ startNode: 'b', fromExecutionId: site.nextId() }, '/fromExecutionId']
    ]
    for (const [request, pointer] of cases) {
      const problem = await start(request).then(() => undefined, (error: unknown) => error as { code: string, errors: Array<{ pointer: string }> })
      t.match([problem?.code, JSON.stringify(problem)], ['WC_INVALID_INPUT', new RegExp(`"pointer":"${pointer}"`)], JSON.stringify(request))
    }
  })
})
