import t, { type Test } from 'tap'
import type { Segment } from '../../../src/db/queries/append-events.ts'
import type { WorkflowNode } from '../../../src/engine/definition.ts'
import type { Plan } from '../../../src/engine/plan.ts'
import { initialState } from '../../../src/engine/state.ts'
import { decodeEvents } from '../../../src/engine/stored-events.ts'
import { ExecutionRun } from '../../../src/services/runner/execution-run.ts'
import type { RunHost } from '../../../src/services/runner/run-host.ts'
import { identify } from '../../../src/services/runner/run-identity.ts'
import { createLargeValues } from '../../../src/services/files/large-values.ts'
import { cpuTime } from '../../support/cpu-time.ts'
import { planOf, start } from '../../support/engine-simulator.ts'

/** `set`, `if` and `noOp` in turn; every expression of a `set` sees the step before and the first one. */
function chain (length: number): Plan {
  const nodes = Array.from({ length }, (_, index): WorkflowNode => [
    { id: `n${index}`, type: 'set', parameters: { fields: { count: '{{ $json.count + 1 }}', from: "{{ $('start').item.json.name }}" } } },
    { id: `n${index}`, type: 'if', parameters: { condition: '{{ $json.count > 0 }}' } },
    { id: `n${index}`, type: 'noOp' }
  ][index % 3]!)
  const before = (index: number): string => index === 0 ? 'start' : `n${index - 1}${nodes[index - 1]!.type === 'if' ? '.true' : ''}`
  return planOf([start, ...nodes], nodes.map(({ id }, index) => `${before(index)} -> ${id}`))
}

/**
 * All that a worker does with an execution but for the database: the engine, the nodes, the rows that it would write.
 * @returns milliseconds of processor time
 */
async function run (t: Test, plan: Plan): Promise<number> {
  const segments: Segment[] = []
  const faults: unknown[] = []
  const host = {
    writer: { async append (segment) { segments.push(segment); return 'written' }, backlog: 0, async drained () {} },
    values: createLargeValues({ files: undefined as never, limit: Infinity, nextId: () => '' }),
    now: Date.now,
    isAwaited: () => false,
    fault (_run, error) { faults.push(error) }
  } satisfies Partial<RunHost> as Partial<RunHost> as RunHost
  const execution = { id: 'execution', organizationId: 'organization', workflowId: 'workflow', version: 1, nodeId: 'start', trigger: 'manual', payload: '', origin: '', published: true }
  const before = cpuTime()
  const one = new ExecutionRun(host, identify(execution, 'writer'), plan, initialState(plan, 'start', { count: 0, name: 'first' }, execution.id), false)
  one.signal({ type: 'begin' })
  const end = await one.ended
  const took = cpuTime() - before

  const events = segments.flatMap(({ events }) => decodeEvents(JSON.parse(events)))
  const length = plan.nodes.length - 1
  t.same([end, segments.at(-1)!.status, faults], ['finished', 'succeeded', []])
  t.equal(events.filter(({ type }) => type === 'step.succeeded').length, length + 1)
  const set = events.findLast(event => event.type === 'step.succeeded' && event.outputs['main']?.[0]?.patch !== undefined)
  t.match(set, { outputs: { main: [{ patch: { count: Math.ceil(length / 3), from: 'first' } }] } })
  return took
}

async function best (t: Test, plan: Plan, times: number): Promise<number> {
  const took: number[] = []
  while (took.length < times) took.push(await run(t, plan))
  return Math.min(...took)
}

t.test('a chain of 1,000 pure nodes takes less than 100 ms', async t => {
  const plan = chain(1000)
  // Until the compiler has seen it all.
  await best(t, plan, 5)
  const took = await best(t, plan, 5)
  t.comment(`${took.toFixed(1)} ms`)
  t.ok(took < 100, `${took} ms`)
})

t.test('one of 10,000 takes about ten times as long, however far back its expressions look', async t => {
  const took = await run(t, chain(9999))
  t.comment(`${took.toFixed(1)} ms`)
  t.ok(took < 2000, `${took} ms`)
})
