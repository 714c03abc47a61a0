import { randomBytes } from 'node:crypto'
import { OAuth2Server } from 'oauth2-mock-server'
import t, { type Test } from 'tap'
import { findProvider } from '../../src/db/queries/sso-providers.ts'
import type { Fetch } from '../../src/lib/guarded-fetch/index.ts'
import { createKeyring, localKey } from '../../src/lib/secret-box.ts'
import { rotateKeys } from '../../src/services/credentials/rotate-keys.ts'
import { createOidc } from '../../src/services/sso/oidc.ts'
import { openClient } from '../../src/services/sso/providers.ts'
import { TEST_KEY } from '../support/identity.ts'
import { ssoSite } from '../support/sso-site.ts'

const { register, database: { service: sql, identity: db }, idp, client, open, call, provide, providerPath, begin } = await ssoSite(t)

t.test('an issuer is asked before it is stored, and settings that would let the wrong people in are refused', async t => {
  const owner = await register()
  const list = `/v1/organizations/${owner.organizationId}/sso-providers`
  const nothing = new OAuth2Server()
  await nothing.start(0, '127.0.0.1')
  const gone = `http://127.0.0.1:${nothing.address().port}`
  await nothing.stop()
  const bad: Array<[object, string, string]> = [
    [{ issuer: gone }, '/issuer', 'WC_SSO_ISSUER_AWAY'],
    [{ issuer: 'https://10.0.0.1' }, '/issuer', 'WC_SSO_ISSUER_AWAY'],
    [{ issuer: 'https://169.254.169.254/latest/meta-data' }, '/issuer', 'WC_SSO_ISSUER_AWAY'],
    [{ issuer: `${idp.issuer}/other` }, '/issuer', 'WC_SSO_ISSUER_UNFIT'],
    [{ issuer: idp.issuer.replace('127.0.0.1', 'localhost') }, '/issuer', 'WC_SSO_ISSUER_UNFIT'],
    [{ issuer: 'http://login.example.com' }, '/issuer', 'WC_INVALID_FORMAT'],
    [{ issuer: 'file:///etc/passwd' }, '/issuer', 'WC_INVALID_FORMAT'],
    [{ issuer: 'not a url' }, '/issuer', 'WC_INVALID_FORMAT'],
    [{ issuer: `${idp.issuer}/.well-known/openid-configuration` }, '/issuer', 'WC_INVALID_FORMAT'],
    [{ issuer: 'https://user:secret@login.example.com' }, '/issuer', 'WC_INVALID_FORMAT'],
    [{ scopes: ['email'] }, '/scopes', 'WC_INVALID_VALUE'],
    [{ createMembers: true }, '/allowedDomains', 'WC_REQUIRED'],
    [{ defaultRole: 'owner' }, '/defaultRole', 'WC_INVALID_VALUE'],
    [{ defaultRole: 'nobody' }, '/defaultRole', 'WC_UNKNOWN_ROLE']
  ]
  for (const [settings, pointer, code] of bad) t.match((await call('POST', list, owner.headers, { ...client, ...settings })).json(), { status: 422, errors: [{ pointer, code }] }, JSON.stringify(settings))
  for (const more of [{ organizationId: owner.organizationId }, { version: 1 }, { clientSecret: '' }, { allowedDomains: ['*'] }]) t.equal((await call('POST', list, owner.headers, { ...client, ...more })).statusCode, 422, JSON.stringify(more))

  const id = await provide(owner)
  const path = providerPath(owner, id)
  t.notMatch((await call('GET', list, owner.headers)).body, new RegExp(idp.clientSecret))
  t.same((await call('POST', `${path}/test`, owner.headers, {})).json(), { ok: true })
  t.match((await call('PATCH', path, owner.headers, { clientId: 'other' })).json(), { status: 422, errors: [{ pointer: '/clientSecret' }] }, 'the secret goes nowhere else')
  const { headers: { etag } } = await call('GET', path, owner.headers)
  t.equal((await call('PATCH', path, { ...owner.headers, 'if-match': String(etag) }, { name: 'Renamed' })).statusCode, 200)
  t.equal((await call('PATCH', path, { ...owner.headers, 'if-match': String(etag) }, { name: 'Again' })).statusCode, 412)
  const foreign = await register()
  for (const method of ['GET', 'DELETE']) t.equal((await call(method, `/v1/organizations/${foreign.organizationId}/sso-providers/${id}`, foreign.headers)).statusCode, 404)

  const [before, after] = [localKey(TEST_KEY), localKey(randomBytes(32))]
  t.match(await rotateKeys({ sql, keyring: createKeyring(after, before), batch: 100, report () {} }), { unreadable: 0 })
  t.match(await openClient(createKeyring(after), (await findProvider(db, owner.organizationId, id))!), { issuer: idp.issuer, clientSecret: idp.clientSecret }, 'rotation of keys reaches the secret')
  await rotateKeys({ sql, keyring: createKeyring(before, after), batch: 100, report () {} })
})

t.test('an issuer that speaks for the people of all tenants is refused', async t => {
  const description = { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0', authorization_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize', token_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/token', jwks_uri: 'https://login.microsoftonline.com/common/discovery/v2.0/keys' }
  const answering = (body: object) => createOidc({ clock: Date.now, fetch: (async () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) })) as unknown as Fetch })
  const settings = { issuer: 'https://login.microsoftonline.com/common/v2.0', clientId: 'c', clientSecret: 's' }
  await t.rejects(answering(description).examine(settings), { fault: 'unfit', message: /issuer of your own tenant/ })
  const own = 'https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0'
  await answering({ ...description, issuer: own }).examine({ ...settings, issuer: own })
})

t.test('an id token that is not for us, not of now or not of the issuer lets nobody in', async t => {
  const owner = await register()
  const server = new OAuth2Server()
  await server.issuer.keys.generate('RS256')
  await server.start(0, '127.0.0.1')
  t.teardown(async () => { await server.stop() })
  const issuer = `http://127.0.0.1:${server.address().port}`
  server.issuer.url = issuer
  const id = await provide(owner, { ...open, issuer })
  const finish = async (t: Test, change: (token: { header: Record<string, unknown>, payload: Record<string, unknown> }) => void, tamper: (url: URL) => void = () => {}, back: (url: URL) => void = () => {}) => {
    const onToken: (...args: any[]) => void = token => { change(token) }
    server.service.on('beforeTokenSigning', onToken)
    const { url, cookie, verifier } = await begin(id)
    const address = new URL(url)
    tamper(address)
    const location = new URL((await globalThis.fetch(address, { redirect: 'manual' })).headers.get('location')!)
    back(location)
    const answer = await call('GET', location.pathname + location.search, { cookie })
    server.service.off('beforeTokenSigning', onToken)
    return { ...answer.json<{ code: string, status?: number }>(), verifier }
  }
  const email = (payload: Record<string, unknown>): void => { Object.assign(payload, { email: 'eve@example.com', email_verified: true }) }
  const good = await finish(t, ({ payload }) => { email(payload) })
  t.equal((await call('POST', '/v1/auth/sso/token', {}, { code: good.code, codeVerifier: good.verifier })).statusCode, 200, JSON.stringify(good))

  const changes: Array<[string, (payload: Record<string, unknown>) => void]> = [
    ['iss', payload => { payload['iss'] = 'https://evil.example' }],
    ['iss as a list', payload => { payload['iss'] = [issuer, 'https://evil.example'] }],
    ['aud', payload => { payload['aud'] = 'another client' }],
    ['two audiences without azp', payload => { payload['aud'] = ['weconnect', 'another client'] }],
    ['exp', payload => { payload['exp'] = Math.floor(Date.now() / 1000) - 3600 }],
    ['no exp', payload => { delete payload['exp'] }],
    ['no sub', payload => { delete payload['sub'] }],
    ['nonce', payload => { payload['nonce'] = 'another' }],
    ['no nonce', payload => { delete payload['nonce'] }]
  ]
  for (const [name, change] of changes) {
    // The access token is signed by the same server, and nobody reads it.
    t.match(await finish(t, ({ payload }) => { email(payload); change(payload) }), { status: 400, code: 'WC_SSO_REFUSED' }, name)
  }
  t.match(await finish(t, ({ payload }) => { email(payload) }, url => { url.searchParams.set('nonce', 'x'.repeat(43)) }), { code: 'WC_SSO_REFUSED' }, 'somebody else\'s nonce')
  t.match(await finish(t, ({ payload }) => { email(payload) }, url => { url.searchParams.set('code_challenge', 'x'.repeat(43)) }), { code: 'WC_SSO_REFUSED' }, 'somebody else\'s challenge')
  t.match(await finish(t, ({ payload }) => { email(payload) }, () => {}, url => { url.searchParams.set('iss', 'https://evil.example') }), { status: 400, code: 'WC_SSO_REFUSED' }, 'RFC 9207')
  for (const [name, sub] of [['NUL', 'a\0b'], ['too long', 'x'.repeat(12_000)], ['none', ''], ['not ASCII', 'ä']] as const) {
    t.match(await finish(t, ({ payload }) => { email(payload); payload['sub'] = sub }), { status: 400, code: 'WC_SSO_REFUSED' }, `sub: ${name}`)
  }
  const odd = await finish(t, ({ payload }) => { email(payload); Object.assign(payload, { sub: 'odd', email: 'odd@example.com', name: 'Od\0d\u202e \ud800' }) })
  t.match((await call('POST', '/v1/auth/sso/token', {}, { code: odd.code, codeVerifier: odd.verifier })).json(), { user: { name: 'Od d' } })
  const worse = await finish(t, ({ payload }) => { Object.assign(payload, { sub: 'worse', email: 'wor\0se@example.com', email_verified: true }) })
  t.match((await call('POST', '/v1/auth/sso/token', {}, { code: worse.code, codeVerifier: worse.verifier })).json(), { status: 403, code: 'WC_SSO_NOT_ADMITTED' }, 'no address that nobody could have')

  const onAnswer = (answer: { body: Record<string, unknown> }): void => {
    const [header, payload] = String(answer.body['id_token']).split('.')
    answer.body['id_token'] = `${header}.${payload}.${randomBytes(256).toString('base64url')}`
  }
  server.service.on('beforeResponse', onAnswer as never)
  t.match(await finish(t, ({ payload }) => { email(payload) }), { code: 'WC_SSO_REFUSED' }, 'a signature of nobody')
  server.service.off('beforeResponse', onAnswer as never)
})
