import t from 'tap'
import { createGuardedFetch } from '../../src/lib/guarded-fetch/index.ts'
import { startAuthorizationServer } from '../support/oauth2-server.ts'
import { workflowApp, type Member } from '../support/workflow-app.ts'

const SECRET = 'canary-of-the-client-7d1'
const server = await startAuthorizationServer(t)
const { fetch, close } = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'test' })
t.teardown(close)
const site = await workflowApp(t, [], { fetch })
const { app, database: { service: sql }, vault, otherProcess } = site
const member = await site.join()
const { call, organizationId } = member
const processes = [otherProcess(), otherProcess(), otherProcess()]
t.teardown(() => { for (const one of processes) one.close() })

const data = (more: object = {}) => ({ grant: 'authorizationCode', authorizationUrl: `${server.url}/authorize`, tokenUrl: `${server.url}/token`, clientId: 'client', clientSecret: SECRET, scope: 'orders.read', ...more })

async function create (more: object = {}, rest: object = {}, who: Member = member): Promise<string> {
  const answer = await who.call('POST', '/credentials', { type: 'oauth2', name: 'Shop', data: data(more), ...rest })
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json().id
}

async function begin (id: string, who: Member = member): Promise<{ url: string, cookie: string }> {
  const answer = await who.call('GET', `/oauth2/authorize-url?credentialId=${id}`)
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return { url: answer.json().url, cookie: String(answer.headers['set-cookie']).split(';')[0]! }
}

async function callback (parameters: URLSearchParams, headers: Record<string, string> = {}) {
  return await app.inject({ method: 'GET', url: `/v1/oauth2/callback?${parameters.toString()}`, headers })
}

/** As a browser does it. */
async function connect (id: string): Promise<void> {
  const { url, cookie } = await begin(id)
  const answer = await callback(await server.consent(url), { cookie })
  if (answer.statusCode !== 200) throw new Error(answer.body)
}

async function contentOf (id: string) {
  const [row] = await sql`select type, version, key_id as "keyId", data_key as "dataKey", secret from credentials where id = ${id}`
  return await vault.open({ organizationId, credentialId: id, version: row!['version'] }, row as never)
}

t.test('somebody consents in a browser, and the tokens are kept sealed', async t => {
  const id = await create()
  const { url, cookie } = await begin(id)
  const asked = new URL(url).searchParams
  t.match(Object.fromEntries(asked), { response_type: 'code', client_id: 'client', redirect_uri: 'http://weconnect.test/v1/oauth2/callback', scope: 'orders.read', code_challenge_method: 'S256' })
  t.match(asked.get('state'), /^[A-Za-z0-9_-]{43}$/, '256 bits')
  t.match(asked.get('code_challenge'), /^[A-Za-z0-9_-]{43}$/)
  const back = await server.consent(url)
  const answer = await callback(back, { cookie: `other=1; ${cookie}` })
  t.match(answer.json(), { credentialId: id, connected: true }, answer.body)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.headers['referrer-policy'], 'no-referrer')
  t.match(server.requests.at(-1), { grant: 'authorization_code', authorization: `Basic ${Buffer.from(`client:${SECRET}`).toString('base64')}`, body: { code_verifier: /^[A-Za-z0-9_-]{43}$/ } })

  const { value, version } = await processes[0]!.get({ organizationId, credentialId: id }, await contentOf(id))
  t.equal(version, 1)
  t.match((await call('GET', `/credentials/${id}`)).json(), { connection: { status: 'connected', expiresAt: /Z$/ }, secretFields: ['clientSecret'] })
  const stored = JSON.stringify([await sql`select row_to_json(x)::text as row from credential_tokens x`, await sql`select row_to_json(x)::text as row from oauth2_authorizations x`, await sql`select row_to_json(x)::text as row from audit_log x`])
  for (const secret of [value, SECRET, back.get('code')!, back.get('state')!]) t.notOk(stored.includes(secret))
  t.ok(stored.includes('credential.connected'))
  t.equal((await callback(back, { cookie })).json().code, 'WC_OAUTH_STATE', 'a state is good once')
  const page = await callback(await server.consent((await begin(id)).url), { accept: 'text/html', ...member.headers })
  t.equal(page.statusCode, 200, page.body)
  t.match([page.headers['content-type'], page.body], [/text\/html/, /connected/])
})

t.test('an answer counts only where it was asked for', async t => {
  const id = await create()
  const attacker = await site.join()
  const { url, cookie } = await begin(id)
  const other = await begin(id)
  const back = await server.consent(url)
  const refused: Array<[string, Record<string, string>, string]> = [
    ['no cookie, no session', {}, 'WC_OAUTH_STATE'],
    ['the cookie of another authorization', { cookie: other.cookie }, 'WC_OAUTH_STATE'],
    ['another session', attacker.headers, 'WC_OAUTH_STATE'],
    ['another session with the cookie', { ...attacker.headers, cookie }, 'WC_OAUTH_STATE'],
    ['a token that is none', { authorization: 'Bearer x.y.z', cookie }, 'WC_UNAUTHENTICATED']
  ]
  for (const [name, headers, code] of refused) t.equal((await callback(back, headers)).json().code, code, name)
  t.equal((await callback(back, member.headers)).statusCode, 200, 'and none of those used it up')

  const bad: Array<[string, Record<string, string>, string]> = [
    ['unknown', { code: 'x', state: 'zzz' }, 'WC_OAUTH_STATE'],
    ['missing', { code: 'x' }, 'WC_OAUTH_STATE'],
    ['made up', { code: 'x', state: 'a'.repeat(43) }, 'WC_OAUTH_STATE']
  ]
  for (const [name, query, code] of bad) t.match((await callback(new URLSearchParams(query), member.headers)).json(), { status: 400, code }, name)

  const old = await begin(id)
  await sql`update oauth2_authorizations set expires_at = now() - interval '1 second'`
  t.match((await callback(await server.consent(old.url), member.headers)).json(), { status: 400, code: 'WC_OAUTH_STATE' }, 'after ten minutes')
  const foreign = await attacker.call('GET', `/oauth2/authorize-url?credentialId=${id}`)
  t.equal(foreign.statusCode, 404)
  t.equal((await call('GET', '/oauth2/authorize-url?credentialId=x')).statusCode, 422)
  const plain = (await call('POST', '/credentials', { type: 'bearer', name: 'a', data: { token: 'abcdef' } })).json().id
  t.match((await call('GET', `/oauth2/authorize-url?credentialId=${plain}`)).json(), { status: 422, code: 'WC_OAUTH_NOT_AUTHORIZABLE' })
})

t.test('another server, a refusal and a bad code are told apart', async t => {
  const finish = async (id: string, change: (back: URLSearchParams) => void) => {
    const back = await server.consent((await begin(id)).url)
    change(back)
    const before = server.requests.length
    const answer = (await callback(back, member.headers)).json()
    return { ...answer, asked: server.requests.length - before }
  }
  const [loose, strict] = [await create(), await create({ issuer: `${server.url}/realm` })]
  for (const id of [loose, strict]) t.match(await finish(id, back => { back.set('iss', 'https://evil.test') }), { status: 400, code: 'WC_OAUTH_ISSUER', asked: 0 })
  t.match(await finish(strict, back => { back.set('iss', server.url) }), { status: 400, code: 'WC_OAUTH_ISSUER' }, 'the origin is not the issuer')
  t.match(await finish(loose, back => { back.append('iss', server.url); back.append('iss', server.url) }), { status: 422, asked: 0 })
  t.match(await finish(loose, back => { back.set('iss', `${server.url}/realm`) }), { connected: true })
  t.match(await finish(strict, back => { back.set('iss', `${server.url}/realm`) }), { connected: true })
  t.match(await finish(loose, back => { back.delete('code'); back.set('error', 'access_denied'); back.set('error_description', 'No.') }), { status: 400, code: 'WC_OAUTH_DENIED', detail: /access_denied.*No\./, asked: 0 })
  server.answer = () => ({ status: 400, body: { error: 'invalid_grant', error_description: 'used' } })
  t.match(await finish(loose, () => {}), { status: 400, code: 'WC_OAUTH_REFUSED', detail: /invalid_grant/ })
  server.answer = () => ({ status: 503, body: {} })
  t.match(await finish(loose, () => {}), { status: 422, code: 'WC_OAUTH_TOKEN_ENDPOINT' })
  server.answer = () => undefined
  const inside = await create({ tokenUrl: 'https://10.0.0.1/token' })
  t.match(await finish(inside, () => {}), { status: 422, code: 'WC_OAUTH_TOKEN_ENDPOINT', detail: /address/ }, 'the guard of what goes out holds here too')
})

t.test('tokens are refreshed once, by one of many processes', async t => {
  const id = await create()
  const key = { organizationId, credentialId: id }
  server.answer = body => ({ status: 200, body: { ...body, expires_in: 0 } })
  await connect(id)
  const content = await contentOf(id)
  server.answer = () => undefined
  const before = server.requests.length
  const got = await Promise.all(Array.from({ length: 12 }, async (_, n) => await processes[n % 3]!.get(key, content)))
  t.equal(server.requests.length - before, 1)
  t.same([...new Set(got.map(({ version }) => version))], [2])
  t.equal(new Set(got.map(({ value }) => value)).size, 1)
  const renewed = await Promise.all(Array.from({ length: 9 }, async (_, n) => await processes[n % 3]!.get(key, content, 2)))
  t.equal(server.requests.length - before, 2, 'a refused token as well')
  t.same([...new Set(renewed.map(({ version }) => version))], [3])
  t.equal((await processes[0]!.get(key, content, 2)).version, 3, 'who comes late gets what is there')
  t.equal(server.requests.length - before, 2)

  await sql`update credential_tokens set refreshing_by = ${id}, refreshing_until = now() + interval '0.5 seconds' where credential_id = ${id}`
  t.equal((await processes[1]!.get(key, content, 3)).version, 4, 'of one that died the claim runs out')

  server.answer = () => ({ status: 503, body: {} })
  await t.rejects(processes[0]!.get(key, content, 4), { code: 'WC_OAUTH_RESPONSE', detail: { retryable: true } })
  server.refreshTokens.clear()
  server.answer = () => undefined
  await t.rejects(processes[0]!.get(key, content, 4), { code: 'WC_OAUTH_REFUSED' })
  const asked = server.requests.length
  await t.rejects(processes[1]!.get(key, content, 4), { code: 'WC_OAUTH_NOT_CONNECTED', message: /authorize-url/ })
  t.equal(server.requests.length, asked, 'a refresh token that was refused is not tried again')
  t.match((await call('GET', `/credentials/${id}`)).json(), { connection: { status: 'broken' } })
  await connect(id)
  t.ok((await otherProcess().get(key, content, 4)).version > 4, 'connected again')
})

t.test('clients of their own get tokens without anybody', async t => {
  const id = await create({ grant: 'clientCredentials', authorizationUrl: undefined, clientAuthentication: 'body', tokenParameters: { aud: 'https://api.example.com' } })
  const key = { organizationId, credentialId: id }
  const before = server.requests.length
  const got = await Promise.all(processes.map(async one => await one.get(key, await contentOf(id))))
  t.equal(server.requests.length - before, 1)
  t.equal(new Set(got.map(({ value }) => value)).size, 1)
  t.match(server.requests.at(-1), { grant: 'client_credentials', authorization: undefined, body: { client_id: 'client', client_secret: SECRET, scope: 'orders.read', aud: 'https://api.example.com' } })
  t.match((await call('POST', `/credentials/${id}/test`, {})).json(), { ok: true, tested: true })
  server.answer = () => ({ status: 401, body: { error: 'invalid_client', error_description: `who is ${SECRET}` } })
  const failed = (await call('POST', `/credentials/${id}/test`, {})).json()
  t.match(failed, { ok: false, tested: true, code: 'WC_OAUTH_REFUSED', detail: /invalid_client/ })
  t.notOk(failed.detail.includes(SECRET))
  server.answer = () => undefined
  t.match((await call('POST', `/credentials/${await create()}/test`, {})).json(), { ok: false, code: 'WC_OAUTH_NOT_CONNECTED' })
})

t.test('a credential that goes elsewhere must be connected again', async t => {
  const id = await create({ clientSecret: undefined, testUrl: `${server.url}/userinfo` }, { allowedHosts: ['127.0.0.1'] })
  const key = { organizationId, credentialId: id }
  await connect(id)
  t.match(server.requests.at(-1), { authorization: undefined, body: { client_id: 'client' } }, 'a client without a secret')
  t.match((await call('POST', `/credentials/${id}/test`, {})).json(), { ok: true, tested: true })
  t.equal((await call('PATCH', `/credentials/${id}`, { allowedHosts: ['127.0.0.1', 'evil.test'] })).statusCode, 200)
  await t.rejects(otherProcess().get(key, await contentOf(id)), { code: 'WC_OAUTH_NOT_CONNECTED' }, 'who widens its hosts does not take the token along')
  t.equal((await call('PATCH', `/credentials/${id}`, { allowedHosts: ['127.0.0.1'] })).statusCode, 200)
  t.ok(await otherProcess().get(key, await contentOf(id)))
  t.equal((await call('PATCH', `/credentials/${id}`, { data: { clientId: 'another' } })).statusCode, 200)
  await t.rejects(otherProcess().get(key, await contentOf(id)), { code: 'WC_OAUTH_NOT_CONNECTED' })
  t.equal((await call('DELETE', `/credentials/${id}`)).statusCode, 204)
  t.same([...await sql`select 1 from credential_tokens where credential_id = ${id}`], [])
})

t.test('what cannot be an OAuth 2 credential is refused', async t => {
  const cases: Array<[object, string, string]> = [
    [{ authorizationUrl: undefined }, '/data/authorizationUrl', 'WC_REQUIRED'],
    [{ grant: 'clientCredentials', clientSecret: undefined }, '/data/clientSecret', 'WC_REQUIRED'],
    [{ tokenUrl: 'http://login.example.com/token' }, '/data/tokenUrl', 'WC_INVALID_FORMAT'],
    [{ tokenUrl: 'https://a:b@login.example.com/token' }, '/data/tokenUrl', 'WC_INVALID_FORMAT'],
    [{ tokenUrl: 'file:///etc/passwd' }, '/data/tokenUrl', 'WC_INVALID_FORMAT'],
    [{ authorizationParameters: { State: 'mine' } }, '/data/authorizationParameters', 'WC_INVALID_VALUE'],
    [{ grant: 'password' }, '/data/grant', 'WC_INVALID_VALUE'],
    [{ accessToken: 'mine' }, '/data/accessToken', 'WC_UNKNOWN_PROPERTY']
  ]
  for (const [more, pointer, code] of cases) {
    t.match((await call('POST', '/credentials', { type: 'oauth2', name: 'a', data: data(more) })).json(), { status: 422, errors: [{ pointer, code }] }, pointer)
  }
})

t.test('nothing of it is in the log', t => {
  const log = site.logged.join('')
  t.notOk(log.includes(SECRET))
  t.notMatch(log, /[?&](code|state)=(?!\[)/, 'codes and states of callbacks are not logged')
  t.notMatch(log, /"level":"(error|fatal)"/)
  t.end()
})
