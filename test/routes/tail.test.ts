import http from 'node:http'
import t from 'tap'
import { WebSocket } from 'ws'
import { register } from '../support/app.ts'
import { accept, append, nextId, runWhole, segmentsOf } from '../services/tail/history.ts'
import { until } from '../support/service-process.ts'
import { Client, tailApp } from './tail-app.ts'

const { app, port, url, headers, organizationId, workflowId, sql, hints, metrics, logged } = await tailApp(t)

/** The answer to an upgrade that is refused. */
async function refusal (target: string, given: Record<string, string> = {}): Promise<{ status: number, body: any }> {
  return await new Promise((resolve, reject) => {
    const socket = new WebSocket(target, { headers: given })
    socket.on('open', () => { socket.close(); reject(new Error('it was let in')) })
    socket.on('error', () => {})
    socket.on('unexpected-response', (_request, response) => {
      let text = ''
      response.on('data', chunk => { text += String(chunk) })
      response.on('end', () => { resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }) })
    })
  })
}

async function open (t: { teardown (close: () => void): unknown }): Promise<Client> {
  const client = await new Client(url, headers).opened()
  t.teardown(() => { client.socket.terminate() })
  return client
}

async function ticket (): Promise<string> {
  const response = await app.inject({ method: 'POST', url: '/v1/tail/tickets', headers })
  if (response.statusCode !== 201) throw new Error(response.body)
  return response.json<{ ticket: string }>().ticket
}

t.test('an execution from its first event to its last', async t => {
  const client = await open(t)
  const started = await accept(sql, organizationId, workflowId)
  client.send({ type: 'subscribe', id: 's1', executionId: started.executionId, after: null })
  await client.until(one => one.frames.length === 2)
  await runWhole(sql, started, segmentsOf(2), hint => { hints.publish([hint]) })
  await client.until(one => one.frames.length === 8)
  t.strictSame(client.frames[0], { type: 'subscribed', id: 's1' })
  t.strictSame(client.of('s1').map(frame => [frame.seq, frame.executionId]), [1, 2, 3, 4, 5, 6, 7].map(seq => [seq, started.executionId]))
  t.strictSame(Object.keys(client.frames[1]), ['type', 'id', 'executionId', 'seq', 'cursor', 'at', 'event'])
  t.match(client.frames[7], { event: { type: 'execution.succeeded' } })
  // It is over, so its id is free again.
  client.send({ type: 'subscribe', id: 's1', executionId: started.executionId, after: 5 })
  await client.until(one => one.frames.length === 11)
  t.strictSame(client.frames.slice(8).map(frame => frame.seq), [undefined, 6, 7])
})

t.test('workflow and organization, from now on and from a cursor; unsubscribing ends it', async t => {
  const client = await open(t)
  client.send({ type: 'subscribe', id: 'w', workflowId })
  client.send({ type: 'subscribe', id: 'o', organization: true, after: null })
  await client.until(one => one.frames.length === 2)
  const started = await accept(sql, organizationId, workflowId)
  await runWhole(sql, started, segmentsOf(1), hint => { hints.publish([hint]) })
  await client.until(one => one.of('w').length === 5 && one.of('o').length === 5)
  client.send({ type: 'unsubscribe', id: 'w' })
  client.send({ type: 'subscribe', id: 'again', organization: true, after: client.of('o')[1].cursor })
  await client.until(one => one.of('again').length === 3)
  t.strictSame(client.of('again').map(frame => frame.seq), [3, 4, 5])
  await accept(sql, organizationId, workflowId)
  hints.control({ type: 'accepted', organizationId })
  await client.until(one => one.of('o').length === 6 && one.of('again').length === 4)
  t.equal(client.of('w').length, 5)
})

t.test('what it cannot do is said in an error frame', async t => {
  const client = await open(t)
  const stranger = await register(app)
  const foreign = await accept(sql, stranger.organizationId, nextId())
  const own = await accept(sql, organizationId, workflowId)
  const asked: Array<[unknown, string]> = [
    [{ type: 'subscribe', id: 'a', executionId: nextId() }, 'WC_NOT_FOUND'],
    [{ type: 'subscribe', id: 'a', executionId: foreign.executionId }, 'WC_NOT_FOUND'],
    [{ type: 'subscribe', id: 'a', workflowId: nextId() }, 'WC_NOT_FOUND'],
    [{ type: 'subscribe', id: 'a', executionId: own.executionId, after: 999_999 }, 'WC_CURSOR_INVALID'],
    [{ type: 'subscribe', id: 'a', executionId: own.executionId, after: 'nonsense' }, 'WC_CURSOR_INVALID'],
    [{ type: 'subscribe', id: 'a', organization: true, after: 'x'.repeat(44) }, 'WC_CURSOR_INVALID'],
    [{ type: 'unsubscribe', id: 'a' }, 'WC_NOT_FOUND']
  ]
  for (const [index, [frame, code]] of asked.entries()) {
    client.send(frame)
    await client.until(one => one.frames.length === index + 1)
    t.match(client.frames[index], { type: 'error', id: 'a', code, detail: /./ }, JSON.stringify(frame))
  }
  client.send({ type: 'subscribe', id: 'twice', organization: true })
  client.send({ type: 'subscribe', id: 'twice', organization: true })
  await client.until(one => one.frames.some(frame => frame.code === 'WC_SUBSCRIPTION_EXISTS'))
  for (let index = 0; index < 100; index++) client.send({ type: 'subscribe', id: `n${index}`, organization: true })
  await client.until(one => one.frames.some(frame => frame.code === 'WC_TOO_MANY_SUBSCRIPTIONS'))
  await client.until(one => one.frames.filter(frame => frame.type === 'subscribed').length === 100)
  t.equal(client.closed, undefined, 'none of this ends the connection')
})

t.test('the third frame that is none closes the connection', async t => {
  const bad: unknown[] = [
    { type: 'nope' }, { type: 'resume', lastEventId: '999999' }, 'not json', '[]', 'null', { type: 'subscribe' }, { type: 'subscribe', id: '', organization: true },
    { type: 'subscribe', id: 7, organization: true }, { type: 'subscribe', id: 'x'.repeat(65), organization: true }, { type: 'subscribe', id: 'a', organization: false },
    { type: 'subscribe', id: 'a', executionId: 'nope' }, { type: 'subscribe', id: 'a', executionId: nextId(), workflowId },
    { type: 'subscribe', id: 'a', executionId: nextId(), after: -1 }, { type: 'subscribe', id: 'a', executionId: nextId(), after: 1.5 },
    { type: 'subscribe', id: 'a', organization: true, after: 5 }, { type: 'subscribe', id: 'a', organization: true, extra: 1 }, '{"type":"subscribe","__proto__":{}}', '\u0000'
  ]
  for (let index = 0; index < bad.length; index += 3) {
    const client = await open(t)
    for (const frame of bad.slice(index, index + 3)) client.send(frame)
    await client.until(one => one.closed !== undefined)
    t.strictSame(client.frames.map(frame => [frame.type, frame.code]), Array.from({ length: 3 }, () => ['error', 'WC_FRAME_INVALID']), JSON.stringify(bad.slice(index, index + 3)))
    t.equal(client.closed?.code, 1008)
  }
})

t.test('nobody without credentials gets in, and the refusal is plain HTTP', async t => {
  t.match(await refusal(url), { status: 401, body: { code: 'WC_UNAUTHENTICATED', status: 401 } })
  t.match(await refusal(url, { authorization: 'Bearer x.y.z' }), { status: 401 })
  t.match(await refusal(url, { 'x-api-key': 'wc_nonsense' }), { status: 401 })
  const token = headers.authorization.slice('Bearer '.length)
  for (const name of ['token', 'access_token', 'apiKey']) {
    t.match(await refusal(`${url}?${name}=${token}`), { status: 401 })
    t.match(await refusal(`${url}?${name}=${token}`, headers), { status: 401 }, 'not beside a header either')
  }
  t.match(await refusal(`${url}?other=1`, headers), { status: 422 })
  const plain = await app.inject({ url: '/v1/tail', headers })
  t.match(plain.json(), { status: 426, code: 'WC_UPGRADE_REQUIRED' })
  t.notOk(logged.some(line => line.includes(token)), 'no token in the log')
})

t.test('a ticket opens one connection, once, of its organization', async t => {
  for (const one of ['', `.s${nextId()}`, `.k${nextId()}`]) t.match(await refusal(`${url}?ticket=wct_${'A'.repeat(43)}${one}`), { status: 401 })
  t.match(await refusal(`${url}?ticket=`), { status: 401 })
  t.match(await refusal(`${url}?ticket=a&ticket=b`), { status: 401 })
  t.equal((await app.inject({ method: 'POST', url: '/v1/tail/tickets' })).statusCode, 401)

  const [first, second, third] = [await ticket(), await ticket(), await ticket()]
  t.notOk((await sql`select encode(token_hash, 'escape') as text from tail_tickets`).some(row => String(row['text']).includes(first)), 'kept as a hash')
  const client = await new Client(`${url}?ticket=${first}`).opened()
  const started = await accept(sql, organizationId, workflowId)
  client.send({ type: 'subscribe', id: 's', executionId: started.executionId })
  await client.until(one => one.of('s').length === 1)
  client.socket.terminate()
  t.match(await refusal(`${url}?ticket=${first}`), { status: 401 }, 'used')

  const race = await Promise.allSettled(Array.from({ length: 5 }, async () => await new Client(`${url}?ticket=${second}`).opened()))
  t.equal(race.filter(({ status }) => status === 'fulfilled').length, 1, 'of five at once one gets in')
  for (const one of race) if (one.status === 'fulfilled') one.value.socket.terminate()

  await sql`update tail_tickets set expires_at = now() - interval '1 second'`
  t.match(await refusal(`${url}?ticket=${third}`), { status: 401 }, 'expired')
  t.notOk(logged.some(line => line.includes(first.slice(4))), 'no ticket in the log')
})

t.test('streams end with what opened them', async t => {
  const guest = await register(app)
  const key = (await app.inject({ method: 'POST', url: '/v1/api-keys', headers: guest.headers, payload: { name: 'watcher' } })).json<{ id: string, secret: string }>()
  const ticketOf = async (by: Record<string, string>) => (await app.inject({ method: 'POST', url: '/v1/tail/tickets', headers: by })).json<{ ticket: string }>().ticket
  const { executionId } = await accept(sql, guest.organizationId, nextId())
  const byKey = { 'x-api-key': key.secret }
  const swapped = (await ticketOf(byKey)).replace(/\.k.*/, `.s${nextId()}`)
  t.match(await refusal(`${url}?ticket=${swapped}`), { status: 401 }, 'nobody puts another holder behind the secret')
  const streamOf = async (by: Record<string, string>) => await fetch(`http://127.0.0.1:${port}/v1/executions/${executionId}/events`, { headers: { ...by, accept: 'text/event-stream' } })
  const watch = async (by: Record<string, string>) => {
    const clients = [await new Client(url, by).opened(), await new Client(`${url}?ticket=${await ticketOf(by)}`).opened()]
    const stream = await streamOf(by)
    t.equal(stream.status, 200)
    // A stream that is cut ends with an error, one that goes on with nothing.
    return { clients, cut: stream.text().then(() => false, () => true) }
  }
  const [keys, own] = [await watch(byKey), await watch(guest.headers)]
  t.equal((await app.inject({ method: 'DELETE', url: `/v1/api-keys/${key.id}`, headers: guest.headers })).statusCode, 204)
  t.equal(await keys.cut, true)
  for (const client of keys.clients) await client.until(one => one.closed?.code === 1008)
  for (const client of own.clients) t.equal(client.closed, undefined, 'others go on')
  t.equal((await app.inject({ method: 'POST', url: '/v1/auth/logout', headers: guest.headers })).statusCode, 204)
  t.equal(await own.cut, true)
  for (const client of own.clients) await client.until(one => one.closed?.code === 1008)
})

t.test('a reader that is too slow is told where to go on, and cut', async t => {
  const client = await open(t)
  const started = await accept(sql, organizationId, workflowId)
  client.send({ type: 'subscribe', id: 's', executionId: started.executionId })
  client.send({ type: 'subscribe', id: 'o', organization: true })
  await client.until(one => one.of('s').length === 1 && one.frames.length === 3)
  client.socket.pause()
  const writer = nextId()
  const message = 'm'.repeat(6000)
  let seq = 2
  const lagged = async (): Promise<number> => (await metrics.laggedTails.get()).values[0]?.value ?? 0
  while (await lagged() === 0 && seq < 5000) {
    hints.publish([await append(sql, started, seq++, [{ type: 'log', at: 1, level: 'info', message }], writer)])
  }
  t.equal(await lagged(), 1)
  await append(sql, started, seq, [{ type: 'execution.succeeded', at: 1 }], writer)
  client.socket.resume()
  await client.until(one => one.closed !== undefined)
  t.equal(client.closed?.code, 1013)
  const positions = Object.fromEntries(client.frames.filter(frame => frame.type === 'lagged').map(frame => [frame.id, frame.missedFrom]))
  const [seen, seenWide] = [client.of('s').map(frame => frame.seq), client.of('o').map(frame => frame.seq)]
  t.equal(positions['s'], seen.at(-1))
  t.ok(seen.length > 100 && seen.length < seq, 'it was cut in the middle')

  const back = await open(t)
  back.send({ type: 'subscribe', id: 's', executionId: started.executionId, after: positions['s'] })
  back.send({ type: 'subscribe', id: 'o', organization: true, after: positions['o'] })
  await back.until(one => one.of('s').at(-1)?.seq === seq && one.of('o').at(-1)?.seq === seq)
  const all = Array.from({ length: seq }, (_, index) => index + 1)
  t.strictSame([...seen, ...back.of('s').map(frame => frame.seq)], all)
  t.strictSame([...seenWide, ...back.of('o').map(frame => frame.seq)], all.slice(1))
})

t.test('megabytes of history reach a reader that takes its time', async t => {
  const started = await accept(sql, organizationId, workflowId)
  const writer = nextId()
  for (let seq = 2; seq < 42; seq++) await append(sql, started, seq, [{ type: 'log', at: 1, level: 'info', message: 'm'.repeat(200_000) }], writer)
  await append(sql, started, 42, [{ type: 'execution.succeeded', at: 1 }], writer)
  const client = await open(t)
  client.send({ type: 'subscribe', id: 's', executionId: started.executionId })
  while (client.of('s').length < 42 && client.closed === undefined) {
    client.socket.pause()
    await new Promise(resolve => setTimeout(resolve, 30))
    client.socket.resume()
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  t.equal(client.of('s').length, 42)
})

t.test('an offer of HTTP/2 on clear text is passed over, the request is answered', async t => {
  const payload = JSON.stringify({ email: 'nobody@example.org', password: 'x'.repeat(20_000) })
  for (let count = 0; count < 3; count++) {
    const status = await new Promise((resolve, reject) => {
      const request = http.request({ port, path: '/v1/auth/login', method: 'POST', headers: { 'content-type': 'application/json', connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__', 'content-length': payload.length } })
      request.on('response', response => { response.resume(); resolve(response.statusCode) })
      request.on('error', reject)
      request.end(payload)
    })
    t.ok(status === 401 || status === 422, String(status))
  }
})

t.test('connections are counted', async t => {
  const before = (await metrics.tails.get()).values[0]!.value
  const client = await open(t)
  t.equal((await metrics.tails.get()).values[0]!.value, before + 1)
  client.socket.close()
  await client.until(one => one.closed !== undefined)
  await until('it to be counted no more', async () => (await metrics.tails.get()).values[0]!.value === before)
})

t.test('who was granted one workflow follows that one, by a header or a ticket', async t => {
  const inject = async (method: 'POST' | 'PUT', path: string, payload: object, by: object = headers) => await app.inject({ method, url: path, headers: { ...by }, payload })
  const guest = await register(app)
  await inject('POST', `/v1/organizations/${organizationId}/roles`, { name: 'bare', permissions: [] })
  const { token } = (await inject('POST', `/v1/organizations/${organizationId}/invitations`, { email: guest.email, role: 'bare' })).json<{ token: string }>()
  await inject('POST', `/v1/invitations/${token}/accept`, {}, guest.headers)
  const theirs = { ...guest.headers, 'x-organization-id': organizationId }
  t.match((await refusal(url, theirs)).body, { status: 403, permission: 'execution:read' })
  t.equal((await inject('POST', '/v1/tail/tickets', {}, theirs)).statusCode, 403)

  const other = nextId()
  await sql`insert into workflows (id, organization_id, name, version) values (${other}, ${organizationId}, 'Other', 1)`
  t.equal((await inject('PUT', `/v1/workflows/${workflowId}/grants/${guest.userId}`, { permissions: ['execution:read'] })).statusCode, 200)
  const [granted, hidden] = [await accept(sql, organizationId, workflowId), await accept(sql, organizationId, other)]
  const answered = (await inject('POST', '/v1/tail/tickets', {}, theirs)).json<{ ticket: string }>()
  for (const client of [await new Client(url, theirs).opened(), await new Client(`${url}?ticket=${answered.ticket}`).opened()]) {
    client.send({ type: 'subscribe', id: 'all', organization: true })
    client.send({ type: 'subscribe', id: 'other', workflowId: other })
    client.send({ type: 'subscribe', id: 'hidden', executionId: hidden.executionId, after: null })
    client.send({ type: 'subscribe', id: 'granted', executionId: granted.executionId, after: null })
    client.send({ type: 'subscribe', id: 'workflow', workflowId })
    await client.until(one => one.frames.length === 6)
    t.match(Object.fromEntries(client.frames.filter(frame => frame.type === 'error').map(({ id, code }) => [id, code])), { all: 'WC_PERMISSION_MISSING', other: 'WC_NOT_FOUND', hidden: 'WC_NOT_FOUND' })
    t.match(client.of('granted'), [{ executionId: granted.executionId, seq: 1 }])
    t.same(client.of('hidden'), [])
    client.socket.terminate()
  }
})
