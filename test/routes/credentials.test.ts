import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { createGuardedFetch, type OutgoingRequest } from '../../src/lib/guarded-fetch/index.ts'
import { createVaultSecrets } from '../../src/lib/vault-secrets.ts'
import { startVault } from '../support/vault-server.ts'
import { workflowApp } from '../support/workflow-app.ts'

const SECRET = 'canary-5f1d7a-of-credentials'
const UNKNOWN = '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'
const sent: OutgoingRequest[] = []
let status = 200
const kept = await startVault()
const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'test' })
t.teardown(async () => {
  await guarded.close()
  await kept.close()
})
const secretStore = createVaultSecrets({ address: kept.url, token: () => 'root', mount: 'secret', prefix: 'weconnect/{organizationId}' }, guarded.fetch)
const { database, join, credentialChanges, logged } = await workflowApp(t, [], {
  secretStore,
  fetch: async request => {
    sent.push(request)
    return { status, url: request.url, headers: {}, body: new Uint8Array() }
  }
})
const { call, organizationId } = await join()
const bearer = (more: object = {}) => ({ type: 'bearer', name: 'Shop', data: { token: SECRET }, ...more })

async function create (body: object = bearer()): Promise<{ id: string, etag: string }> {
  const answer = await call('POST', '/credentials', body)
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return { id: answer.json().id, etag: String(answer.headers['etag']) }
}

function workflow (credentialId: string, type = 'httpRequest') {
  return {
    name: 'Calls',
    nodes: [{ id: 'start', type: 'manual' }, { id: 'call', type, credentialId, parameters: type === 'httpRequest' ? { url: 'https://api.example.com' } : {} }],
    connections: [{ from: 'start', to: 'call' }]
  }
}

t.test('a credential is stored, shown without its secrets, changed and deleted', async t => {
  const created = await call('POST', '/credentials', { type: 'basic', name: 'Ada', data: { username: 'ada', password: SECRET }, allowedHosts: ['API.example.com', 'api.example.com', '*.example.org'] })
  t.equal(created.statusCode, 201, created.body)
  const view = created.json()
  t.match(view, { type: 'basic', name: 'Ada', data: { username: 'ada' }, secretFields: ['password'], version: 1, createdAt: String })
  t.same(view.allowedHosts, ['api.example.com', '*.example.org'])
  t.equal(created.headers['location'], `/v1/credentials/${view.id}`)
  const read = await call('GET', `/credentials/${view.id}`)
  t.same(read.json(), view)
  t.equal(read.headers['etag'], created.headers['etag'])
  t.same((await call('GET', '/credentials?type=basic')).json(), { data: [view], nextCursor: null })
  t.same((await call('GET', '/credentials?type=bearer')).json(), { data: [], nextCursor: null })

  const changed = await call('PATCH', `/credentials/${view.id}`, { name: 'Ada L.', data: { username: 'lovelace' } })
  t.match(changed.json(), { name: 'Ada L.', data: { username: 'lovelace' }, secretFields: ['password'], version: 2 }, 'what is left out stays')
  t.same(credentialChanges.at(-1), { organizationId, credentialId: view.id })
  t.equal((await call('PATCH', `/credentials/${view.id}`, { name: 'x' }, { 'if-match': String(created.headers['etag']) })).statusCode, 412)
  t.equal((await call('DELETE', `/credentials/${view.id}`, undefined, { 'if-match': String(created.headers['etag']) })).statusCode, 412)
  t.equal((await call('DELETE', `/credentials/${view.id}`)).statusCode, 204)
  t.equal((await call('GET', `/credentials/${view.id}`)).statusCode, 404)
  t.equal((await call('DELETE', `/credentials/${view.id}`)).statusCode, 404)
})

t.test('types are listed with the schema of their data', async t => {
  const { data } = (await call('GET', '/credential-types')).json()
  t.ok(data.some((type: { type: string }) => type.type === 'webhookSecret'))
  t.match((await call('GET', '/credential-types/bearer')).json(), { type: 'bearer', data: { properties: { token: { writeOnly: true } }, required: ['token'] } })
  t.equal((await call('GET', '/credential-types/__proto__')).statusCode, 404)
  t.match((await call('GET', '/node-types/httpRequest')).json().credentials, ['bearer', 'basic', 'header', 'query'])
})

t.test('bad input is refused with pointers, and is not repeated', async t => {
  const cases: Array<[object, string, string]> = [
    [bearer({ type: 'carrier' }), '/type', 'WC_CREDENTIAL_TYPE_UNKNOWN'],
    [bearer({ type: '__proto__' }), '/type', 'WC_CREDENTIAL_TYPE_UNKNOWN'],
    [bearer({ data: {} }), '/data/token', 'WC_REQUIRED'],
    [bearer({ data: { token: `${SECRET} ` } }), '/data/token', 'WC_INVALID_FORMAT'],
    [bearer({ data: { token: 7 } }), '/data/token', 'WC_WRONG_TYPE'],
    [bearer({ data: { token: SECRET, extra: SECRET } }), '/data/extra', 'WC_UNKNOWN_PROPERTY'],
    [bearer({ data: { token: 'x'.repeat(32_769) } }), '/data/token', 'WC_OUT_OF_RANGE'],
    [bearer({ data: { token: 'x'.repeat(70_000) } }), '/data', 'WC_OUT_OF_RANGE'],
    [bearer({ name: ' ' }), '/name', 'WC_INVALID_FORMAT'],
    [bearer({ allowedHosts: ['https://example.com'] }), '/allowedHosts/0', 'WC_INVALID_FORMAT'],
    [bearer({ organizationId: UNKNOWN }), '/organizationId', 'WC_UNKNOWN_PROPERTY'],
    [bearer({ createdBy: UNKNOWN }), '/createdBy', 'WC_UNKNOWN_PROPERTY'],
    [{ type: 'header', name: 'a', data: { name: 'Host', value: SECRET } }, '/data/name', 'WC_INVALID_FORMAT']
  ]
  for (const [body, pointer, code] of cases) {
    const answer = await call('POST', '/credentials', body)
    t.match(answer.json(), { status: 422, errors: [{ pointer, code }] }, `${pointer} ${code}`)
    t.notOk(answer.body.includes(SECRET))
  }
  for (const raw of ['{"type":"header","name":"a","data":{"__proto__":{"x":1}}}', '{"type":"bearer","name":"a","data":{"token":"a\\u0000b"}}', '[]', 'null', '{"type":"bearer","name":"a","data":[]}', '{']) {
    t.match((await call('POST', '/credentials', raw)).statusCode, /^4(00|22)$/, raw)
  }
  const { id } = await create()
  for (const body of [{}, { type: 'basic' }, { data: { token: null } }, { data: { token: '' } }, { allowedHosts: 'a' }, null]) t.equal((await call('PATCH', `/credentials/${id}`, body)).statusCode, 422, JSON.stringify(body))
  t.match((await call('GET', `/credentials/${id}`)).json(), { version: 1 }, 'nothing of it was stored')
})

t.test('who sends a credential to another place must know its secrets', async t => {
  const { id } = await create(bearer({ allowedHosts: ['api.example.com', '*.example.org'] }))
  const change = async (body: object) => await call('PATCH', `/credentials/${id}`, body)
  t.equal((await change({ allowedHosts: ['api.example.com', 'eu.example.org'] })).statusCode, 200, 'fewer places')
  for (const body of [{ allowedHosts: null }, { allowedHosts: ['evil.test'] }, { allowedHosts: ['*.example.com'] }, { data: { testUrl: 'https://evil.test' } }]) {
    t.match((await change(body)).json(), { status: 422, errors: [{ pointer: '/data/token', code: 'WC_SECRET_REQUIRED' }] }, JSON.stringify(body))
  }
  t.equal((await change({ allowedHosts: null, data: { token: SECRET } })).statusCode, 200)
  const database = await create({ type: 'postgres', name: 'Sales', data: { host: 'db.example.com', database: 'sales', username: 'reader', password: SECRET } })
  t.match((await call('PATCH', `/credentials/${database.id}`, { data: { host: 'evil.test' } })).json(), { errors: [{ pointer: '/data/password', code: 'WC_SECRET_REQUIRED' }] })
  t.match((await call('PATCH', `/credentials/${database.id}`, { data: { host: 'evil.test', password: null } })).json(), { data: { host: 'evil.test' }, secretFields: [] }, 'without its secret it may go anywhere')
})

t.test('a credential is tried where its data says, never where the caller says', async t => {
  const { id } = await create(bearer({ data: { token: SECRET, testUrl: 'https://api.example.com/me' }, allowedHosts: ['api.example.com'] }))
  t.match((await call('POST', `/credentials/${id}/test`, {})).json(), { ok: true, tested: true, code: null })
  t.match(sent.at(-1), { method: 'GET', url: 'https://api.example.com/me', headers: { authorization: `Bearer ${SECRET}` }, followRedirects: 0 })
  status = 401
  t.match((await call('POST', `/credentials/${id}/test`)).json(), { ok: false, tested: true, code: 'WC_HTTP_STATUS', detail: 'api.example.com answered 401' })
  const before = sent.length
  for (const body of [{ url: 'http://evil.test' }, { testUrl: 'http://evil.test' }]) t.equal((await call('POST', `/credentials/${id}/test`, body)).statusCode, 422)
  const bound = await create(bearer({ data: { token: SECRET, testUrl: 'https://evil.test/' }, allowedHosts: ['api.example.com'] }))
  t.match((await call('POST', `/credentials/${bound.id}/test`, {})).json(), { ok: false, code: 'WC_CREDENTIAL_HOST' })
  t.equal(sent.length, before, 'nothing was sent there')
  t.match((await call('POST', `/credentials/${(await create()).id}/test`, {})).json(), { ok: true, tested: false })
})

t.test('keys of AWS ask who they are, and certificates are held against their keys', async t => {
  status = 200
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SECRET }
  const amazon = await create({ type: 'aws', name: 'Amazon', data: { ...keys, region: 'eu-central-1' } })
  t.match((await call('POST', `/credentials/${amazon.id}/test`, {})).json(), { ok: true, tested: true })
  t.match(sent.at(-1), { url: /^https:\/\/sts\.eu-central-1\.amazonaws\.com\/\?Action=GetCallerIdentity/, headers: { authorization: /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d+\/eu-central-1\/sts\// } })
  const store = await create({ type: 'aws', name: 'Store', data: { ...keys, endpoint: 'https://storage.example.com' } })
  status = 403
  t.match((await call('POST', `/credentials/${store.id}/test`, {})).json(), { ok: false, tested: true, code: 'WC_HTTP_STATUS' })
  t.match(sent.at(-1), { url: /^https:\/\/storage\.example\.com\/$/, headers: { authorization: /\/s3\/aws4_request/ } })
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const certificate = await create({ type: 'clientCertificate', name: 'Certificate', data: { certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', key } })
  t.match((await call('POST', `/credentials/${certificate.id}/test`, {})).json(), { ok: false, tested: true, code: 'WC_CERTIFICATE' })
})

t.test('values may stay in the secret store: read for use, shown by their place only', async t => {
  status = 200
  const secrets = kept.secrets.set(`weconnect/${organizationId}/shop/api`, [{ token: SECRET, user: 'ada' }])
  const reference = { path: 'shop/api', field: 'token' }
  const created = await call('POST', '/credentials', { type: 'bearer', name: 'Kept', data: { testUrl: 'https://api.example.com/me' }, secretReferences: { token: reference } })
  t.equal(created.statusCode, 201, created.body)
  const { id } = created.json()
  t.match((await call('GET', `/credentials/${id}`)).json(), { data: { testUrl: 'https://api.example.com/me' }, secretFields: [], secretReferences: { token: reference } })
  const test = async () => (await call('POST', `/credentials/${id}/test`, {})).json()
  t.match(await test(), { ok: true, tested: true })
  t.match(sent.at(-1), { headers: { authorization: `Bearer ${SECRET}` } })

  const change = async (body: object) => await call('PATCH', `/credentials/${id}`, body)
  t.match((await change({ secretReferences: { token: { path: 'shop/none', field: 'token' } } })).json(), { version: 2, secretReferences: { token: { path: 'shop/none' } } })
  t.match(await test(), { ok: false, tested: true, code: 'WC_SECRET_NOT_FOUND', detail: 'There is no secret shop/none in the secret store' })
  t.match((await change({ data: { token: SECRET } })).json(), { secretFields: ['token'], secretReferences: {} }, 'a value in the place of a reference')
  t.match((await change({ secretReferences: { token: reference } })).json(), { secretFields: [], secretReferences: { token: reference } }, 'and the other way round')
  t.match((await change({ secretReferences: { token: null } })).json(), { status: 422, errors: [{ pointer: '/data/token', code: 'WC_REQUIRED' }] })
  kept.down = { status: 503, errors: ['Vault is sealed'] }
  t.match((await change({ secretReferences: { token: { path: 'shop/away', field: 'token' } } })).statusCode, 200, 'nothing is read to store a reference')
  t.match(await test(), { ok: false, code: 'WC_CREDENTIAL_UNAVAILABLE' })
  kept.down = null

  const elsewhere = { testUrl: 'https://evil.test/' }
  for (const body of [{ data: elsewhere }, { data: { ...elsewhere, token: null } }, { allowedHosts: ['evil.test'], secretReferences: {} }]) {
    await change({ allowedHosts: ['api.example.com'], secretReferences: { token: reference } })
    t.match((await change(body)).json(), { status: 422, errors: [{ pointer: '/secretReferences/token', code: 'WC_SECRET_REQUIRED' }] }, JSON.stringify(body))
  }
  t.match((await change({ data: elsewhere, secretReferences: { token: reference } })).json(), { data: elsewhere, secretReferences: { token: reference } }, 'who refers to it again may')
  t.match((await change({ allowedHosts: null, data: { token: SECRET } })).json(), { allowedHosts: null, secretReferences: {} }, 'or takes it away')
  t.match((await change({ data: { testUrl: 'https://else.test/' }, secretReferences: { token: null } })).json(), { errors: [{ pointer: '/data/token', code: 'WC_SECRET_REQUIRED' }] })

  const bad: Array<[object, string, string]> = [
    [{ data: { token: 'x' }, secretReferences: { token: reference } }, '/secretReferences/token', 'WC_INVALID_VALUE'],
    [{ data: {}, secretReferences: { testUrl: reference } }, '/secretReferences/testUrl', 'WC_UNKNOWN_PROPERTY'],
    [{ data: {}, secretReferences: { token: reference, other: reference } }, '/secretReferences/other', 'WC_UNKNOWN_PROPERTY'],
    [{ data: {}, secretReferences: { token: { ...reference, path: '../x' } } }, '/secretReferences/token/path', 'WC_INVALID_FORMAT'],
    [{ data: {}, secretReferences: { token: { ...reference, path: 'a%2f..%2fb' } } }, '/secretReferences/token/path', 'WC_INVALID_FORMAT'],
    [{ data: {}, secretReferences: { token: { path: 'a' } } }, '/secretReferences/token/field', 'WC_REQUIRED'],
    [{ data: {}, secretReferences: { token: { ...reference, field: '' } } }, '/secretReferences/token/field', 'WC_OUT_OF_RANGE'],
    [{ type: 'oauth2', data: { grant: 'clientCredentials', tokenUrl: 'http://login.example.com/token', clientId: 'a' }, secretReferences: { clientSecret: reference } }, '/data/tokenUrl', 'WC_INVALID_FORMAT'],
    [{ type: 'clientCertificate', data: {}, secretReferences: { key: reference } }, '/data/certificate', 'WC_REQUIRED']
  ]
  for (const [body, pointer, code] of bad) {
    const answer = await call('POST', '/credentials', { type: 'bearer', name: 'Bad', ...body })
    t.ok(answer.json().errors?.some((error: { pointer: string, code: string }) => error.pointer === pointer && error.code === code), `${pointer} ${code} ${answer.body}`)
    t.equal(answer.statusCode, 422)
  }
  const basic = await call('POST', '/credentials', { type: 'basic', name: 'Both', data: {}, secretReferences: { username: { path: 'shop/api', field: 'user' }, password: reference } })
  t.match(basic.json(), { data: {}, secretFields: [], secretReferences: { username: { field: 'user' } } })
  const other = await join()
  const theirs = (await other.call('POST', '/credentials', { type: 'bearer', name: 'Same path', data: {}, secretReferences: { token: reference } })).json()
  t.match((await other.call('POST', `/credentials/${theirs.id}/test`, {})).json(), { ok: false, code: 'WC_SECRET_NOT_FOUND' }, 'a path is one of the own organization')
  secrets.clear()
})

t.test('workflows refer to credentials that exist here and fit', async t => {
  const { id } = await create()
  const other = await join()
  t.equal((await call('POST', '/workflows', workflow(id.toUpperCase()))).statusCode, 201)
  for (const [who, body] of [[other, workflow(id)], [{ call }, workflow(UNKNOWN)]] as const) {
    t.match((await who.call('POST', '/workflows', body)).json(), { status: 422, errors: [{ pointer: '/nodes/1/credentialId', code: 'WC_CREDENTIAL_UNKNOWN' }] })
    t.match((await who.call('POST', '/workflows/validate', body)).json(), { valid: false, errors: [{ code: 'WC_CREDENTIAL_UNKNOWN' }] })
  }
  const wrong = await create({ type: 'webhookSecret', name: 'Hook', data: { secrets: [SECRET] } })
  t.match((await call('POST', '/workflows', workflow(wrong.id))).json(), { errors: [{ pointer: '/nodes/1/credentialId', code: 'WC_CREDENTIAL_TYPE' }] })
  t.match((await call('POST', '/workflows', workflow(id, 'noOp'))).json(), { errors: [{ pointer: '/nodes/1/credentialId', code: 'WC_CREDENTIAL_TYPE' }] }, 'a node that takes none')
})

t.test('a credential stays while a published workflow uses it', async t => {
  const { id } = await create()
  const saved = (await call('POST', '/workflows', workflow(id))).json()
  const publish = async (more = {}) => await call('POST', `/workflows/${saved.id}/publish`, more)
  t.equal((await publish()).statusCode, 200)
  const refused = await call('DELETE', `/credentials/${id}`)
  t.match(refused.json(), { status: 409, code: 'WC_CREDENTIAL_IN_USE' })
  t.ok(refused.json().detail.includes(saved.id), 'it says which')
  await call('PUT', `/workflows/${saved.id}`, { ...workflow(id), nodes: [{ id: 'start', type: 'manual' }], connections: [] })
  t.equal((await call('DELETE', `/credentials/${id}`)).statusCode, 409, 'the version before is what runs')
  t.equal((await publish()).statusCode, 200)
  t.equal((await call('DELETE', `/credentials/${id}`)).statusCode, 204)
  t.match((await publish({ version: 1 })).json(), { status: 422, errors: [{ pointer: '/nodes/1/credentialId', code: 'WC_CREDENTIAL_UNKNOWN' }] })
  const second = await create()
  const again = (await call('POST', '/workflows', workflow(second.id))).json()
  await call('POST', `/workflows/${again.id}/publish`, {})
  t.equal((await call('POST', `/workflows/${again.id}/unpublish`, {})).statusCode, 200)
  t.equal((await call('DELETE', `/credentials/${second.id}`)).statusCode, 204)
})

t.test('publishing and deleting at the same moment: one of them wins', async t => {
  for (let round = 0; round < 5; round++) {
    const { id } = await create()
    const saved = (await call('POST', '/workflows', workflow(id))).json()
    const [published, deleted] = await Promise.all([call('POST', `/workflows/${saved.id}/publish`, {}), call('DELETE', `/credentials/${id}`)])
    t.match([published.statusCode, deleted.statusCode].join(), /^(200,409|409,204|422,204)$/)
  }
})

t.test('what others own does not exist', async t => {
  const { id } = await create()
  const other = await join()
  for (const [method, path, body] of [['GET', '', undefined], ['PATCH', '', { name: 'Mine' }], ['DELETE', '', undefined], ['POST', '/test', {}]] as const) {
    t.equal((await other.call(method, `/credentials/${id}${path}`, body)).statusCode, 404, `${method} ${path}`)
  }
  t.same((await other.call('GET', '/credentials')).json().data, [])
  await call('DELETE', `/credentials/${id}`)
})

t.test('an organization is deleted with its credentials, published uses and all', async t => {
  const other = await join()
  const { id } = (await other.call('POST', '/credentials', bearer())).json()
  const saved = (await other.call('POST', '/workflows', workflow(id))).json()
  t.equal((await other.call('POST', `/workflows/${saved.id}/publish`, {})).statusCode, 200)
  await database.service`delete from organizations where id = ${other.organizationId}`
  t.same([...await database.service`select id from credentials where id = ${id}`], [])
})

t.test('racing changes all take effect, and a sealed copy that was tampered with is refused', async t => {
  const { id } = await create({ type: 'basic', name: 'Raced', data: { username: 'a', password: SECRET } })
  const answers = await Promise.all(Array.from({ length: 4 }, async (_, n) => await call('PATCH', `/credentials/${id}`, { name: `Raced ${n}` })))
  t.same(answers.map(({ statusCode }) => statusCode), [200, 200, 200, 200])
  t.match((await call('GET', `/credentials/${id}`)).json(), { version: 5 })
  const twin = await create({ type: 'basic', name: 'Twin', data: { username: 'b', password: 'another secret' } })
  await database.service`update credentials c set secret = o.secret, data_key = o.data_key from credentials o where c.id = ${id} and o.id = ${twin.id}`
  t.match((await call('POST', `/credentials/${id}/test`, {})).json(), { status: 409, code: 'WC_CREDENTIAL_UNREADABLE' }, 'a ciphertext of another row')
  t.match((await call('PATCH', `/credentials/${id}`, { name: 'x' })).json(), { status: 409 })
  await database.service`update credentials set version = 7 where id = ${twin.id}`
  t.match((await call('POST', `/credentials/${twin.id}/test`, {})).json(), { status: 409 }, 'an older copy passed off as a newer one')
})

t.test('no table, log line or audit entry holds a secret', async t => {
  const rows = await database.service`select action, before, after from audit_log where target_type = 'credential' order by id`
  t.ok(['credential.created', 'credential.updated', 'credential.deleted'].every(action => rows.some(row => row['action'] === action)))
  t.match(rows.find(row => row['action'] === 'credential.updated')?.['after'], { secretFields: Array, secretsEntered: Array })
  const tables = await database.service<Array<{ name: string }>>`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`
  for (const { name } of tables) {
    const text = JSON.stringify(await database.service`select row_to_json(x)::text as row from ${database.service(name)} x`)
    for (const form of [SECRET, Buffer.from(SECRET).toString('base64').slice(0, -4), Buffer.from(SECRET).toString('hex')]) t.notOk(text.includes(form), `${name} does not hold ${form}`)
  }
  t.notOk(logged.join('').includes(SECRET))
})
