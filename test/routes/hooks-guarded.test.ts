import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { deleteExpiredDeliveryKeys } from '../../src/db/queries/accept-once.ts'
import { hookSite } from '../support/hook-site.ts'

const site = await hookSite(t, { WECONNECT_TRUST_PROXY: 'true', WECONNECT_MAX_BODY_SIZE: '2000000' })
const home = await site.join()
const { call, publish, hook, secret, count } = home

const SECRET = `whsec_${Buffer.from('a secret of enough bytes for anybody').toString('base64')}`
const OTHER = `whsec_${Buffer.from('another secret of enough bytes, too').toString('base64')}`
const BODY = '{"a":1}'

function signed (key: string, body = BODY, { id = 'msg_1', at = Date.now() } = {}): Record<string, string> {
  return { 'webhook-id': id, 'webhook-timestamp': String(Math.floor(at / 1000)), 'webhook-signature': new Webhook(key).sign(id, new Date(at), body) }
}

t.test('only what is signed is accepted, and of anything else nothing is stored', async t => {
  const credentialId = await secret(SECRET)
  const { id, answer } = await publish({ path: 'signed', verify: { preset: 'standardWebhooks', credentialId } })
  t.equal(answer.statusCode, 200, answer.body)
  t.equal((await hook('signed', BODY, { headers: signed(SECRET) })).statusCode, 202)
  const refusals: Array<[string, Record<string, string>, string]> = [
    ['nothing', {}, 'WC_SIGNATURE_MISSING'],
    ['another secret', signed(OTHER), 'WC_SIGNATURE_INVALID'],
    ['another body', signed(SECRET, '{"a":2}'), 'WC_SIGNATURE_INVALID'],
    ['late', signed(SECRET, BODY, { at: Date.now() - 301_000 }), 'WC_SIGNATURE_EXPIRED'],
    ['early', signed(SECRET, BODY, { at: Date.now() + 360_000 }), 'WC_SIGNATURE_EXPIRED']
  ]
  for (const [what, headers, code] of refusals) {
    const refused = await hook('signed', BODY, { headers })
    t.equal(refused.statusCode, 401, what)
    t.match(refused.headers, { 'content-type': /^application\/problem\+json/, 'www-authenticate': 'Signature realm="weconnect"' })
    t.match(refused.json(), { code, status: 401 })
  }
  t.equal((await hook('signed', 'not json', { headers: {} })).statusCode, 401, 'what is not genuine is not read')
  t.equal(await count(id), 1)

  await t.test('the secret is rotated without a gap', async t => {
    const change = async (...secrets: string[]) => { t.equal((await call('PATCH', `/credentials/${credentialId}`, { data: { secrets } })).statusCode, 200) }
    await change(SECRET, OTHER)
    for (const key of [SECRET, OTHER]) t.equal((await hook('signed', BODY, { headers: signed(key) })).statusCode, 202)
    await change(OTHER)
    t.equal((await hook('signed', BODY, { headers: signed(OTHER) })).statusCode, 202)
    t.equal((await hook('signed', BODY, { headers: signed(SECRET) })).statusCode, 401)
    await change('not base64!')
    t.match(await hook('signed', BODY, { headers: signed(OTHER) }).then(answer => [answer.statusCode, answer.json().code]), [503, 'WC_WEBHOOK_SECRET'], 'never open by accident')
  })
})

t.test('without a usable secret nothing is published', async t => {
  const pointer = '/nodes/0/parameters/verify/credentialId'
  const refused = async (verify: object, code: string, at = pointer) => {
    const { answer } = await publish({ path: 'shut', verify })
    t.equal(answer.statusCode, 422, answer.body)
    t.match(answer.json().errors, [{ pointer: at, code }])
  }
  await refused({ preset: 'github' }, 'WC_CREDENTIAL_REQUIRED')
  await refused({ preset: 'github', credentialId: '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b' }, 'WC_CREDENTIAL_UNKNOWN')
  await refused({ preset: 'standardWebhooks', credentialId: await secret('not base64!') }, 'WC_WEBHOOK_SECRET')
  await refused({ preset: 'basic', credentialId: await secret('no-colon') }, 'WC_WEBHOOK_SECRET')
  const bearer = (await call('POST', '/credentials', { name: 'Bearer', type: 'bearer', data: { token: 'abcdef' } })).json().id
  await refused({ preset: 'github', credentialId: bearer }, 'WC_CREDENTIAL_TYPE')
  const basic = (await call('POST', '/credentials', { name: 'Basic', type: 'basic', data: { username: 'ada', password: 'lovelace' } })).json().id
  await refused({ preset: 'github', credentialId: basic }, 'WC_WEBHOOK_SECRET')
  await refused({ preset: 'hmac', credentialId: await secret('s') }, 'WC_WEBHOOK_VERIFY', '/nodes/0/parameters/verify/header')
  await refused({ preset: 'github', tolerance: '1m', credentialId: await secret('s') }, 'WC_WEBHOOK_VERIFY', '/nodes/0/parameters/verify/tolerance')
  await refused({ preset: 'hmac', header: 'X-S', content: '{timestamp}', credentialId: await secret('s') }, 'WC_WEBHOOK_VERIFY', '/nodes/0/parameters/verify/content')
  await refused({}, 'WC_REQUIRED', '/nodes/0/parameters/verify/preset')
  const checked = (await call('POST', '/workflows/validate', { name: 'W', nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'shut', verify: { preset: 'github' } } }] })).json()
  t.match(checked, { valid: false, errors: [{ pointer, code: 'WC_CREDENTIAL_REQUIRED' }] })
  const open = (await call('POST', '/workflows/validate', { name: 'W', nodes: [{ id: 'in', type: 'webhook', parameters: { path: 'open' } }] })).json()
  t.match(open, { valid: true, warnings: [{ code: 'WC_WEBHOOK_OPEN' }] })

  await publish({ path: 'basic', verify: { preset: 'basic', credentialId: basic } })
  const answers = await Promise.all(['ada:lovelace', 'ada:other'].map(async pair => await hook('basic', BODY, { headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } })))
  t.strictSame(answers.map(({ statusCode }) => statusCode), [202, 401])
  t.match(answers[1]!.headers['www-authenticate'], /^Basic realm="weconnect"/)
})

t.test('only from where it may come', async t => {
  const { id } = await publish({ path: 'near', allowIps: ['192.0.2.0/24', '2001:db8::/32', '::ffff:198.51.100.0/120'] })
  const from = async (address: string) => (await hook('near', BODY, { address })).statusCode
  t.strictSame(await Promise.all(['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::9', '198.51.100.7', '192.0.3.7', '::1', '198.51.101.7'].map(from)), [202, 202, 202, 202, 403, 403, 403])
  t.strictSame([(await hook('near', BODY, { address: '127.0.0.1', headers: { 'x-forwarded-for': '192.0.2.7, 192.0.3.7' } })).statusCode, await count(id)], [403, 4], 'what the proxy appends counts, not what the client wrote before it')
  const { answer } = await publish({ path: 'far', allowIps: ['192.0.2.0/33', 'example.org', '10.0.0.1'] })
  t.strictSame(answer.json().errors.map(({ pointer }: { pointer: string }) => pointer), ['/nodes/0/parameters/allowIps/0', '/nodes/0/parameters/allowIps/1'])
})

t.test('the bytes are verified as they came, whatever they mean', async t => {
  await publish({ path: 'bytes', verify: { preset: 'github', credentialId: await secret('s') } })
  for (const body of ['{ "a":\t1.0 }', '{"a":1,"a":2}', '\ufeff{}', '{"n":1152921504606846977}']) {
    const bytes = Buffer.from(body)
    const signature = `sha256=${createHmac('sha256', 's').update(bytes).digest('hex')}`
    const { statusCode } = await hook('bytes', bytes, { headers: { 'x-hub-signature-256': signature } })
    t.ok(statusCode === 202 || statusCode === 400, `${body}: ${statusCode}`)
  }
})

t.test('a delivery is accepted once, however often and wherever it comes in', async t => {
  const { id, answer } = await publish({ path: 'once', deduplicate: { key: '{{ $json.body.id }}', window: '1h' } })
  t.equal(answer.statusCode, 200, answer.body)
  const answers = await Promise.all(Array.from({ length: 50 }, async () => await hook('once', { id: 'evt_1' })))
  t.strictSame([...new Set(answers.map(({ statusCode }) => statusCode))], [202])
  const ids = new Set(answers.map(one => one.json().executionId))
  t.equal(ids.size, 1, 'all get the id of the one that was started')
  t.equal(answers.filter(({ headers }) => headers['x-weconnect-duplicate'] === undefined).length, 1)
  t.equal(answers.filter(({ headers }) => headers['x-weconnect-duplicate'] === 'true').length, 49)
  t.equal(await count(id), 1)
  const again = await hook('once', { id: 'evt_1', more: true })
  t.match([again.json().executionId, again.headers], [...ids, { 'x-execution-id': [...ids][0], 'x-weconnect-duplicate': 'true' }])

  const mixed = await Promise.all(Array.from({ length: 60 }, async (_, n) => await hook('once', { id: `evt_${n % 20 + 2}` })))
  t.equal(new Set(mixed.map(one => one.json().executionId)).size, 20)
  t.equal(await count(id), 21)
  for (const body of [{}, { id: null }, { id: '' }]) t.not((await hook('once', body)).headers['x-weconnect-duplicate'], 'true')
  t.equal(await count(id), 24, 'without a key each is its own')
  await Promise.all([{ id: 1 }, { id: '1' }, { id: { b: 1, a: 2 } }, { id: { a: 2, b: 1 } }].map(async body => await hook('once', body)))
  t.equal(await count(id), 27, 'what differs as JSON differs')

  const { service } = site.runtime.database
  await service`update delivery_keys set expires_at = now() - interval '1 second' where workflow_id = ${id}`
  const renewed = await Promise.all(Array.from({ length: 5 }, async () => await hook('once', { id: 'evt_1' })))
  t.equal(new Set(renewed.map(one => one.json().executionId)).size, 1)
  t.notOk(ids.has(renewed[0]!.json().executionId), 'after the window it is a new one')
  t.ok(await deleteExpiredDeliveryKeys(service, 100) > 0)
  t.equal((await service`select from delivery_keys where workflow_id = ${id}`).length, 1, 'only expired ones are forgotten')
  t.match((await hook('once', { id: 'evt_1' })).headers, { 'x-weconnect-duplicate': 'true' })
  t.equal((await call('POST', `/workflows/${id}/unpublish`, {})).statusCode, 200)
  t.equal((await hook('once', { id: 'evt_1' })).statusCode, 404)

  await t.test('by a header, and with the answer of the first', async t => {
    const { id } = await publish({ path: 'answered', response: 'lastStep', deduplicate: { header: 'X-Delivery' } }, {
      nodes: [{ id: 'nap', type: 'wait', parameters: { for: '300ms' } }, { id: 'set', type: 'set', parameters: { fields: { said: '{{ $("in").item.json.body.n * 2 }}' }, keep: 'none' } }],
      connections: [{ from: 'in', to: 'nap' }, { from: 'nap', to: 'set' }]
    })
    const three = await Promise.all([1, 2, 3].map(async n => await hook('answered', { n: 21 }, { headers: { 'x-delivery': n === 3 ? 'b' : 'a' } })))
    t.strictSame(three.map(({ statusCode, body }) => [statusCode, body]), Array(3).fill([200, '[{"json":{"said":42}}]']))
    t.equal(new Set(three.map(({ headers }) => headers['x-execution-id'])).size, 2)
    t.equal((await hook('answered', { n: 1 }, { headers: { 'x-delivery': 'a' } })).body, '[{"json":{"said":42}}]', 'also when it is over')
    t.equal(await count(id), 2)
  })

  await t.test('lines of a batch are deliveries like others', async t => {
    const { id } = await publish({ path: 'lines', deduplicate: { key: '{{ $json.body.id }}' }, schema: { body: { type: 'object', required: ['id'] } } })
    const answer = await hook('lines?batch=true', '{"id":1}\n{"id":1}\n{"n":1}\n{"id":2}\n', { headers: { 'content-type': 'application/x-ndjson' } })
    t.equal(answer.statusCode, 202, answer.body)
    const [first, second, third, fourth] = answer.body.trim().split('\n').map(line => JSON.parse(line))
    t.match([second, third, fourth], [{ line: 2, executionId: first.executionId, duplicate: true }, { line: 3, status: 422, errors: [{ pointer: '/body/id' }] }, { line: 4, executionId: /-/ }])
    t.equal(await count(id), 2)
  })

  await t.test('what cannot be used is said before it is published', async t => {
    const pointers = async (deduplicate: unknown) => (await publish({ path: 'x', deduplicate })).answer.json().errors.map(({ pointer }: { pointer: string }) => pointer.replace('/nodes/0/parameters/deduplicate', ''))
    t.strictSame(await pointers({}), [''])
    t.strictSame(await pointers({ key: '{{ $json.a }}', header: 'a' }), [''])
    t.strictSame(await pointers({ key: 'constant' }), ['/key'])
    t.strictSame(await pointers({ key: '{{ $json. }}' }), ['/key'])
    t.strictSame(await pointers({ key: '{{ $("later").item.json.id }}' }), ['/key'])
    t.strictSame(await pointers({ header: 'a b' }), ['/header'])
    t.strictSame(await pointers({ header: 'a', window: '31d' }), ['/window'])
    t.strictSame(await pointers('{{ $json }}'), [''])
    await publish({ path: 'broken-key', deduplicate: { key: '{{ $json.body.items.map(x => x.id).join() }}' } })
    t.match(await hook('broken-key', {}).then(one => [one.statusCode, one.json()]), [422, { code: 'WC_INVALID_INPUT', errors: [{ code: 'WC_DEDUPLICATION_KEY' }] }])
  })
})

t.test('a request that does not fit the schema is refused before anything is stored', async t => {
  const schema = {
    body: { type: 'object', required: ['id', 'lines'], properties: { id: { type: 'string', pattern: '^ord_[0-9]+$' }, lines: { type: 'array', minItems: 1, items: { $ref: '#/definitions/line' } } }, definitions: { line: { type: 'object', required: ['sku'] } } },
    query: { type: 'object', properties: { page: { type: 'integer' }, tag: { type: 'array' } }, additionalProperties: false },
    headers: { type: 'object', required: ['x-tenant'] }
  }
  const { id, answer } = await publish({ path: 'typed', schema })
  t.equal(answer.statusCode, 200, answer.body)
  const fits = { id: 'ord_1', lines: [{ sku: 'a' }] }
  t.equal((await hook('typed?page=3&tag=a', fits, { headers: { 'x-tenant': 't' } })).statusCode, 202)
  const refused = await hook('typed?page=x&more=1', { id: 'ord', lines: [{}] })
  t.equal(refused.statusCode, 422)
  t.strictSame(refused.json().errors.map(({ pointer }: { pointer: string }) => pointer).sort(), ['/body/id', '/body/lines/0/sku', '/headers/x-tenant', '/query', '/query/page'])
  t.match(await hook('typed', undefined, { headers: { 'x-tenant': 't' } }).then(one => [one.statusCode, one.json().errors[0].pointer]), [422, '/body'], 'no body')
  t.equal(await count(id), 1)
  const [row] = await site.runtime.database.service<Array<{ payload: string }>>`select payload::text from executions where workflow_id = ${id}`
  t.match(JSON.parse(row!.payload).query, { page: '3', tag: 'a' }, 'the item keeps the text')

  const pointers = async (schema: unknown) => (await publish({ path: 'x', schema })).answer.json().errors.map(({ pointer, code }: { pointer: string, code: string }) => `${pointer.replace('/nodes/0/parameters/schema', '')} ${code}`)
  t.strictSame(await pointers({ body: { type: 'nothing' }, query: { $ref: '#/definitions/none' } }), ['/body WC_SCHEMA', '/query WC_SCHEMA'])
  t.strictSame(await pointers({ body: { pattern: '(?<=a)b' } }), ['/body WC_SCHEMA'])
  t.strictSame(await pointers({ body: { $async: true } }), ['/body WC_SCHEMA'])
  t.strictSame(await pointers({ cookies: {} }), ['/cookies WC_UNKNOWN_PROPERTY'])
})

t.test('secrets that requests carry are not kept', async t => {
  const { id } = await publish({ path: 'secretive', verify: { preset: 'header', header: 'X-Token', credentialId: await secret('canary-7') } })
  t.equal((await hook('secretive', BODY, { headers: { 'x-token': 'canary-7' } })).statusCode, 202)
  const [row] = await site.runtime.database.service<Array<{ payload: string }>>`select payload::text from executions where workflow_id = ${id}`
  t.notMatch(row!.payload, /canary/)
  t.match(JSON.parse(row!.payload).headers, { 'x-token': '[secret]' })
})

t.test('senders that ask first are answered, and start nothing', async t => {
  const credentialId = await secret('app-secret')
  const tokenId = await secret('verify-token')
  const slack = await publish({ path: 'slack', verify: { preset: 'slack', credentialId } })
  const challenge = JSON.stringify({ token: 'x', type: 'url_verification', challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P' })
  const time = String(Math.floor(Date.now() / 1000))
  const signature = `v0=${createHmac('sha256', 'app-secret').update(`v0:${time}:${challenge}`).digest('hex')}`
  const greeted = await hook('slack', challenge, { headers: { 'x-slack-request-timestamp': time, 'x-slack-signature': signature } })
  t.match([greeted.statusCode, greeted.body, greeted.headers], [200, '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P', { 'content-type': /^text\/plain/, 'x-content-type-options': 'nosniff' }])
  t.equal((await hook('slack', challenge)).statusCode, 401, 'only who signs')

  const meta = await publish({ path: 'meta', verify: { preset: 'github', credentialId }, handshake: { preset: 'meta', credentialId: tokenId } })
  t.equal(meta.answer.statusCode, 200, meta.answer.body)
  const ask = async (path: string) => await hook(path, undefined, { method: 'GET' }).then(({ statusCode, body }) => [statusCode, body])
  t.strictSame(await ask('meta?hub.mode=subscribe&hub.verify_token=verify-token&hub.challenge=1158201444'), [200, '1158201444'])
  t.equal((await ask('meta?hub.mode=subscribe&hub.verify_token=other&hub.challenge=1158201444'))[0], 403)
  t.equal((await ask('meta'))[0], 405, 'any other GET is not meant for it')

  const graph = await publish({ path: 'graph', handshake: { preset: 'microsoft' } })
  t.match(await hook('graph?validationToken=Validation%3A+Testing+client', undefined).then(({ statusCode, body, headers }) => [statusCode, body, headers['content-type']]), [200, 'Validation: Testing client', /^text\/plain/])
  const x = await publish({ path: 'x', verify: { preset: 'hmac', header: 'x-twitter-webhooks-signature', prefix: 'sha256=', encoding: 'base64', credentialId }, handshake: { preset: 'x' } })
  t.strictSame(await ask('x?crc_token=abc'), [200, JSON.stringify({ response_token: `sha256=${createHmac('sha256', 'app-secret').update('abc').digest('base64')}` })])
  t.strictSame((await ask(`x?crc_token=${encodeURIComponent('{"forged":true}')}`))[0], 403, 'nobody has a delivery signed by asking')
  t.strictSame(await Promise.all([slack, meta, graph, x].map(async ({ id }) => await count(id))), [0, 0, 0, 0])
  t.equal((await hook('graph', BODY)).statusCode, 202)
  t.match((await publish({ path: 'y', handshake: { preset: 'meta' } })).answer.json().errors, [{ pointer: '/nodes/0/parameters/handshake/credentialId', code: 'WC_CREDENTIAL_REQUIRED' }])
})

t.test('methods, and browsers', async t => {
  const { id } = await publish({ path: 'pages/:page', method: ['POST', 'PUT'], cors: { origins: ['https://shop.example.com'], credentials: true } })
  const options = async (headers: Record<string, string>) => await hook('pages/1', undefined, { method: 'OPTIONS', headers })
  const preflight = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type, x-tenant' }
  t.match(await options({ origin: 'https://shop.example.com', ...preflight }).then(({ statusCode, headers }) => [statusCode, headers]), [204, {
    allow: /POST, PUT|PUT, POST/, 'access-control-allow-origin': 'https://shop.example.com', 'access-control-allow-methods': /PUT/, 'access-control-allow-headers': 'content-type, x-tenant', 'access-control-allow-credentials': 'true', vary: 'Origin'
  }])
  t.notOk('access-control-allow-origin' in (await options({ origin: 'https://evil.example', ...preflight })).headers)
  const sent = await hook('pages/1', BODY, { headers: { origin: 'https://shop.example.com' } })
  t.match([sent.statusCode, sent.headers], [202, { 'access-control-allow-origin': 'https://shop.example.com', 'access-control-expose-headers': /x-execution-id/ }])
  const broken = await hook('pages/1', '{', { headers: { origin: 'https://shop.example.com' } })
  t.match([broken.statusCode, broken.headers], [400, { 'access-control-allow-origin': 'https://shop.example.com' }], 'a page can read why it was refused')
  const batches = ['x', '', '\n'.repeat(100_001)].map(async lines => await hook('pages/1?batch=true', lines, { headers: { origin: 'https://shop.example.com', 'content-type': 'application/x-ndjson' } }))
  for (const { statusCode, headers } of await Promise.all(batches)) t.match([statusCode, headers], [422, { 'access-control-allow-origin': 'https://shop.example.com' }], 'and of a batch')
  t.match(await hook('pages/1', Buffer.alloc(3_000_000, 'x'), { headers: { origin: 'https://shop.example.com' } }).then(({ statusCode, headers }) => [statusCode, headers]), [413, { 'access-control-allow-origin': 'https://shop.example.com' }], 'also before its body was read')
  t.match(await hook('pages/1', undefined, { method: 'HEAD' }).then(({ statusCode, body, headers }) => [statusCode, body, headers['allow']]), [200, '', /POST/])
  t.match(await hook('pages/1', undefined, { method: 'GET' }).then(({ statusCode, headers }) => [statusCode, headers['allow']]), [405, /POST/])
  t.equal((await hook('nowhere', undefined, { method: 'OPTIONS' })).statusCode, 404)
  t.equal((await hook('pages/1', BODY, { method: 'PUT' })).statusCode, 202)
  t.equal(await count(id), 2)
  const pointers = async (cors: object) => (await publish({ path: 'z', cors })).answer.json().errors.map(({ pointer }: { pointer: string }) => pointer.replace('/nodes/0/parameters/cors', ''))
  t.strictSame(await pointers({ origins: ['*'], credentials: true }), ['/credentials'])
  t.strictSame(await pointers({ origins: ['https://a.example/path', 'a.example', 'null'] }), ['/origins/0', '/origins/1', '/origins/2'])
})

t.test('limits that are set are kept, and told', async t => {
  const { id } = await publish({ path: 'slow', rateLimit: { requests: 2, per: '1h' }, cors: { origins: ['*'] } })
  const answers = [await hook('slow', BODY), await hook('slow', 'x'), await hook('slow', BODY)]
  t.strictSame(answers.map(({ statusCode }) => statusCode), [202, 400, 429])
  t.match(answers[0]!.headers, { 'ratelimit-policy': '"endpoint";q=2;w=3600', ratelimit: '"endpoint";r=1;t=1800' })
  t.match(answers[1]!.headers, { ratelimit: /^"endpoint";r=0;/ })
  t.match(answers[2]!.headers, { 'retry-after': /^1[78]\d\d$/, ratelimit: /^"endpoint";r=0;/, 'access-control-allow-origin': '*' })
  t.match(answers[2]!.json(), { code: 'WC_TOO_MANY_REQUESTS' })
  t.equal(await count(id), 1)
  t.notOk('ratelimit' in (await hook('graph', BODY)).headers, 'where none is set, none is told')
})

t.test('what is published is listed with what came in, and described', async t => {
  const { call, publish, hook, slug, secret, organizationId } = await site.join()
  const stranger = await site.join()
  const credentialId = await secret('s')
  const schema = { body: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } } }
  const { id } = await publish({ path: 'orders/:id', method: ['POST', 'PUT'], verify: { preset: 'github', credentialId }, schema, deduplicate: { key: '{{ $json.body.id }}' } })
  await publish({ path: 'open' })
  const sign = (body: string) => ({ 'x-hub-signature-256': `sha256=${createHmac('sha256', 's').update(body).digest('hex')}` })
  for (const body of ['{"id":1}', '{"id":1}', '{"id":2}', '{}']) await hook('orders/1', body, { headers: sign(body) })
  await hook('orders/1', '{"id":1}')
  const { data } = (await call('GET', '/webhooks')).json()
  t.equal(data.length, 3)
  const orders = data.filter(({ workflowId }: { workflowId: string }) => workflowId === id)
  t.match(orders.find(({ method }: { method: string }) => method === 'POST'), {
    url: new RegExp(`^https?://.*/hooks/${slug}/orders/:id$`), path: 'orders/:id', workflowName: 'Hook', version: 1, nodeId: 'in', response: 'immediate',
    verification: { preset: 'github', credentialId }, allowIps: null, counts: { accepted: 2, duplicates: 1, refused: 2, lastAt: /Z$/ }, publishedAt: /Z$/
  })
  t.match(orders.find(({ method }: { method: string }) => method === 'PUT').counts, { accepted: 0, refused: 0, lastAt: null })
  t.equal(data.find(({ path }: { path: string }) => path === 'open').verification, null)
  const first = (await call('GET', '/webhooks?limit=2')).json()
  const second = (await call('GET', `/webhooks?limit=2&cursor=${first.nextCursor}`)).json()
  t.strictSame([...first.data, ...second.data].map(({ id }: { id: string }) => id), data.map(({ id }: { id: string }) => id))
  t.equal((await call('GET', `/webhooks?workflowId=${id}`)).json().data.length, 2)
  t.strictSame((await stranger.call('GET', '/webhooks')).json().data, [])
  await hook('open', '{}')
  t.equal((await call('GET', '/webhooks')).json().data.find(({ path }: { path: string }) => path === 'open').counts.accepted, 1, 'counts add up')

  const answer = await call('GET', `/organizations/${organizationId}/openapi.json`)
  t.equal(answer.statusCode, 200, answer.body)
  const document = answer.json()
  t.strictSame(Object.keys(document.paths).sort(), [`/hooks/${slug}/open`, `/hooks/${slug}/orders/{id}`])
  t.match(document.paths[`/hooks/${slug}/orders/{id}`].post.requestBody.content, { 'application/json': { schema: { $ref: '#/components/schemas/PostOrdersByIdBody' } } })
  t.equal((await stranger.call('GET', `/organizations/${organizationId}/openapi.json`)).statusCode, 404)
})
