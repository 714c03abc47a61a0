import t from 'tap'
import type { Segment } from '../../../src/db/queries/append-events.ts'
import type { WorkflowNode } from '../../../src/engine/definition.ts'
import type { Event } from '../../../src/engine/events.ts'
import type { Plan } from '../../../src/engine/plan.ts'
import { initialState } from '../../../src/engine/state.ts'
import { decodeEvents } from '../../../src/engine/stored-events.ts'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch/index.ts'
import { createLargeValues } from '../../../src/services/files/large-values.ts'
import { ExecutionRun } from '../../../src/services/runner/execution-run.ts'
import type { RunHost } from '../../../src/services/runner/run-host.ts'
import { identify } from '../../../src/services/runner/run-identity.ts'
import { planOf, start } from '../../support/engine-simulator.ts'
import { startServer } from '../../support/http-server.ts'
import { noFiles } from '../../support/node-context.ts'

const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'WeConnect test' })
let calls: string[] = []
const server = await startServer((request, response) => {
  calls.push(request.url!)
  response.statusCode = Number(request.url!.slice(1))
  response.end('{}')
})
t.teardown(async () => {
  await server.close()
  await guarded.close()
})

const split: WorkflowNode = { id: 'split', type: 'splitOut', parameters: { field: 'statuses' } }
const call = (settings: Partial<WorkflowNode>): WorkflowNode => ({ id: 'call', type: 'httpRequest', parameters: { url: `${server.url}/{{ $json.statuses }}`, response: 'text' }, ...settings })

function plan (settings: Partial<WorkflowNode>): Plan {
  const links = settings.onError === 'errorOutput' ? ['call -> good', 'call.error -> bad'] : ['call -> good']
  return planOf([start, split, call(settings), { id: 'good', type: 'noOp' }, { id: 'bad', type: 'noOp' }], ['start -> split', 'split -> call', ...links])
}

/** A worker's part in an execution, the database left out. */
async function run (settings: Partial<WorkflowNode>, statuses: readonly number[]): Promise<{ status: string, ended: Extract<Event, { type: 'step.succeeded' | 'step.failed' }> | undefined, retries: number }> {
  calls = []
  const segments: Segment[] = []
  const host = {
    writer: { async append (segment) { segments.push(segment); return 'written' }, backlog: 0, async drained () {} },
    values: createLargeValues({ files: undefined as never, limit: Infinity, nextId: () => '' }),
    fetch: request => guarded.fetch(request),
    filesOf: () => noFiles,
    now: Date.now,
    isAwaited: () => false,
    parked (one) { setTimeout(() => { one.signal({ type: 'timerDue' }) }, 20) },
    fault (_run, error) { throw error }
  } satisfies Partial<RunHost> as Partial<RunHost> as RunHost
  const execution = { id: 'execution', organizationId: 'organization', workflowId: 'workflow', version: 1, nodeId: 'start', trigger: 'manual', payload: '', origin: '', published: true }
  const compiled = plan(settings)
  const one = new ExecutionRun(host, identify(execution, 'writer'), compiled, initialState(compiled, 'start', { statuses }, execution.id), false)
  one.signal({ type: 'begin' })
  await one.ended
  const events = segments.flatMap(({ events }) => decodeEvents(JSON.parse(events)))
  return {
    status: segments.at(-1)!.status,
    ended: events.find(event => (event.type === 'step.succeeded' || event.type === 'step.failed') && event.nodeId === 'call') as never,
    retries: events.filter(({ type }) => type === 'step.retrying').length
  }
}

const failed = (from: number, status: number): object => ({ from, patch: { error: { code: 'WC_HTTP_STATUS', message: new RegExp(`answered ${status}$`) } } })

t.test('errorOutput: items that fail go there, the others on', async t => {
  const { status, ended } = await run({ onError: 'errorOutput' }, [200, 404, 201, 400])
  t.equal(status, 'succeeded')
  t.match(ended, { type: 'step.succeeded', outputs: { main: [{ from: 0, json: { status: 200 } }, { from: 2, json: { status: 201 } }], error: [failed(1, 404), failed(3, 400)] } })
  t.same([ended!.outputs!['main']!.length, ended!.outputs!['error']!.length], [2, 2])
  t.same(calls.toSorted(), ['/200', '/201', '/400', '/404'], 'each was called once')
})

t.test('continue: they stay in their places, with what went wrong', async t => {
  const { status, ended } = await run({ onError: 'continue' }, [404, 200])
  t.equal(status, 'succeeded')
  t.match(ended, { type: 'step.succeeded', outputs: { main: [failed(0, 404), { from: 1, json: { status: 200 } }] } })
})

t.test('the step fails with all of its items, and with the first of them where it says stop', async t => {
  t.match(await run({ onError: 'errorOutput' }, [404, 410]), { status: 'succeeded', ended: { type: 'step.failed', error: { code: 'WC_HTTP_STATUS', itemIndex: 0 }, outputs: { error: [failed(0, 404), failed(1, 404)] } } })
  t.match(await run({}, [200, 404]), { status: 'failed', ended: { type: 'step.failed', error: { code: 'WC_HTTP_STATUS', itemIndex: 1 } } })
})
