import type { InjectOptions } from 'fastify'
import t from 'tap'
import { register } from '../support/app.ts'
import { until } from '../support/service-process.ts'
import { wholeApp } from '../support/whole-app.ts'

const { app } = await wholeApp(t)

async function enter () {
  const { headers } = await register(app)
  const call = async (method: NonNullable<InjectOptions['method']>, url: string, payload?: object, more: Record<string, string> = {}) =>
    await app.inject({ method, url: `/v1${url}`, headers: { ...headers, ...more }, ...(payload === undefined ? {} : { payload }) })
  const publish = async (name: string): Promise<string> => {
    const nodes = [{ id: 'on', type: 'event', parameters: { name } }, { id: 'double', type: 'set', parameters: { fields: { twice: '{{ $json.payload.n * 2 }}' } } }]
    const { id } = (await call('POST', '/workflows', { name, nodes, connections: [{ from: 'on', to: 'double' }] })).json()
    await call('POST', `/workflows/${id}/publish`, {})
    return id
  }
  return { call, publish }
}

t.test('an event starts each published workflow that waits for its name, and no other', async t => {
  const { call, publish } = await enter()
  const stranger = await enter()
  const [first, second] = [await publish('order.placed'), await publish('order.placed')]
  await publish('order.cancelled')
  await stranger.publish('order.placed')
  const answer = await call('POST', '/events', { name: 'order.placed', payload: { n: 21 } })
  t.equal(answer.statusCode, 202, answer.body)
  const { executionIds } = answer.json()
  t.equal(executionIds.length, 2)
  const ended = await Promise.all(executionIds.map(async (id: string) => await until('it ends', async () => {
    const execution = (await call('GET', `/executions/${id}`)).json()
    return execution.finishedAt !== null && execution
  })))
  t.strictSame(ended.map(({ status, trigger }) => [status, trigger]), [['succeeded', 'event'], ['succeeded', 'event']])
  t.strictSame(ended.map(({ workflowId }) => workflowId).sort(), [first, second].sort())
  const { data } = (await call('GET', `/executions/${executionIds[0]}/steps`)).json()
  t.match(data[1].outputs.main, [{ json: { name: 'order.placed', payload: { n: 21 }, at: /Z$/, twice: 42 } }])

  await call('POST', `/workflows/${first}/unpublish`, {})
  t.equal((await call('POST', '/events', { name: 'order.placed' })).json().executionIds.length, 1, 'what is unpublished waits no more')
  t.strictSame((await call('POST', '/events', { name: 'nobody.waits' })).json(), { executionIds: [] })
})

t.test('workflows that wait for all ends do not start each other, and those that name one hear of it', async t => {
  const { call, publish } = await enter()
  const ofAll = [await publish('execution.succeeded'), await publish('execution.succeeded'), await publish('execution.succeeded')]
  const { id: named } = (await call('POST', '/workflows', { name: 'named', nodes: [{ id: 'on', type: 'event', parameters: { name: 'execution.succeeded', workflowId: ofAll[0] } }], connections: [] })).json()
  t.equal((await call('POST', `/workflows/${named}/publish`, {})).statusCode, 200)
  await publish('order.paid')
  await call('POST', '/events', { name: 'order.paid', payload: { n: 1 } })
  const executions = async (query: string): Promise<Array<{ finishedAt: string | null }>> => (await call('GET', `/executions?${query}`)).json().data
  await until('those that are started', async () => { const all = await executions(''); return all.length >= 5 && all.every(({ finishedAt }) => finishedAt !== null) })
  for (const id of ofAll) t.equal((await executions(`workflowId=${id}`)).length, 1)
})

t.test('the same idempotency key starts nothing twice', async t => {
  const { call, publish } = await enter()
  const id = await publish('once')
  const send = async () => (await call('POST', '/events', { name: 'once', payload: { n: 1 } }, { 'idempotency-key': 'event-1' })).json()
  t.strictSame(await send(), await send())
  t.equal((await call('GET', `/executions?workflowId=${id}`)).json().data.length, 1)
})

t.test('a payload must fit the schema of its event type', async t => {
  const { call, publish } = await enter()
  await publish('checked')
  const schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } }
  t.equal((await call('PUT', '/event-types/checked', { schema })).statusCode, 201)
  t.match((await call('PUT', '/event-types/checked', { schema })).json(), { name: 'checked', schema })
  t.match((await call('GET', '/event-types')).json(), { data: [{ name: 'checked', schema }], nextCursor: null })
  t.match((await call('POST', '/events', { name: 'checked', payload: { n: 'one' } })).json(), { status: 422, errors: [{ pointer: '/payload/n', code: 'type' }] })
  t.match((await call('POST', '/events', { name: 'checked' })).json(), { status: 422, errors: [{ pointer: '/payload' }] })
  t.equal((await call('POST', '/events', { name: 'checked', payload: { n: 1 } })).json().executionIds.length, 1)
  t.match((await call('PUT', '/event-types/checked', { schema: { type: 'nothing' } })).json(), { status: 422, errors: [{ pointer: '/schema', code: 'WC_SCHEMA' }] })
  t.equal((await (await enter()).call('GET', '/event-types/checked')).statusCode, 404, 'of another organization')
  t.equal((await call('DELETE', '/event-types/checked')).statusCode, 204)
  t.equal((await call('DELETE', '/event-types/checked')).statusCode, 404)
  t.equal((await call('POST', '/events', { name: 'checked', payload: 'anything' })).json().executionIds.length, 1)
})

t.test('bad input is refused with pointers', async t => {
  const { call } = await enter()
  for (const body of [{}, { name: '' }, { name: '..' }, { name: 'a b' }, { name: 'a'.repeat(129) }, { name: 'a', more: 1 }]) {
    t.match((await call('POST', '/events', body)).json(), { status: 422, errors: [{ pointer: String, code: String }] }, JSON.stringify(body))
  }
  t.match((await call('POST', '/workflows', { name: 'x', nodes: [{ id: 'on', type: 'event', parameters: { name: '{{ $vars.x }}' } }], connections: [] })).json(), { status: 422, errors: [{ pointer: '/nodes/0/parameters/name' }] })
})
