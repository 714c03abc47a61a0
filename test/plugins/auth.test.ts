import { createHmac } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { needs, needsInPath, OWN_ACCOUNT, PUBLIC, type RouteAccess } from '../../src/schemas/access.ts'
import { permissionsOf } from '../../src/services/identity/permissions.ts'
import { register, TEST_JWT_SECRET, testApp } from '../support/app.ts'

const { app, database, time, identity } = await testApp(t)
const ann = await register(app)
const ben = await register(app)

type Headers = Record<string, string>
const status = async (headers: Headers, url = '/v1/api-keys') => (await app.inject({ url, headers })).statusCode

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const goodHeader = { alg: 'HS256', typ: 'at+jwt' }
const goodClaims = () => JSON.parse(Buffer.from(ann.accessToken.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>

function forge (header: object, claims: object, key: string | null = TEST_JWT_SECRET): Headers {
  const input = `${encode(header)}.${encode(claims)}`
  return { authorization: `Bearer ${input}.${key === null ? '' : createHmac('sha256', key).update(input).digest('base64url')}` }
}

t.test('a token made by hand with the secret is accepted, so that the refusals below have one reason each', async t => {
  t.equal(await status(forge(goodHeader, goodClaims())), 200)
})

t.test('access tokens that are not ours, or not any more', async t => {
  const { exp, ...withoutExp } = goodClaims()
  const { jti, ...withoutJti } = goodClaims()
  const { iat, ...withoutIat } = goodClaims()
  const [header, , signature] = ann.accessToken.split('.')
  const cases: Record<string, Headers> = {
    'no credentials': {},
    'Bearer empty': { authorization: 'Bearer ' },
    'another scheme': { authorization: `Basic ${ann.accessToken}` },
    'alg none': forge({ alg: 'none', typ: 'at+jwt' }, goodClaims(), null),
    'alg none with a signature': forge({ alg: 'none', typ: 'at+jwt' }, goodClaims()),
    'HS384 named, HS256 signed': forge({ alg: 'HS384', typ: 'at+jwt' }, goodClaims()),
    'another key': forge(goodHeader, goodClaims(), 'another key of more than 32 bytes in length'),
    'an empty key and an unknown kid': forge({ ...goodHeader, kid: 'nope' }, goodClaims(), ''),
    'jku of an attacker': forge({ ...goodHeader, jku: 'http://127.0.0.1:9/k' }, goodClaims(), 'attacker'),
    'another token type in the header': forge({ alg: 'HS256', typ: 'JWT' }, goodClaims()),
    'another token type in the claims': forge(goodHeader, { ...goodClaims(), typ: 'refresh' }),
    'no exp': forge(goodHeader, withoutExp),
    'no jti': forge(goodHeader, withoutJti),
    'no iat': forge(goodHeader, withoutIat),
    'exp as text': forge(goodHeader, { ...goodClaims(), exp: String(exp) }),
    expired: forge(goodHeader, { ...goodClaims(), exp: Math.floor(time.now / 1000) - 1 }),
    'wrong iss': forge(goodHeader, { ...goodClaims(), iss: 'evil' }),
    'iss as array': forge(goodHeader, { ...goodClaims(), iss: ['weconnect', 'evil'] }),
    'wrong aud': forge(goodHeader, { ...goodClaims(), aud: 'other-api' }),
    'aud as array': forge(goodHeader, { ...goodClaims(), aud: ['weconnect-api'] }),
    'claims changed without signing': { authorization: `Bearer ${header}.${encode({ ...goodClaims(), sub: ben.userId })}.${signature}` },
    'another person\'s session': forge(goodHeader, { ...goodClaims(), sub: ben.userId }),
    padding: { authorization: `Bearer ${ann.accessToken}=` },
    'the same signature in other letters': { authorization: `Bearer ${ann.accessToken.slice(0, -1)}${String.fromCharCode(ann.accessToken.charCodeAt(ann.accessToken.length - 1) + 1)}` },
    'the refresh token': { authorization: `Bearer ${ann.refreshToken}` }
  }
  for (const [name, headers] of Object.entries(cases)) t.equal(await status(headers), 401, name)
  t.equal(await status({}, `/v1/api-keys?access_token=${ann.accessToken}`), 401, 'token in the query')
  t.match((await app.inject('/v1/api-keys')).headers['www-authenticate'], /^Bearer/)
})

t.test('API keys', async t => {
  const created = await app.inject({ method: 'POST', url: '/v1/api-keys', headers: ann.headers, payload: { name: 'CI' } })
  t.equal(created.statusCode, 201)
  const { id, secret } = created.json<{ id: string, secret: string }>()
  const withKey = { 'x-api-key': secret }

  t.equal(await status(withKey), 200)
  const list = await app.inject({ url: '/v1/api-keys', headers: withKey })
  t.notMatch(list.body, secret.slice(-43), 'the secret is shown once')
  t.match(list.json(), { data: [{ id, name: 'CI', createdBy: ann.userId }], nextCursor: null })
  const [stored] = await database.service`select * from api_keys where id = ${id}`
  t.notMatch(JSON.stringify(stored), secret.slice(-43), 'only a hash is kept')
  t.equal(await status(withKey, '/v1/auth/me'), 403, 'what belongs to a person needs a session')
  t.equal(await status({ ...withKey, ...ann.headers }), 400, 'two credentials are ambiguous')

  for (const [name, key] of Object.entries({
    'another secret': secret.slice(0, -43) + 'A'.repeat(43),
    'an id that is nobody\'s': `wc_${'0'.repeat(32)}_${secret.slice(-43)}`,
    'upper case': secret.toUpperCase(),
    'cut short': secret.slice(0, -1),
    'with more': `${secret}=`,
    empty: ''
  })) t.equal(await status({ 'x-api-key': key }), 401, name)

  const used = async () => (await database.service`select last_used_at from api_keys where id = ${id}`)[0]!['last_used_at'] as Date | null
  const first = await used()
  t.ok(first)
  time.now += 10_000
  await status(withKey)
  t.same(await used(), first, 'the last use is written once a minute at most')
  time.now += 60_000
  await status(withKey)
  t.ok(await used() !== null)

  t.equal((await app.inject({ method: 'DELETE', url: `/v1/api-keys/${id}`, headers: ben.headers })).statusCode, 404, 'another organization sees nothing')
  t.equal(await status(withKey), 200)
  t.equal((await app.inject({ method: 'DELETE', url: `/v1/api-keys/${id}`, headers: ann.headers })).statusCode, 204)
  t.equal(await status(withKey), 401, 'revoked at once in this process')

  const short = await app.inject({ method: 'POST', url: '/v1/api-keys', headers: ann.headers, payload: { name: 'short', expiresAt: new Date(time.now + 3000).toISOString() } })
  const shortKey = { 'x-api-key': short.json<{ secret: string }>().secret }
  t.equal(await status(shortKey), 200)
  time.now += 3000
  t.equal(await status(shortKey), 401, 'expired, though it was seen a moment before')
  t.equal((await app.inject({ method: 'POST', url: '/v1/api-keys', headers: ann.headers, payload: { name: 'past', expiresAt: '2001-01-01T00:00:00Z' } })).statusCode, 422)
})

t.test('what a key may do, and how long each of its secrets works', async t => {
  const create = async (headers: Headers, payload: object) => await app.inject({ method: 'POST', url: '/v1/api-keys', headers, payload })
  const reader = (await create(ann.headers, { name: 'reader', scopes: ['apiKey:read'] })).json<{ id: string, secret: string, scopes: string[] }>()
  const withKey = { 'x-api-key': reader.secret }
  t.same(reader.scopes, ['apiKey:read'])
  t.equal(await status(withKey), 200)
  t.match((await create(withKey, { name: 'more' })).json(), { status: 403, code: 'WC_PERMISSION_MISSING', permission: 'apiKey:edit' })
  for (const scopes of [['organization:delete'], ['everything'], [], ['apiKey:read', 'apiKey:read']]) t.equal((await create(ann.headers, { name: 'x', scopes })).statusCode, 422, String(scopes))

  const maker = (await create(ann.headers, { name: 'maker', scopes: ['apiKey:edit', 'apiKey:read'] })).json<{ secret: string }>()
  const byKey = { 'x-api-key': maker.secret }
  t.match((await create(byKey, { name: 'x', scopes: ['workflow:edit'] })).json(), { status: 422, errors: [{ pointer: '/scopes/0', code: 'WC_SCOPE_TOO_LARGE' }] })
  t.match((await create(byKey, { name: 'x' })).json(), { createdBy: ann.userId, scopes: ['apiKey:edit', 'apiKey:read'] }, 'unless given, what its maker may')
  const all = (await create(ann.headers, { name: 'all' })).json<{ id: string }>()
  t.equal((await app.inject({ method: 'POST', url: `/v1/api-keys/${all.id}/rotate`, headers: byKey })).statusCode, 422, 'nobody gets at a key that may more')

  const rotate = async (payload: object) => await app.inject({ method: 'POST', url: `/v1/api-keys/${reader.id}/rotate`, headers: ann.headers, payload })
  t.equal((await rotate({ overlap: '31d' })).statusCode, 422)
  const next = (await rotate({ overlap: '10s' })).json<{ secret: string, previousUntil: string }>()
  t.equal(Date.parse(next.previousUntil), time.now + 10_000)
  t.same([await status(withKey), await status({ 'x-api-key': next.secret })], [200, 200], 'both work')
  time.now += 10_000
  t.same([await status(withKey), await status({ 'x-api-key': next.secret })], [401, 200], 'then only the new one')

  await database.service`update memberships set role = 'viewer' where user_id = ${ann.userId}`
  time.now += 5000
  t.equal(await status({ 'x-api-key': next.secret }), 403, 'a key may no more than who made it')
  await database.service`update memberships set role = 'owner' where user_id = ${ann.userId}`
  time.now += 5000
})

t.test('access tokens of the secret before are good until they expire', async t => {
  const old = 'Zq3v7Yt1Xw5Rn9Lp2Mc6Jd0Hf4Gs8Bk8'
  const sitting = async (jwtSecret: string, previousJwtSecrets: string[]) => (await testApp(t, { database, secrets: { jwtSecret, previousJwtSecrets } })).app
  const before = await sitting(old, [])
  const person = await register(before)
  const after = await sitting(TEST_JWT_SECRET, [old])
  const { kid } = JSON.parse(Buffer.from(person.accessToken.split('.')[0]!, 'base64url').toString()) as { kid: string }
  t.match(kid, /^[A-Za-z0-9_-]{11}$/)
  const ask = async (app: FastifyInstance, headers: Headers) => (await app.inject({ url: '/v1/api-keys', headers })).statusCode
  t.equal(await ask(after, person.headers), 200)
  t.equal(await ask(app, person.headers), 401, 'but not where that secret is not known')
  const refreshed = (await after.inject({ method: 'POST', url: '/v1/auth/refresh', payload: { refreshToken: person.refreshToken } })).json<{ accessToken: string }>()
  t.equal(await ask(app, { authorization: `Bearer ${refreshed.accessToken}` }), 200, 'new ones are signed with the new secret')
})

t.test('a key that another process revoked dies within five seconds', async t => {
  const { secret, id } = (await app.inject({ method: 'POST', url: '/v1/api-keys', headers: ann.headers, payload: { name: 'far' } })).json<{ id: string, secret: string }>()
  t.equal(await status({ 'x-api-key': secret }), 200)
  await database.service`update api_keys set revoked_at = now() where id = ${id}`
  time.now += 5000
  t.equal(await status({ 'x-api-key': secret }), 401)
})

t.test('the organization of a request', async t => {
  const organizationOf = async (headers: Headers) => {
    const made = await app.inject({ method: 'POST', url: '/v1/api-keys', headers, payload: { name: 'probe' } })
    if (made.statusCode !== 201) return made.statusCode
    const [row] = await database.service`select organization_id from api_keys where id = ${made.json<{ id: string }>().id}`
    return row!['organization_id']
  }
  t.equal(await organizationOf(ben.headers), ben.organizationId, 'the only one is implied')
  t.equal(await organizationOf({ ...ben.headers, 'x-organization-id': ann.organizationId }), 404, 'a foreign one does not exist')
  t.equal(await organizationOf({ ...ben.headers, 'x-organization-id': 'nonsense' }), 404)

  const second = (await app.inject({ method: 'POST', url: '/v1/organizations', headers: ben.headers, payload: { name: 'Second' } })).json<{ id: string }>().id
  t.equal(await organizationOf(ben.headers), 400, 'two, and none is named')
  t.equal(await organizationOf({ ...ben.headers, 'x-organization-id': second }), second)
  t.equal(await organizationOf({ ...ben.headers, 'x-organization-id': second.toUpperCase() }), second)

  const key = await identity.apiKeys.create(database.tenant(ann.organizationId), { name: 'one' }, { createdBy: ann.userId, permissions: permissionsOf('owner') }, { actor: { type: 'user', id: ann.userId }, ip: null, requestId: null })
  t.equal(await organizationOf({ 'x-api-key': key.secret }), ann.organizationId)
  t.equal(await organizationOf({ 'x-api-key': key.secret, 'x-organization-id': ben.organizationId }), 404, 'a key belongs to one organization')
})

t.test('an access token expires, and ends with its session', async t => {
  const cleo = await register(app)
  t.equal(await status(cleo.headers), 200)
  await database.service`update sessions set revoked_at = now() where user_id = ${cleo.userId}`
  time.now += 5000
  t.equal(await status(cleo.headers), 401, 'another process ended the session: five seconds at most')
  const dora = await register(app)
  time.now += 900_000
  t.equal(await status(dora.headers), 401)
})

t.test('the application refuses to start with a route of which nobody knows who may use it', async t => {
  const starting = async (scope: 'tenantRoutes' | 'publicRoutes', access: RouteAccess | undefined, url = '/') => await testApp(t, {
    database,
    [scope]: [{ prefix: '/probe', async routes (app: FastifyInstance) { app.get(url, access === undefined ? {} : { config: { access } }, async () => ({})) } }]
  })
  await t.rejects(starting('tenantRoutes', undefined), /GET \/v1\/probe.* does not declare config\.access/)
  await t.rejects(starting('publicRoutes', undefined), /GET \/probe.* does not declare config\.access/)
  await t.rejects(starting('publicRoutes', needs('workflow:read')), /nothing in its scope \(open\) asks for/)
  await t.rejects(starting('publicRoutes', OWN_ACCOUNT), /nothing in its scope/)
  await t.rejects(starting('tenantRoutes', PUBLIC), /nothing in its scope \(organization\) asks for/)
  await t.rejects(starting('tenantRoutes', needsInPath('workflow:read'), '/:id'), /nothing in its scope/)
  await starting('tenantRoutes', needs('workflow:read'))
})
