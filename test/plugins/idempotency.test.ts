import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { claimKey, deleteExpiredKeys, releaseKey, storeAnswer } from '../../src/db/queries/idempotency-keys.ts'
import { createKeyring, localKey, type KeyWrapper } from '../../src/lib/secret-box.ts'
import { needs } from '../../src/schemas/access.ts'
import { Conflict, TooManyRequests, Unavailable } from '../../src/services/problems.ts'
import { register, testApp, TEST_JWT_SECRET } from '../support/app.ts'
import { workflowApp } from '../support/workflow-app.ts'

const handled: string[] = []
let release: () => void = () => {}

const { app, database, join } = await workflowApp(t, [{
  prefix: '/probe',
  async routes (scope) {
    scope.post('/answer/:status', { config: { access: needs('workflow:edit'), idempotent: true } }, async (request, reply) => {
      const { status } = request.params as { status: string }
      handled.push(status)
      return await reply.code(Number(status)).headers({ 'x-execution-id': 'e1', 'set-cookie': 'secret=1' }).send({ number: handled.length })
    })
    scope.post('/problem/:status', { config: { access: needs('workflow:edit'), idempotent: true } }, async request => {
      const { status } = request.params as { status: string }
      handled.push(status)
      throw { 409: Conflict('no'), 429: TooManyRequests(1), 503: Unavailable('thing'), 500: new Error('boom') }[status] ?? new Error(status)
    })
    scope.post('/slow', { config: { access: needs('workflow:edit'), idempotent: true } }, async () => {
      handled.push('slow')
      await new Promise<void>(resolve => { release = resolve })
      return { number: handled.length }
    })
    scope.post('/empty', { config: { access: needs('workflow:edit'), idempotent: true } }, async (_request, reply) => {
      handled.push('empty')
      return await reply.code(204).send()
    })
    scope.post('/plain', { config: { access: needs('workflow:edit') } }, async () => ({ number: handled.push('plain') }))
  }
}])
const { call, organizationId } = await join()

let keys = 0
const newKey = (): { 'idempotency-key': string } => ({ 'idempotency-key': `key-${++keys}` })

t.test('a repetition gets the first answer, and nothing runs twice', async t => {
  const headers = newKey()
  const body = { name: 'Once', nodes: [] }
  const first = await call('POST', '/workflows', body, headers)
  const again = await call('POST', '/workflows', body, headers)
  t.equal(first.statusCode, 201)
  t.equal(first.headers['idempotent-replayed'], undefined)
  t.equal(again.statusCode, 201)
  t.equal(again.body, first.body)
  t.equal(again.headers['idempotent-replayed'], 'true')
  for (const name of ['content-type', 'etag', 'location']) t.equal(again.headers[name], first.headers[name], name)
  t.equal((await call('GET', '/workflows?q=Once')).json().data.length, 1)
})

t.test('only answers and headers that belong to the request are kept', async t => {
  const headers = newKey()
  await call('POST', '/probe/answer/202', {}, headers)
  const again = await call('POST', '/probe/answer/202', {}, headers)
  t.equal(again.headers['x-execution-id'], 'e1')
  t.equal(again.headers['set-cookie'], undefined)
  const empty = newKey()
  await call('POST', '/probe/empty', {}, empty)
  const emptied = await call('POST', '/probe/empty', {}, empty)
  t.equal(emptied.statusCode, 204)
  t.equal(emptied.body, '')
  t.equal(handled.filter(name => name === 'empty').length, 1)
})

t.test('a refusal of the request itself is an answer too', async t => {
  const headers = newKey()
  const first = await call('POST', '/workflows', { name: '' }, headers)
  const again = await call('POST', '/workflows', { name: '' }, headers)
  t.equal(first.statusCode, 422)
  t.equal(again.body, first.body)
  t.equal(again.headers['content-type'], first.headers['content-type'])
  t.equal(again.headers['idempotent-replayed'], 'true')
})

t.test('a key is for one request', async t => {
  const headers = newKey()
  await call('POST', '/probe/answer/200', { a: 1 }, headers)
  const others = [['/probe/answer/200', { a: 2 }], ['/probe/answer/200', undefined], ['/probe/answer/201', { a: 1 }], ['/probe/answer/200?x=1', { a: 1 }]] as const
  for (const [url, body] of others) t.match((await call('POST', url, body, headers)).json(), { status: 422, code: 'WC_IDEMPOTENCY_KEY_REUSED' }, url)
})

t.test('a key of another organization is another key', async t => {
  const other = await join()
  const headers = newKey()
  const first = await call('POST', '/probe/answer/200', {}, headers)
  const theirs = await other.call('POST', '/probe/answer/200', {}, headers)
  t.equal(theirs.headers['idempotent-replayed'], undefined)
  t.not(theirs.body, first.body)
})

t.test('answers that may differ next time free the key', async t => {
  for (const status of ['429', '503', '500']) {
    const headers = newKey()
    const before = handled.length
    t.equal((await call('POST', `/probe/problem/${status}`, {}, headers)).statusCode, Number(status))
    const again = await call('POST', `/probe/problem/${status}`, {}, headers)
    t.equal(again.headers['idempotent-replayed'], undefined)
    t.equal(handled.length, before + 2, status)
  }
  const headers = newKey()
  const first = await call('POST', '/probe/problem/409', {}, headers)
  t.equal((await call('POST', '/probe/problem/409', {}, headers)).body, first.body, 'a conflict stays one')
})

t.test('while the first request runs the others wait', async t => {
  const headers = newKey()
  const first = call('POST', '/probe/slow', {}, headers)
  while (!handled.includes('slow')) await new Promise(resolve => setTimeout(resolve, 5))
  const second = await call('POST', '/probe/slow', {}, headers)
  t.match(second.json(), { status: 409, code: 'WC_IDEMPOTENCY_KEY_IN_FLIGHT' })
  t.match(second.headers['retry-after'], /^[1-9]\d*$/)
  t.match((await call('POST', '/probe/slow', { other: 1 }, headers)).json(), { code: 'WC_IDEMPOTENCY_KEY_REUSED' })
  release()
  const answer = await first
  t.equal((await call('POST', '/probe/slow', {}, headers)).body, answer.body)
})

t.test('answers with secrets are kept sealed, and repeated whole also after keys have changed', async t => {
  const first = localKey(randomBytes(32))
  const second = localKey(randomBytes(32))
  const served = async (secret: string, ...keys: KeyWrapper[]) =>
    await testApp(t, { database, keyring: createKeyring(keys[0]!, ...keys.slice(1)), secrets: { jwtSecret: secret, previousJwtSecrets: [TEST_JWT_SECRET] } })
  const before = await served(TEST_JWT_SECRET, first)
  const { headers: person, organizationId } = await register(before.app)
  const id = (await before.app.inject({ method: 'POST', url: '/v1/api-keys', headers: person, payload: { name: 'Rotated' } })).json<{ id: string }>().id
  const requests = [
    ['/v1/api-keys', { name: 'Kept' }, 'secret'], [`/v1/api-keys/${id}/rotate`, { overlap: '1h' }, 'secret'], [`/v1/organizations/${organizationId}/invitations`, { email: 'ada@example.org', role: 'editor' }, 'token']
  ] as const
  const ask = async (app: FastifyInstance, [url, payload]: typeof requests[number]) => await app.inject({ method: 'POST', url, payload, headers: { ...person, 'idempotency-key': `sealed ${url}` } })
  const answers = []
  for (const request of requests) answers.push(await ask(before.app, request))
  const later = await served('pQ4w8Er2Ty6Ui0Op3As7Df1Gh5Jk9LzX', second, first)
  for (const [index, request] of requests.entries()) {
    const [url,, secret] = request
    t.type(answers[index]!.json()[secret], 'string', `${url} ${answers[index]!.body}`)
    for (const { app } of [before, later]) t.equal((await ask(app, request)).body, answers[index]!.body, url)
    const kept = await database.service`select body from idempotency_keys where key = ${`sealed ${url}`}`
    t.equal(kept.length, 1)
    t.notOk(String(kept[0]!['body']).includes(answers[index]!.json()[secret]), 'what is kept does not show it')
  }
  const forgotten = await served('pQ4w8Er2Ty6Ui0Op3As7Df1Gh5Jk9LzX', second)
  t.match((await ask(forgotten.app, requests[0])).json(), { status: 409, code: 'WC_CONFLICT', detail: /not configured any more/ })
})

t.test('of racing requests one runs', async t => {
  const headers = newKey()
  const answers = await Promise.all(Array.from({ length: 8 }, async () => await call('POST', '/workflows', { name: 'Raced', nodes: [] }, headers)))
  t.ok(answers.every(({ statusCode }) => statusCode === 201 || statusCode === 409))
  t.equal((await call('GET', '/workflows?q=Raced')).json().data.length, 1)
  t.equal(new Set(answers.filter(({ statusCode }) => statusCode === 201).map(({ body }) => body)).size, 1)
})

t.test('keys are 1 to 255 printable characters', async t => {
  for (const key of ['', 'a'.repeat(256), 'a'.repeat(300), 'tab\there', 'é']) {
    t.match((await call('POST', '/probe/answer/200', {}, { 'idempotency-key': key })).json(), { status: 422, errors: [{ pointer: '/headers/idempotency-key' }] }, key)
  }
  t.equal((await call('POST', '/probe/answer/200', {}, { 'idempotency-key': 'a'.repeat(255) })).statusCode, 200)
  t.equal((await call('POST', '/probe/answer/200', {}, { 'idempotency-key': '"; drop table --' })).statusCode, 200)
})

t.test('routes that start nothing do not look at keys', async t => {
  const headers = newKey()
  t.not((await call('POST', '/probe/plain', {}, headers)).body, (await call('POST', '/probe/plain', {}, headers)).body)
  t.equal((await app.inject({ method: 'POST', url: '/v1/workflows', headers, payload: {} })).statusCode, 401, 'and nobody without credentials gets an answer')
})

t.test('claims of requests that died expire, answers last a day', async t => {
  const { service } = database
  const print = Buffer.from('a')
  const age = async (key: string, interval: string): Promise<void> => {
    await service`update idempotency_keys set created_at = created_at - ${interval}::text::interval where organization_id = ${organizationId} and key = ${key}`
  }
  const claim = async (fingerprint = print) => await claimKey(service, organizationId, 'died', fingerprint)
  const first = await claim()
  if (first.state !== 'claimed') throw new Error('The key was free')
  t.equal((await claim()).state, 'inFlight')
  await age('died', '59 seconds')
  t.equal((await claim()).state, 'inFlight')
  await age('died', '2 seconds')
  const second = await claim()
  if (second.state !== 'claimed') throw new Error('The claim had expired')

  await storeAnswer(service, organizationId, 'died', first.token, { status: 200, headers: {}, body: 'late' })
  await releaseKey(service, organizationId, 'died', first.token)
  t.equal((await claim()).state, 'inFlight', 'who comes back late has no say')

  const answer = { status: 201, headers: { etag: '"x"' }, body: '{"a":"é"}' }
  await storeAnswer(service, organizationId, 'died', second.token, answer)
  t.strictSame(await claim(), { state: 'answered', answer })
  t.equal((await claim(Buffer.from('b'))).state, 'otherRequest')
  await age('died', '23 hours')
  t.equal((await claim()).state, 'answered')
  await age('died', '2 hours')
  await deleteExpiredKeys(service)
  const rows = await service`select from idempotency_keys where key = 'died'`
  t.equal(rows.length, 0)
  t.equal((await claim(Buffer.from('b'))).state, 'claimed')
})

t.test('the header is documented where it counts', async t => {
  const { paths } = app.swagger() as unknown as { paths: Record<string, Record<string, { parameters?: { name: string, in: string }[] }>> }
  const has = (path: string): boolean => paths[path]?.['post']?.parameters?.some(({ name, in: place }) => name === 'idempotency-key' && place === 'header') ?? false
  t.ok(has('/v1/workflows'))
  t.ok(has('/v1/workflows/import'))
  t.notOk(has('/v1/workflows/validate'))
})
