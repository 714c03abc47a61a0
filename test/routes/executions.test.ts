import t from 'tap'
import { NIL_ID } from '../../src/lib/ids.ts'
import { register } from '../support/app.ts'
import { cpuTime } from '../support/cpu-time.ts'
import { until } from '../support/service-process.ts'
import { wholeApp, type WholeCall } from '../support/whole-app.ts'

const { app, runtime } = await wholeApp(t)

interface Node { id: string, type: string, parameters?: object, onError?: string, pinnedData?: object[] }

async function enter () {
  const { headers } = await register(app)
  const call: WholeCall = async (method, url, payload, more = {}) =>
    await app.inject({ method, url: `/v1${url}`, headers: { ...headers, ...more }, ...(payload === undefined ? {} : { payload }) })
  /** Nodes in a row. */
  const body = (name: string, nodes: Node[], settings: object = {}) => ({ name, nodes, connections: nodes.slice(1).map(({ id }, index) => ({ from: nodes[index]!.id, to: id })), settings })
  const save = async (...of: Parameters<typeof body>) => {
    const answer = await call('POST', '/workflows', body(...of))
    if (answer.statusCode !== 201) throw new Error(answer.body)
    return answer.json<{ id: string, warnings: object[] }>()
  }
  const publish = async (...of: Parameters<typeof body>): Promise<string> => {
    const { id } = await save(...of)
    const answer = await call('POST', `/workflows/${id}/publish`, {})
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return id
  }
  const start = async (workflowId: string, more: object = {}): Promise<string> => {
    const answer = await call('POST', `/workflows/${workflowId}/executions`, more)
    if (answer.statusCode !== 202) throw new Error(answer.body)
    return answer.json<{ executionId: string }>().executionId
  }
  const get = async (id: string) => (await call('GET', `/executions/${id}`)).json()
  const ended = async (id: string) => await until('it ends', async () => { const execution = await get(id); return execution.finishedAt !== null && execution })
  const steps = async (id: string): Promise<Array<{ nodeId: string, status: string, outputs: Record<string, Array<{ json: object }>>, error: object | null }>> => (await call('GET', `/executions/${id}/steps`)).json().data
  const children = async (id: string): Promise<Array<{ id: string, status: string, trigger: string }>> => (await call('GET', `/executions?parentExecutionId=${id}`)).json().data
  return { call, body, save, publish, start, get, ended, steps, children }
}

const called = { id: 'called', type: 'subWorkflowTrigger', parameters: { inputSchema: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } } }
const manual = { id: 'go', type: 'manual' }

t.test('a sub-workflow is an execution of its own, which knows its parent', async t => {
  const { publish, start, ended, steps, children, call, get } = await enter()
  const inner = await publish('Inner', [called, { id: 'double', type: 'set', parameters: { fields: { twice: '{{ $json.n * 2 }}' } } }])
  const outer = await publish('Outer', [manual, { id: 'call', type: 'subWorkflow', parameters: { workflowId: inner } }])
  const id = await start(outer, { input: { n: 21 } })
  t.match(await ended(id), { status: 'succeeded', parentExecutionId: null })
  t.match((await steps(id)).at(-1), { nodeId: 'call', status: 'succeeded', outputs: { main: [{ json: { n: 21, twice: 42 } }] } })
  const [child, ...more] = await children(id)
  t.same(more, [])
  t.match(await get(child!.id), { workflowId: inner, trigger: 'subWorkflow', status: 'succeeded', parentExecutionId: id, retryOf: null })
  const stranger = await enter()
  t.same(await stranger.children(id), [])
  t.equal((await call('GET', '/executions?parentExecutionId=nonsense')).statusCode, 422)
  t.match((await call('POST', `/workflows/${inner}/executions`, { input: { n: 'x' } })).json(), { status: 422, errors: [{ pointer: '/input/n' }] }, 'started by hand its input is checked, too')
})

t.test('10,000 nodes are validated, saved, published and run', async t => {
  const { body, call, publish, start, ended } = await enter()
  const nodes: Node[] = [manual, ...Array.from({ length: 9999 }, (_, index): Node => index % 2 === 0
    ? { id: `n${index}`, type: 'set', parameters: { fields: { count: '{{ $json.count + 1 }}', by: "{{ $('go').item.json.by }}" } } }
    : { id: `n${index}`, type: 'noOp' })]
  const large = body('Large', nodes)
  // What the first workflow of a process costs beside, it costs once.
  await call('POST', '/workflows/validate', body('Small', nodes.slice(0, 500)))
  const cpu = { validation: cpuTime(), run: 0 }
  t.match((await call('POST', '/workflows/validate', large)).json(), { valid: true, errors: [] })
  cpu.validation = cpuTime() - cpu.validation
  const workflowId = await publish('Large', nodes)
  t.equal((await call('GET', `/workflows/${workflowId}`)).json().nodes.length, 10_000)
  const [count] = await runtime.database.service`select count(*)::int as n from workflow_nodes where workflow_id = ${workflowId}`
  t.equal(count?.['n'], 10_000)
  cpu.run = cpuTime()
  const id = await start(workflowId, { input: { count: 0, by: 'Ada' } })
  t.match(await ended(id), { status: 'succeeded' })
  cpu.run = cpuTime() - cpu.run
  const last = await call('GET', `/executions/${id}/steps?cursor=9999`)
  t.match(last.json().data.at(-1), { nodeId: 'n9998', status: 'succeeded', outputs: { main: [{ json: { count: 5000, by: 'Ada' } }] } }, last.body.slice(0, 300))
  // With all that the process does beside, on the embedded database that of the server too: 0.6 s and 2 s where nothing competes for the machine.
  t.ok(cpu.validation < 3000 && cpu.run < 8000, JSON.stringify(cpu))
  t.comment(JSON.stringify(cpu))
})

t.test('what has too many events, or too much text in them, is refused rather than brought into memory', async t => {
  const { publish, start, ended, call } = await enter()
  const id = await start(await publish('Long', [manual, { id: 'next', type: 'noOp' }]))
  await ended(id)
  const owner = runtime.database.owner()
  t.teardown(async () => { await owner.end() })
  const answer = async () => (await call('GET', `/executions/${id}/steps`)).json()
  await owner`update execution_events set last_seq = 750000 where execution_id = ${id}`
  t.match(await answer(), { data: [{ nodeId: 'go' }, { nodeId: 'next' }] })
  await owner`update execution_events set last_seq = 750001 where execution_id = ${id}`
  t.match(await answer(), { status: 409, code: 'WC_TOO_LARGE_TO_SHOW' })
  await owner`update execution_events set last_seq = 9, events = (rpad('[', 64 * 1024 * 1024, ' ') || ']')::json where execution_id = ${id}`
  t.match(await answer(), { status: 409, code: 'WC_TOO_LARGE_TO_SHOW' })
})

t.test('what could not be run now is a warning when it is saved, and no error', async t => {
  const { save, publish, body, call } = await enter()
  const stranger = await enter()
  const foreign = await stranger.publish('Foreign', [called])
  const plain = await publish('Plain', [manual])
  const draft = await save('Draft', [called])
  const inner = await publish('Inner', [called])
  for (const [workflowId, code] of [[foreign, 'WC_SUBWORKFLOW_UNKNOWN'], [NIL_ID, 'WC_SUBWORKFLOW_UNKNOWN'], [draft.id, 'WC_SUBWORKFLOW_UNPUBLISHED'], [plain, 'WC_SUBWORKFLOW_TRIGGER'], [inner, undefined], ['{{ $json.id }}', undefined]] as const) {
    for (const type of ['subWorkflow', 'map']) {
      const outer = body('Outer', [manual, { id: 'call', type, parameters: { workflowId } }])
      t.match((await call('POST', '/workflows/validate', outer)).json(), { valid: true, warnings: code === undefined ? [] : [{ code, pointer: '/nodes/1/parameters/workflowId' }] }, `${type} ${workflowId}`)
    }
  }
  t.match((await call('POST', '/workflows/validate', body('Outer', [manual, { id: 'call', type: 'map', parameters: { workflowId: 'nonsense', maxConcurrency: 101, onItemError: 'ignore' } }]))).json(), { valid: false })
  t.match((await call('POST', '/workflows/validate', body('Outer', [manual, { id: 'call', type: 'map', parameters: { workflowId: 'nonsense' } }]))).json(), { valid: false, errors: [{ code: 'WC_WORKFLOW_ID' }] })
  t.match((await save('Warned', [manual], { errorWorkflowId: plain })).warnings, [{ code: 'WC_ERROR_WORKFLOW_IDLE', pointer: '/settings/errorWorkflowId' }])
  t.match((await save('Listens', [{ id: 'on', type: 'event', parameters: { name: 'execution.failed', workflowId: foreign } }])).warnings, [{ code: 'WC_EVENT_WORKFLOW_UNKNOWN' }])
  t.match((await call('POST', '/workflows/validate', body('Listens', [{ id: 'on', type: 'event', parameters: { name: 'order.placed', workflowId: inner } }]))).json(), { errors: [{ code: 'WC_EVENT_SOURCE' }] })
  t.match((await call('POST', '/workflows/validate', body('Typed', [{ id: 'in', type: 'subWorkflowTrigger', parameters: { inputSchema: { type: 'nothing' } } }]))).json(), { errors: [{ code: 'WC_INPUT_SCHEMA' }] })
})

t.test('a cancellation reaches what runs within, is refused once all is over, and a retry does the rest', async t => {
  const { publish, start, ended, get, steps, children, call } = await enter()
  const slow = await publish('Slow', [{ id: 'called', type: 'subWorkflowTrigger' }, { id: 'wait', type: 'wait', parameters: { for: '1h' } }])
  const outer = await publish('Outer', [manual, { id: 'first', type: 'set', parameters: { fields: { at: 1 } } }, { id: 'call', type: 'subWorkflow', parameters: { workflowId: slow } }])
  const id = await start(outer)
  t.match(await until('it waits', async () => { const execution = await get(id); return execution.status === 'waiting' && execution }), { waitingFor: { type: 'children', nodeId: 'call', open: 1, ended: 0, executionIds: [String] } })
  const [child] = await until('its child waits', async () => { const list = await children(id); return list[0]?.status === 'waiting' && list })
  t.equal((await (await enter()).call('POST', `/executions/${id}/cancel`, {})).statusCode, 404)
  t.equal((await call('POST', `/executions/${id}/retry`, {})).statusCode, 409, 'it is not over')
  const asked = Date.now()
  t.equal((await call('POST', `/executions/${id}/cancel`, {})).statusCode, 202)
  t.match([await ended(id), await ended(child!.id)], [{ status: 'cancelled' }, { status: 'cancelled' }])
  t.ok(Date.now() - asked < 10_000, 'long before its hour is over')
  for (const one of [id, child!.id]) t.equal((await call('POST', `/executions/${one}/cancel`, {})).statusCode, 409)

  const answer = await call('POST', `/executions/${id}/retry`, { from: 'failedStep' })
  t.equal(answer.statusCode, 202, answer.body)
  const again = answer.json<{ executionId: string }>().executionId
  const [other] = await until('it has a child of its own', async () => { const list = await children(again); return list.length > 0 && list })
  t.not(other!.id, child!.id)
  t.match(await get(again), { retryOf: id, parentExecutionId: null })
  t.match((await steps(again)).map(({ nodeId, status }) => `${nodeId} ${status}`).slice(0, 2), ['go succeeded', 'first succeeded'])
  await call('POST', `/executions/${again}/cancel`, {})
  t.match(await ended(other!.id), { status: 'cancelled' })
  t.equal((await (await enter()).call('POST', `/executions/${id}/retry`, {})).statusCode, 404)
})

t.test('a failed step is done again with the newest version, and what went well is not', async t => {
  const { publish, start, ended, steps, call, body } = await enter()
  const broken = await publish('Mended', [manual, { id: 'id', type: 'crypto', parameters: { operation: 'uuid' } }, { id: 'end', type: 'stop', parameters: { message: 'Broken' } }])
  const id = await start(broken)
  t.match(await ended(id), { status: 'failed', error: { code: 'WC_STOPPED', nodeId: 'end' } })
  await call('PUT', `/workflows/${broken}`, body('Mended', [manual, { id: 'id', type: 'crypto', parameters: { operation: 'uuid' } }, { id: 'end', type: 'noOp' }]))
  await call('POST', `/workflows/${broken}/publish`, {})
  const again = (await call('POST', `/executions/${id}/retry`, { version: 'newest' })).json<{ executionId: string }>().executionId
  t.match(await ended(again), { status: 'succeeded', version: 2, retryOf: id })
  const made = async (one: string) => (await steps(one)).find(({ nodeId }) => nodeId === 'id')?.outputs
  t.same(await made(again), await made(id))
  const anew = (await call('POST', `/executions/${id}/retry`, { from: 'start', version: 'newest' })).json<{ executionId: string }>().executionId
  t.match(await ended(anew), { status: 'succeeded' })
  t.notSame(await made(anew), await made(id))
  t.match((await call('POST', `/executions/${id}/retry`, { from: 'nowhere' })).json(), { status: 422 })
  t.same((await call('POST', `/executions/${id}/retry`, { from: 'nowhere' })).json().errors.map(({ pointer }: { pointer: string }) => pointer), ['/from'], 'nobody is told that an object is not null')
})

t.test('a part runs on given, pinned and recorded data', async t => {
  const { publish, start, ended, steps, call } = await enter()
  const workflowId = await publish('Parts', [
    manual, { id: 'load', type: 'set', parameters: { fields: { n: 1 } }, pinnedData: [{ json: { n: 100 } }] }, { id: 'add', type: 'set', parameters: { fields: { n: '{{ $json.n + 1 }}' } } }, { id: 'after', type: 'noOp' }
  ])
  const outputs = async (id: string, nodeId: string) => (await steps(id)).find(step => step.nodeId === nodeId)?.outputs['main']?.map(({ json }) => json)
  const run = async (more: object): Promise<string> => { const id = await start(workflowId, more); t.match(await ended(id), { status: 'succeeded' }); return id }
  const whole = await run({})
  t.same(await outputs(whole, 'add'), [{ n: 2 }])
  const pinned = await run({ pinnedData: true, destinationNode: 'add' })
  t.same(await outputs(pinned, 'add'), [{ n: 101 }])
  t.equal(await outputs(pinned, 'after'), undefined, 'nothing behind the destination runs')
  t.same(await outputs(await run({ startNode: 'add', inputs: [{ json: { n: 7 } }] }), 'after'), [{ n: 8 }])
  t.same(await outputs(await run({ startNode: 'add', fromExecutionId: whole }), 'after'), [{ n: 2 }])
  t.equal((await call('POST', `/workflows/${workflowId}/executions`, { startNode: 'nowhere' })).statusCode, 422)
  const misfit = (await call('POST', `/workflows/${workflowId}/executions`, { startNode: 'add', inputs: [{ n: 7 }] })).json()
  t.same(misfit.errors.map(({ pointer }: { pointer: string }) => pointer), ['/inputs/0/json', '/inputs/0/n'], 'what is wrong with the form that it has')
})

t.test('the end of an execution starts the error workflow, and what listens', async t => {
  const { publish, start, ended, get, steps, call } = await enter()
  const listener = await publish('Listener', [{ id: 'on', type: 'event', parameters: { name: 'execution.failed' } }])
  const onError = await publish('On error', [{ id: 'on', type: 'error' }, { id: 'text', type: 'set', parameters: { keep: 'none', fields: { text: '{{ $json.workflow.name }}: {{ $json.execution.error.message }}' } } }])
  const broken = await publish('Broken', [manual, { id: 'end', type: 'stop', parameters: { message: 'No stock' } }], { errorWorkflowId: onError })
  const id = await start(broken)
  t.match(await ended(id), { status: 'failed' })
  const startedOf = async (workflowId: string) => await until('it has run', async () => { const { data } = (await call('GET', `/executions?workflowId=${workflowId}`)).json(); return data[0]?.status === 'succeeded' && data })
  const [handled, ...more] = await startedOf(onError)
  t.same(more, [])
  t.match(handled, { trigger: 'error' })
  t.match((await steps(handled.id)).at(-1), { outputs: { main: [{ json: { text: 'Broken: No stock' } }] } })
  const [heard] = await startedOf(listener)
  t.match((await steps(heard.id))[0], { outputs: { main: [{ json: { name: 'execution.failed', payload: { execution: { id, status: 'failed', failedNode: 'end' }, workflow: { id: broken, name: 'Broken', version: 1 } } } }] } })
  t.match(await get(heard.id), { trigger: 'event' })
  for (const request of [call('POST', '/events', { name: 'execution.failed' }), call('PUT', '/event-types/execution.failed', { schema: {} })]) t.match((await request).json(), { status: 422, errors: [{ code: 'WC_EVENT_RESERVED' }] })
})
