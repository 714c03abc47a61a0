import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { until } from '../support/service-process.ts'
import { wholeService } from '../support/whole-service.ts'

interface Got { readonly path: string, readonly headers: Record<string, string>, readonly body: string }

const got: Got[] = []
let answer = (_request: Got): number => 204
const receiver = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
    const one = { path: request.url ?? '', headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() }
    got.push(one)
    response.writeHead(answer(one)).end('thanks')
  })
})
await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
t.teardown(() => receiver.close())
const far = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
const arrived = async (path: string, count = 1) => await until(`${count} at ${path}`, () => got.filter(one => one.path === path).length >= count && got.filter(one => one.path === path))

const { enter, sql } = await wholeService(t)
const HOOK = { id: 'in', type: 'webhook', parameters: { method: 'POST', path: 'x' } }
const FAILING = [HOOK, { id: 'stop', type: 'stop', parameters: { message: 'no' } }]
const post = async (hooks: string): Promise<string> => (await (await fetch(`${hooks}/x`, { method: 'POST' })).json() as { executionId: string }).executionId

t.test('ends of executions and publications are sent, signed, to who wants them and to nobody else', async t => {
  const { call, hooks, publish, organizationId } = await enter()
  const stranger = await enter()
  t.equal((await stranger.call('POST', '/event-subscriptions', { url: `${far}/stranger`, events: ['execution.succeeded'] })).statusCode, 201)
  const created = await call('POST', '/event-subscriptions', { url: `${far}/one`, events: ['execution.succeeded', 'workflow.published', 'workflow.unpublished'] })
  t.equal(created.statusCode, 201, created.body)
  const { id, secret } = created.json()
  t.match(secret, /^whsec_/)
  t.notMatch((await call('GET', `/event-subscriptions/${id}`)).json(), { secret: String })
  const other = (await call('POST', '/event-subscriptions', { url: `${far}/failures`, events: ['execution.failed'] })).json()

  const workflowId = await publish([HOOK])
  const [published] = await arrived('/one')
  t.match(JSON.parse(published!.body), { type: 'workflow.published', data: { id: workflowId, publishedVersion: 1, previousVersion: null } })
  const executionId = await post(hooks)
  const [, ended] = await arrived('/one', 2)
  const message = new Webhook(secret).verify(ended!.body, ended!.headers) as { data: object }
  t.match(message, { type: 'execution.succeeded', timestamp: /Z$/, data: { id: executionId, workflowId, status: 'succeeded', error: null } })
  t.throws(() => new Webhook(other.secret).verify(ended!.body, ended!.headers), 'not with the secret of another')
  await call('POST', `/workflows/${workflowId}/unpublish`, {})
  await arrived('/one', 3)

  await publish(FAILING, [{ from: 'in', to: 'stop' }])
  await post(hooks)
  const [failed] = await arrived('/failures')
  t.match(JSON.parse(failed!.body), { type: 'execution.failed', data: { status: 'failed', error: { message: 'no' } } })
  t.equal(got.filter(({ path }) => path === '/stranger').length, 0)
  const data = await until('all to be recorded as delivered', async () => {
    const { data } = (await call('GET', `/event-subscriptions/${id}/deliveries`)).json()
    return data.length === 4 && data.every((one: { status: string }) => one.status === 'delivered') && data
  })
  t.match(data.map((one: { type: string, status: string }) => [one.type, one.status]).sort(), [['execution.succeeded', 'delivered'], ['workflow.published', 'delivered'], ['workflow.published', 'delivered'], ['workflow.unpublished', 'delivered']])
  t.match(data.find((one: { executionId: string }) => one.executionId === executionId), { id: ended!.headers['webhook-id'], attempts: 1, responseStatus: 204, responseBody: '', error: null })
  t.equal((await stranger.call('GET', `/event-subscriptions/${id}`)).statusCode, 404)
  t.equal((await stranger.call('GET', `/event-subscriptions/${id}/deliveries`)).statusCode, 404)

  t.equal((await call('POST', `/event-subscriptions/${id}/deliveries/${data[0].id}/replay`)).statusCode, 202)
  await until('it is sent again', () => got.filter(({ headers }) => headers['webhook-id'] === data[0].id).length === 2)

  const rotated = (await call('POST', `/event-subscriptions/${id}/rotate-secret`)).json()
  t.not(rotated.secret, secret)
  await call('POST', `/event-subscriptions/${id}/deliveries/${data[1].id}/replay`)
  const again = await until('it is sent again', () => got.filter(({ headers }) => headers['webhook-id'] === data[1].id)[1] ?? false)
  for (const valid of [secret, rotated.secret]) t.ok(new Webhook(valid).verify(again.body, again.headers), 'for a day both secrets are good')
  t.equal((await call('DELETE', `/event-subscriptions/${id}`)).statusCode, 204)
  t.equal((await call('DELETE', `/event-subscriptions/${id}`)).statusCode, 404)
  t.strictSame((await sql`select action from audit_log where organization_id = ${organizationId} and target_type = 'eventSubscription' order by id`).map(({ action }) => action),
    ['eventSubscription.created', 'eventSubscription.created', 'eventSubscription.secretRotated', 'eventSubscription.deleted'])
})

t.test('what is not taken is sent again, and after a day the subscription is disabled with notice', async t => {
  const { call, hooks, publish, organizationId } = await enter()
  await publish([HOOK])
  const { id } = (await call('POST', '/event-subscriptions', { url: `${far}/down`, events: ['execution.succeeded'] })).json()
  answer = ({ path }) => path === '/down' ? 500 : 204
  await post(hooks)
  const delivery = async () => (await call('GET', `/event-subscriptions/${id}/deliveries`)).json().data[0]
  const first = await until('it failed once', async () => {
    const one = await delivery()
    return one?.attempts === 1 && one.responseStatus === 500 && one
  })
  t.match(first, { status: 'pending', error: 'The far side answered 500.', responseBody: 'thanks' })
  const wait = Date.parse(first.nextAttemptAt) - Date.parse(first.lastAttemptAt)
  t.ok(wait > 4000 && wait < 7000, `${wait} ms until the next attempt`)
  // A day goes by.
  await sql`update event_deliveries set attempts = 10, next_at = now() where id = ${first.id}`
  const disabled = await until('it is disabled', async () => {
    const one = (await call('GET', `/event-subscriptions/${id}`)).json()
    return !one.enabled && one
  })
  t.match(disabled, { disabledAt: /Z$/, disabledReason: /Nothing got through for a day/ })
  t.match(await until('the delivery to be given up', async () => { const one = await delivery(); return one.status === 'failed' && one }), { attempts: 11 })
  t.equal((await sql`select 1 from audit_log where organization_id = ${organizationId} and action = 'eventSubscription.disabled' and actor_type = 'system'`).length, 1)
  answer = () => 204
  await post(hooks)
  t.match((await call('PATCH', `/event-subscriptions/${id}`, { enabled: true })).json(), { enabled: true, disabledAt: null, disabledReason: null })
  t.equal((await call('POST', `/event-subscriptions/${id}/deliveries/${first.id}/replay`)).statusCode, 202)
  await until('it got through', async () => (await delivery()).status === 'delivered')
  await until('it says so', async () => (await call('GET', `/event-subscriptions/${id}`)).json().lastSuccessAt !== null)
  const gone = (await call('POST', '/event-subscriptions', { url: `${far}/gone`, events: ['execution.succeeded'] })).json()
  answer = ({ path }) => path === '/gone' ? 410 : 204
  await post(hooks)
  await until('410 disables at once', async () => !(await call('GET', `/event-subscriptions/${gone.id}`)).json().enabled)
})

t.test('bad input is refused with pointers, and private addresses are not called', async t => {
  const { call, hooks, publish } = await enter()
  const events = ['execution.failed']
  for (const body of [{}, { url: 'x', events }, { url: 'ftp://a.example', events }, { url: 'https://u:p@a.example', events }, { url: far, events: [] }, { url: far, events: ['no'] }, { url: far, events, more: 1 }, { url: far, events, workflowIds: [] }]) {
    t.match((await call('POST', '/event-subscriptions', body)).json(), { status: 422, errors: [{ pointer: String, code: String }] }, JSON.stringify(body))
  }
  const { id } = (await call('POST', '/event-subscriptions', { url: 'http://10.0.0.1/', events: ['execution.succeeded'] })).json()
  await publish([HOOK])
  await post(hooks)
  await until('it says why', async () => /10\.0\.0\.1|private|not allowed|refused/i.test((await call('GET', `/event-subscriptions/${id}/deliveries`)).json().data[0]?.error ?? ''))
})

t.test('an answer with a secret is repeated for the same idempotency key, and kept sealed', async t => {
  const { call, organizationId } = await enter()
  const key = { 'idempotency-key': 'same' }
  for (const [url, body] of [['/api-keys', { name: 'once' }], ['/event-subscriptions', { url: far, events: ['execution.failed'] }]] as const) {
    const send = async (key: string, content: object = body) => await call('POST', url, content, { 'idempotency-key': key })
    const [first, second] = [await send(url), await send(url)]
    t.equal(second.statusCode, 201, second.body)
    t.equal(second.headers['idempotent-replayed'], 'true')
    t.strictSame(second.json(), first.json())
    t.equal((await call('GET', url)).json().data.length, 1)
    t.equal((await send(url, { ...body, name: 'other', url: `${far}/other` })).statusCode, 422)
    const [{ stored }] = await sql`select body as stored from idempotency_keys where organization_id = ${organizationId} and key = ${url}` as unknown as [{ stored: string }]
    t.notOk(stored.includes(first.json().secret))
  }
  const organizations = [await call('POST', '/organizations', { name: 'Second' }, key), await call('POST', '/organizations', { name: 'Second' }, key)]
  t.strictSame(organizations.map(({ statusCode }) => statusCode), [201, 201])
  t.equal(organizations[0]!.json().id, organizations[1]!.json().id)
})
