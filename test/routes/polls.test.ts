import t from 'tap'
import { claimPolls, completePoll } from '../../src/db/queries/run-polls.ts'
import { createGuardedFetch } from '../../src/lib/guarded-fetch/index.ts'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { createIdSource } from '../../src/lib/ids.ts'
import { pollRoutes, pollTestRoutes } from '../../src/routes/polls.ts'
import { createPlans } from '../../src/services/plans.ts'
import { createPolls } from '../../src/services/polls/polls.ts'
import { testDatabase } from '../support/database.ts'
import { startServer } from '../support/http-server.ts'
import { workflowApp } from '../support/workflow-app.ts'

const database = await testDatabase(t)
const server = await startServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ asked: request.url, orders: [{ id: 1 }, { id: 2 }] }))
})
t.teardown(server.close)
const outgoing = createGuardedFetch({ allow: ['127.0.0.0/8'], userAgent: 'test' })
t.teardown(outgoing.close)
const nextId = createIdSource(Date.now)
const polls = createPolls({
  sql: database.service,
  plans: createPlans(database.service, new NodeRegistry(builtinNodes)),
  fetch: async request => await outgoing.fetch(request),
  credentials: { open: async () => { throw new Error('there are none') } },
  nextId,
  now: Date.now
})
const { join } = await workflowApp(t, [
  { prefix: '/polls', routes: async app => { await app.register(pollRoutes, { polls }) } },
  { prefix: '/workflows', routes: async app => { await app.register(pollTestRoutes, { polls }) } }
], { database })
const { call } = await join()
const stranger = await join()

const flow = (parameters: object, id = 'orders') => ({ name: 'P', nodes: [{ id, type: 'poll', parameters }] })
const asking = { every: '1h', url: server.url, query: { since: '{{ $cursor }}' }, items: 'orders', key: 'id', cursor: '{{ $json.id }}', initialCursor: 0 }
const only = async (workflowId: string) => (await call('GET', `/polls?workflowId=${workflowId}`)).json().data[0]

async function publish (parameters: object): Promise<string> {
  const { id } = (await call('POST', '/workflows', flow(parameters))).json<{ id: string }>()
  await publishAgain(id)
  return id
}

async function publishAgain (id: string): Promise<void> {
  const answer = await call('POST', `/workflows/${id}/publish`)
  if (answer.statusCode !== 200) throw new Error(answer.body)
}

/** As if it had been polled. */
async function reach (workflowId: string, cursor: number): Promise<void> {
  await database.service`update polls set cursor = ${String(cursor)}::text::json, begun = true where workflow_id = ${workflowId}`
  await database.service`insert into remembered_keys (organization_id, workflow_id, name, key_hash, claimed_by) select organization_id, workflow_id, 'poll:' || node_id, 'x', 'test' from polls where workflow_id = ${workflowId} on conflict do nothing`
}

const remembered = async (workflowId: string): Promise<number> => (await database.service`select from remembered_keys where workflow_id = ${workflowId}`).length

t.test('a cursor outlives versions, rests while nothing is published, and ends with the workflow', async t => {
  const workflowId = await publish(asking)
  const first = await only(workflowId)
  t.match(first, { workflowId, nodeId: 'orders', version: 1, rule: { every: '1h', timeZone: 'UTC' }, cursor: null, failures: 0, lastError: null, polling: false, pausedAt: null })
  t.ok(Date.parse(first.nextAt) > Date.now())
  await reach(workflowId, 7)

  await call('PUT', `/workflows/${workflowId}`, { ...flow(asking), name: 'Other' })
  await publishAgain(workflowId)
  t.match(await only(workflowId), { id: first.id, version: 2, nextAt: first.nextAt, cursor: 7 })
  await call('PUT', `/workflows/${workflowId}`, flow({ ...asking, every: '2h' }))
  await publishAgain(workflowId)
  t.match(await only(workflowId), { id: first.id, version: 3, cursor: 7, rule: { every: '2h' } })

  await call('POST', `/workflows/${workflowId}/unpublish`)
  t.match(await only(workflowId), { id: first.id, version: null, nextAt: null, cursor: 7 })
  t.equal((await call('POST', `/polls/${first.id}/run`)).statusCode, 409)
  await call('POST', `/workflows/${workflowId}/publish`)
  const rested = await only(workflowId)
  t.match(rested, { id: first.id, version: 3, cursor: 7 })
  t.ok(Date.parse(rested.nextAt) > Date.now(), 'with a tick to come')
  t.equal(await remembered(workflowId), 1)

  await call('PUT', `/workflows/${workflowId}`, flow(asking, 'renamed'))
  await publishAgain(workflowId)
  t.match((await call('GET', `/polls?workflowId=${workflowId}`)).json().data, [{ nodeId: 'renamed', version: 4, cursor: null }, { nodeId: 'orders', version: null, cursor: 7 }], 'another node is another trigger')
  t.equal((await call('DELETE', `/workflows/${workflowId}`)).statusCode, 204)
  t.equal((await call('GET', `/polls/${first.id}`)).statusCode, 404)
  t.equal(await remembered(workflowId), 0)
})

t.test('what has come to nothing yet goes when nothing is published', async t => {
  const workflowId = await publish(asking)
  await call('POST', `/workflows/${workflowId}/unpublish`)
  t.equal(await only(workflowId), undefined)
  await call('POST', `/workflows/${workflowId}/publish`)
  const { id } = await only(workflowId)
  await call('POST', `/polls/${id}/pause`)
  await call('POST', `/workflows/${workflowId}/unpublish`)
  await call('POST', `/workflows/${workflowId}/publish`)
  t.match(await only(workflowId), { id, version: 1, pausedAt: String }, 'but not what somebody holds')
})

t.test('a correction that is published polls with its next tick, whatever the failures before it', async t => {
  const workflowId = await publish({ ...asking, every: '1m' })
  const wait = async (failures: number, next: string): Promise<number> => {
    await database.service`update polls set failures = ${failures}, next_at = now() + ${next}::interval, next_tick = now() + ${next}::interval where workflow_id = ${workflowId}`
    await call('PUT', `/workflows/${workflowId}`, { ...flow({ ...asking, every: '1m' }), name: `After ${next}` })
    await publishAgain(workflowId)
    return Date.parse((await only(workflowId)).nextAt) - Date.now()
  }
  t.ok(await wait(9, '1 hour') <= 60_000)
  t.ok(await wait(0, '1 hour') > 3_000_000, 'without any it goes on as it was')
})

t.test('the end of a poll keeps what it was told meanwhile, and may be written twice', async t => {
  const workflowId = await publish(asking)
  const { id } = await only(workflowId)
  await call('POST', `/polls/${id}/run`)
  const lease = nextId()
  const [due] = (await claimPolls(database.service, { lease, seconds: 60, limit: 100, each: 100, busy: [] })).filter(poll => poll.id === id)
  await call('POST', `/polls/${id}/run`)
  const start = { executionId: nextId(), payload: '{"items":[]}', origin: '' }
  const ended = { id, lease, version: 1, dueAt: due!.dueAt, nextTick: Date.now() + 3_600_000, nextAt: Date.now() + 3_600_000, cursor: null, newItems: 1, hashes: [], keepFor: null, starts: [start], alarmAt: 3 }
  t.strictSame([await completePoll(database.service, ended), await completePoll(database.service, ended)], [true, true], 'the answer to the first may be lost')
  t.equal((await database.service`select from executions where workflow_id = ${workflowId}`).length, 1)
  t.equal(await completePoll(database.service, { ...ended, starts: [{ ...start, executionId: nextId() }] }), false)
  t.ok(Date.parse((await only(workflowId)).nextAt) <= Date.now(), 'it polls once more')
})

t.test('pause, resume, poll now, begin anew', async t => {
  const workflowId = await publish(asking)
  const { id } = await only(workflowId)
  await reach(workflowId, 7)
  t.type((await call('POST', `/polls/${id}/pause`)).json().pausedAt, 'string')
  t.match((await call('POST', `/polls/${id}/run`)).json(), { status: 409 })
  await database.service`update polls set next_at = now() - interval '5 hours' where id = ${id}`
  t.ok(Date.parse((await call('POST', `/polls/${id}/resume`, {})).json().nextAt) > Date.now(), 'goes on from now')
  t.ok(Date.parse((await call('POST', `/polls/${id}/run`)).json().nextAt) <= Date.now())
  t.match((await call('POST', `/polls/${id}/reset`, { cursor: { page: 3 } })).json(), { cursor: { page: 3 }, failures: 0 })
  t.equal(await remembered(workflowId), 0)
  t.strictSame([...await database.service`select begun from polls where id = ${id}`], [{ begun: true }])
  t.match((await call('POST', `/polls/${id}/reset`)).json(), { cursor: null })
  t.strictSame([...await database.service`select begun from polls where id = ${id}`], [{ begun: false }])
  t.match((await call('POST', `/polls/${id}/reset`, { cursor: 'x'.repeat(20_000) })).json(), { status: 422, errors: [{ pointer: '/cursor', code: 'WC_POLL_CURSOR' }] })
  t.strictSame((await database.service`select action from audit_log where target_id = ${id} order by id`).map(({ action }) => action), ['poll.paused', 'poll.resumed', 'poll.hurried', 'poll.reset', 'poll.reset'])
  for (const [method, path] of [['GET', ''], ['POST', '/pause'], ['POST', '/resume'], ['POST', '/run'], ['POST', '/reset']] as const) {
    t.equal((await stranger.call(method, `/polls/${id}${path}`)).statusCode, 404, path)
  }
  t.equal((await stranger.call('GET', '/polls')).json().data.length, 0)
})

t.test('a test asks and changes nothing', async t => {
  const { id } = (await call('POST', '/workflows', flow(asking))).json<{ id: string }>()
  const found = await call('POST', `/workflows/${id}/polls/orders/test`)
  t.match([found.statusCode, found.json()], [200, { items: [{ id: 1 }, { id: 2 }], total: 2, new: 2, cursor: 2, error: null }])
  t.equal(server.requests.at(-1)!.url, '/?since=0')
  await call('POST', `/workflows/${id}/polls/orders/test`, { cursor: 5, version: 1 })
  t.equal(server.requests.at(-1)!.url, '/?since=5')
  await publishAgain(id)
  await reach(id, 9)
  await call('POST', `/workflows/${id}/polls/orders/test`, {})
  t.equal(server.requests.at(-1)!.url, '/?since=9')
  t.match(await only(id), { cursor: 9, lastPolledAt: null })
  await call('PUT', `/workflows/${id}`, flow({ ...asking, url: 'http://10.1.2.3' }))
  t.match((await call('POST', `/workflows/${id}/polls/orders/test`)).json(), { total: 0, error: { code: 'WC_EGRESS_BLOCKED' } })
  for (const [path, body, status] of [['orders/test', { version: 99 }, 404], ['other/test', {}, 404], ['orders/test', { version: 'x' }, 422], ['orders/test', { curser: 1 }, 422], ['%00/test', {}, 400], ['a.b/test', {}, 422]] as const) {
    t.equal((await call('POST', `/workflows/${id}/polls/${path}`, body)).statusCode, status, path + JSON.stringify(body))
  }
  t.equal((await stranger.call('POST', `/workflows/${id}/polls/orders/test`)).statusCode, 404)
})

t.test('bad input', async t => {
  const validate = async (parameters: object) => (await call('POST', '/workflows/validate', flow(parameters))).json()
  const pointers = async (parameters: object) => (await validate(parameters)).errors.map(({ pointer }: { pointer: string }) => pointer.replace('/nodes/0/parameters', ''))
  const sound = { every: '5m', url: 'https://api.example.com/orders', key: 'id' }
  t.strictSame(await pointers(sound), [])
  t.strictSame(await pointers({ url: sound.url, key: 'id' }), [''], 'no schedule')
  t.strictSame(await pointers({ ...sound, cron: '* * * * *' }), [''])
  const wrong: Array<[object, string]> = [
    [{ every: '0s' }, '/every'], [{ every: '999ms' }, '/every'], [{ every: '-5m' }, '/every'], [{ every: 300 }, '/every'], [{ timeZone: 'Mars/Olympus' }, '/timeZone'],
    [{ at: '2026-01-01T00:00:00Z' }, '/at'], [{ missed: 'all' }, '/missed'], [{ overlap: 'allow' }, '/overlap'],
    [{ startAt: '2026-02-01T00:00:00Z', endAt: '2026-01-01T00:00:00Z' }, '/endAt'], [{ jitter: 'some' }, '/jitter'],
    [{ url: '' }, '/url'], [{ url: 7 }, '/url'], [{ method: 'FETCH' }, '/method'], [{ timeout: '0s' }, '/timeout'], [{ timeout: '2h' }, '/timeout'],
    [{ bodyType: 'multipart' }, '/bodyType'], [{ response: 'binary' }, '/response'], [{ maxResponseSize: -1 }, '/maxResponseSize'], [{ maxResponseSize: 1e9 }, '/maxResponseSize'],
    [{ pagination: { mode: 'everything' } }, '/pagination/mode'], [{ pagination: { mode: 'page', items: 'x' } }, '/pagination/items'], [{ pagination: { mode: 'page', maxPages: 0 } }, '/pagination/maxPages'],
    [{ pagination: { mode: 'expression' } }, '/pagination/until'], [{ pagination: { mode: 'cursor', cursor: 'a..b' } }, '/pagination/cursor'],
    [{ items: '' }, '/items'], [{ items: 'a..b' }, '/items'], [{ items: '__proto__' }, '/items'], [{ items: '{{ $json.list }}' }, '/items'], [{ items: ['a'] }, '/items'],
    [{ key: '' }, '/key'], [{ key: 'a..b' }, '/key'], [{ key: '{{ $json. }}' }, '/key'], [{ key: '{{ process.env }}' }, '/key'], [{ key: "{{ $('other').first() }}" }, '/key'],
    [{ window: '0s' }, '/window'], [{ window: '400d' }, '/window'], [{ window: 'P1D' }, '/window'], [{ maximum: 0 }, '/maximum'], [{ maximum: 1e6 }, '/maximum'], [{ maximum: 1.5 }, '/maximum'],
    [{ cursor: 'fixed' }, '/cursor'], [{ cursor: '{{ $json.id' }, '/cursor'], [{ initialCursor: '{{ nope() }}' }, '/initialCursor'],
    [{ firstRun: 'some' }, '/firstRun'], [{ start: 'all' }, '/start'], [{ cursr: 'x' }, '/cursr'], [{ clientCertificateId: 'x' }, '/clientCertificateId']
  ]
  for (const [parameters, pointer] of wrong) t.strictSame([...new Set(await pointers({ ...sound, ...parameters }))], [pointer], JSON.stringify(parameters))
  const { key: _none, ...keyless } = sound
  t.strictSame(await pointers({ ...keyless, firstRun: 'new' }), ['/firstRun'])
  t.strictSame(await pointers({ ...keyless, cursor: '{{ $json.id }}', window: '1d', maximum: 5 }), ['/window', '/maximum'])
  t.match((await validate(keyless)).warnings, [{ pointer: '/nodes/0/parameters', code: 'WC_POLL' }])
  t.strictSame((await validate({ ...sound, credentialId: 'x' })).valid, false)
  for (const query of ['limit=0', 'limit=201', 'workflowId=x', 'cursor=x', 'more=1']) t.match((await call('GET', `/polls?${query}`)).statusCode, /^4/, query)
  t.equal((await call('GET', '/polls/none')).statusCode, 422)
})
