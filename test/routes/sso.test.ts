import t from 'tap'
import { startOidcProvider } from '../support/oidc-provider.ts'
import { ssoSite, type Tokens } from '../support/sso-site.ts'

const PAGE = 'https://app.example.org/signed-in'
const site = await ssoSite(t)
const { register, database: { service: sql }, logged, letters, time, idp, client, call, provide, providerPath, begin, codeOf, answerWhile, exchange, signIn, joins, link } = site

t.test('somebody new signs in, is a member from then on, and gets into that organization only', async t => {
  const owner = await register()
  const id = await provide(owner)
  idp.people.set('ada', { email: 'ada@example.com', email_verified: true, name: 'Ada' })
  t.match((await call('GET', providerPath(owner, id), owner.headers)).json(), { issuer: idp.issuer, allowedDomains: ['example.com'], scopes: ['openid', 'email', 'profile'], redirectUri: `http://localhost:3000/v1/auth/sso/${id}/callback` })
  const [{ slug }] = await sql`select slug from organizations where id = ${owner.organizationId}` as unknown as [{ slug: string }]
  t.same((await call('GET', `/v1/auth/sso?organization=${slug}`)).json(), { data: [{ id, name: 'Login' }] })
  t.same((await call('GET', '/v1/auth/sso?organization=nobody')).json(), { data: [] })

  const { url } = await begin(id)
  t.match((await call('GET', `/v1/auth/sso/${id}/start?codeChallenge=${'a'.repeat(43)}`, { accept: 'application/json' })).json<{ url: string }>().url, /^http:\/\/127\.0\.0\.1/)
  const asked = new URL(url).searchParams
  t.match(Object.fromEntries(asked), { response_type: 'code', client_id: 'weconnect', code_challenge_method: 'S256', scope: 'openid email profile', redirect_uri: `http://localhost:3000/v1/auth/sso/${id}/callback` })
  for (const name of ['state', 'nonce', 'code_challenge']) t.match(asked.get(name), /^[A-Za-z0-9_-]{43}$/, `${name} has 256 bits`)

  const ada = await signIn(id, 'ada')
  t.match(ada.user, { email: 'ada@example.com', name: 'Ada', organizations: [{ id: owner.organizationId, role: 'editor' }] })
  t.equal((await call('GET', '/v1/inside', ada.headers)).statusCode, 200)
  const again = await signIn(id, 'ada')
  t.equal(again.user.id, ada.user.id, 'the same person')
  t.match((await call('GET', `/v1/organizations/${owner.organizationId}/members`, owner.headers)).json(), { data: [{ email: 'ada@example.com', managed: true }, { managed: false }] })
  const actions = (await sql<Array<{ action: string }>>`select action from audit_log where organization_id = ${owner.organizationId} order by id`).map(row => row.action)
  t.same(actions, ['organization.created', 'ssoProvider.created', 'member.joined', 'session.created'])

  const next = (await call('POST', '/v1/auth/refresh', {}, { refreshToken: ada.refreshToken })).json<Tokens>()
  t.ok(next.accessToken)
  time.now += 23 * 3_600_000
  const late = (await call('POST', '/v1/auth/refresh', {}, { refreshToken: next.refreshToken })).json<Tokens>()
  t.match(late.user.organizations, [{ id: owner.organizationId }])
  time.now += 3_600_001
  t.equal((await call('POST', '/v1/auth/refresh', {}, { refreshToken: late.refreshToken })).statusCode, 401, 'after a day the provider is asked again')
  time.now -= 86_400_001

  const stored = JSON.stringify(await Promise.all(['users', 'sso_providers', 'sso_attempts', 'sso_codes', 'audit_log'].map(async table => await sql`select row_to_json(x)::text as row from ${sql(table)} x`)))
  for (const secret of [idp.clientSecret, asked.get('state')!, asked.get('nonce')!, ada.refreshToken]) {
    t.notOk(stored.includes(secret))
    t.notOk(logged.join('').includes(secret))
  }
})

t.test('an answer counts in the browser that began it, once, and its code for whoever has the verifier', async t => {
  const owner = await register()
  const [id, sibling] = [await provide(owner), await provide(owner)]
  idp.people.set('bob', { email: 'bob@example.com', email_verified: true })
  const [attackers, victims] = [await begin(id), await begin(id)]
  const back = await idp.signIn(attackers.url, 'bob')
  const at = (path: string) => `${path}/callback${back.search}`
  const unknown = { status: 400, code: 'WC_SSO_STATE' }
  t.match((await call('GET', at(attackers.path))).json(), unknown, 'no cookie: somebody else\'s browser, who must not be signed in as bob')
  t.match((await call('GET', at(attackers.path), { cookie: victims.cookie })).json(), unknown, 'the cookie of another sign-in')
  t.match((await call('GET', at(`/v1/auth/sso/${sibling}`), { cookie: attackers.cookie })).json(), unknown, 'the answer of another provider')
  for (const query of ['', '?state=zzz&code=x', `?state=${'a'.repeat(43)}&code=x`]) t.match((await call('GET', `${attackers.path}/callback${query}`, { cookie: attackers.cookie })).json(), unknown)
  const answer = await call('GET', at(attackers.path), { cookie: attackers.cookie })
  t.equal(answer.statusCode, 200, answer.body)
  t.equal(answer.headers['referrer-policy'], 'no-referrer')
  t.match((await call('GET', at(attackers.path), { cookie: attackers.cookie })).json(), unknown, 'a state is good once')

  const { code } = answer.json<{ code: string }>()
  const bad = { status: 400, code: 'WC_SSO_CODE' }
  t.match((await call('POST', '/v1/auth/sso/token', {}, { code, codeVerifier: victims.verifier })).json(), bad, 'another verifier')
  t.match((await call('POST', '/v1/auth/sso/token', {}, { code, codeVerifier: attackers.verifier })).json(), bad, 'and that was the one guess')
  const good = await codeOf(id, 'bob')
  t.equal((await call('POST', '/v1/auth/sso/token', {}, good)).statusCode, 200)
  t.match((await call('POST', '/v1/auth/sso/token', {}, good)).json(), bad, 'a code is good once')
  const old = await codeOf(id, 'bob')
  await sql`update sso_codes set expires_at = now() - interval '1 second'`
  t.match((await call('POST', '/v1/auth/sso/token', {}, old)).json(), bad, 'for two minutes')
  const slow = await begin(id)
  await sql`update sso_attempts set expires_at = now() - interval '1 second'`
  const late = await idp.signIn(slow.url, 'bob')
  t.match((await call('GET', late.pathname + late.search, { cookie: slow.cookie })).json(), unknown, 'for ten minutes')

  t.match((await call('GET', `${slow.path}/start?codeChallenge=${'a'.repeat(43)}&returnTo=https://evil.example/`)).json(), { status: 422, errors: [{ pointer: '/query/returnTo' }] })
  for (const place of ['hooks/a/b', 'HOOKS/a/b', '%68ooks/a/b', '/hooks/a/b', 'x/../hooks/a/b', 'x/%2e%2e/hooks/a/b', 'app/hooks/a/b', 'x%2f..%2fhooks/a/b', 'x\\..\\hooks', 'v1/resume/t', 'V1/resume/t', 'app;x/page']) {
    const refusal = await call('GET', `${slow.path}/start?codeChallenge=${'a'.repeat(43)}&returnTo=${encodeURIComponent(`https://app.example.org/${place}`)}`)
    t.match(refusal.json(), { status: 422, errors: [{ pointer: '/query/returnTo' }] }, `${place}: strangers could answer there`)
  }
  t.match((await call('GET', `${slow.path}/start`)).json(), { status: 422 })
  const page = await begin(id, `&returnTo=${encodeURIComponent(PAGE)}`)
  const home = await idp.signIn(page.url, 'bob')
  const sent = await call('GET', home.pathname + home.search, { cookie: page.cookie })
  t.equal(sent.statusCode, 302)
  t.match(sent.headers.location, /^https:\/\/app\.example\.org\/signed-in\?code=[A-Za-z0-9_-]{43}$/, 'no token in an address')
  await sql`update organizations set name = 'A <b>&' where id = ${owner.organizationId}`
  const shown = await begin(id)
  const arrived = await idp.signIn(shown.url, 'bob')
  const text = await call('GET', arrived.pathname + arrived.search, { cookie: shown.cookie, accept: 'text/html' })
  t.match(text.body, /A &lt;b&gt;&amp;[^]*Never give it to anybody/, 'who was tricked into it reads whose access it is')
  const refused = await begin(id, `&returnTo=${encodeURIComponent(PAGE)}`)
  const state = new URL(refused.url).searchParams.get('state')!
  const denied = await call('GET', `${refused.path}/callback?state=${state}&error=access_denied&iss=${encodeURIComponent(idp.issuer)}`, { cookie: refused.cookie })
  t.match(denied.headers.location, /\?error=WC_SSO_DENIED&error_description=/)
})

t.test('newcomers count as members: where the operator lets no more in, they are told so', async t => {
  const owner = await register()
  const id = await provide(owner, { ...client, createMembers: true, allowedDomains: ['example.org'] })
  await sql`insert into organization_quotas (organization_id, members) values (${owner.organizationId}, 1)`
  idp.people.set('fifth', { email: 'fifth@example.org', email_verified: true, name: 'One too many' })
  t.match((await exchange(id, 'fifth')).json(), { status: 403, code: 'WC_MEMBER_QUOTA_EXCEEDED' })
  await sql`update organization_quotas set members = 2 where organization_id = ${owner.organizationId}`
  t.equal((await exchange(id, 'fifth')).statusCode, 200)
})

t.test('a provider vouches for its own organization and for nothing else, whatever address it claims', async t => {
  const [attacker, victim] = [await register(), await register()]
  const id = await provide(attacker, { ...client, createMembers: true, allowedDomains: ['example.org'], requireVerifiedEmail: false })
  idp.people.set('evil', { email: victim.email, email_verified: true, name: 'Not me' })
  const made = await signIn(id, 'evil')
  t.not(made.user.id, victim.userId, 'an account of the attacker\'s organization, which has nothing to do with the victim\'s')
  t.match((await call('POST', '/v1/auth/login', {}, { email: victim.email, password: victim.password })).json(), { user: { id: victim.userId } }, 'nor gets in the way of it')
  t.equal((await call('POST', '/v1/auth/password-reset', {}, { email: victim.email })).statusCode, 202)
  t.equal(letters.length, 1)
  const { token } = (await call('POST', `/v1/organizations/${victim.organizationId}/invitations`, victim.headers, { email: 'other@example.org', role: 'admin' })).json<{ token: string }>()
  t.match((await call('POST', `/v1/invitations/${token}/accept`, made.headers)).json(), { code: 'WC_SSO_SESSION' })

  t.same((await exchange(id, 'evil')).json<Tokens>().user.organizations.map(one => one.id), [attacker.organizationId])
  await call('DELETE', `/v1/organizations/${attacker.organizationId}/members/${made.user.id}`, attacker.headers)
  t.equal((await call('GET', '/v1/auth/me', made.headers)).statusCode, 401, 'a member who is removed is out')
  t.same(await sql`select id from users where id = ${made.user.id}`, [], 'with the account')

  await joins(victim, attacker)
  t.match((await exchange(id, 'evil')).json(), { status: 409, code: 'WC_SSO_ADDRESS_TAKEN' }, 'being a member changes nothing: the address proves nothing')
  t.match((await link(victim, id, 'evil', 'not the password 1')).json(), { status: 422, errors: [{ code: 'WC_PASSWORD_WRONG' }] })
  const stranger = await register()
  t.match((await link(stranger, id, 'evil')).json(), { status: 403, code: 'WC_SSO_NOT_ADMITTED' })
  t.equal((await link(victim, id, 'evil')).statusCode, 204, 'only the victim can, signed in, by password')
  t.match((await link(attacker, id, 'evil')).json(), { status: 409, code: 'WC_SSO_IDENTITY_LINKED' })

  const linked = await signIn(id, 'evil')
  t.equal(linked.user.id, victim.userId)
  t.same(linked.user.organizations.map(one => one.id), [attacker.organizationId], 'and even then it goes no further')
  t.same((await call('GET', '/v1/organizations', linked.headers)).json<{ data: Array<{ id: string }> }>().data.map(one => one.id), [attacker.organizationId])
  t.equal((await call('GET', '/v1/inside', linked.headers)).statusCode, 200)
  t.equal((await call('GET', '/v1/inside', { ...linked.headers, 'x-organization-id': victim.organizationId })).statusCode, 404)
  t.equal((await call('GET', `/v1/organizations/${victim.organizationId}`, linked.headers)).statusCode, 404)
  t.same((await call('GET', '/v1/auth/me', linked.headers)).json<Tokens['user']>().organizations.map(one => one.id), [attacker.organizationId])
  t.equal((await call('GET', '/v1/auth/sessions', linked.headers)).json<{ data: unknown[] }>().data.length, 1, 'it sees no sessions of the person\'s own')
  const [own] = await sql<Array<{ id: string }>>`select id from sessions where user_id = ${victim.userId} and identity_id is null and revoked_at is null limit 1`
  t.equal((await call('DELETE', `/v1/auth/sessions/${own!.id}`, linked.headers)).statusCode, 404)
  t.equal((await call('DELETE', '/v1/auth/sessions', linked.headers)).statusCode, 204)
  t.equal((await call('GET', '/v1/auth/me', victim.headers)).statusCode, 200, 'nor ends them')
  const account: Array<[string, string, object?]> = [
    ['PATCH', '/v1/auth/me', { name: 'Taken over' }], ['POST', '/v1/auth/me/password', { currentPassword: victim.password, newPassword: 'violet lantern 43 harbour' }],
    ['GET', '/v1/auth/me/two-factor'], ['POST', '/v1/auth/me/two-factor', { password: victim.password }], ['POST', '/v1/organizations', { name: 'Mine' }],
    ['GET', '/v1/auth/me/identities'], ['DELETE', `/v1/auth/me/identities/${own!.id}`]
  ]
  for (const [method, path, body] of account) t.match((await call(method, path, linked.headers, body)).json(), { status: 403, code: 'WC_SSO_SESSION' }, `${method} ${path}`)
  const rows = await sql`select action from audit_log where organization_id = ${victim.organizationId} and action like 'session.%' and after is not null`
  t.same(rows, [], 'the other organization\'s log tells nothing of it')

  const { data: [identity] } = (await call('GET', '/v1/auth/me/identities', victim.headers)).json<{ data: Array<{ id: string }> }>()
  t.equal((await call('DELETE', `/v1/auth/me/identities/${identity!.id}`, attacker.headers)).statusCode, 404)
  t.equal((await call('DELETE', `/v1/auth/me/identities/${identity!.id}`, victim.headers)).statusCode, 204)
  t.equal((await call('GET', '/v1/auth/me', linked.headers)).statusCode, 401, 'unlinked, its sessions are over')
})

t.test('who is let in is what the settings say', async t => {
  const owner = await register()
  const id = await provide(owner)
  const refused = { status: 403, code: 'WC_SSO_NOT_ADMITTED' }
  const people: Array<[string, object]> = [['another domain', { email: 'a@example.org', email_verified: true }], ['a longer domain', { email: 'a@evil-example.com', email_verified: true }], ['unverified', { email: 'a@example.com', email_verified: false }], ['not said', { email: 'a@example.com' }], ['none', {}]]
  for (const [name, claims] of people) {
    idp.people.set('carol', claims)
    t.match((await exchange(id, 'carol')).json(), refused, name)
  }
  const path = providerPath(owner, id)
  t.equal((await call('PATCH', path, owner.headers, { requireVerifiedEmail: false })).statusCode, 200)
  idp.people.set('carol', { email: 'a@EXAMPLE.com' })
  const carol = await signIn(id, 'carol')
  t.equal((await call('PATCH', path, owner.headers, { createMembers: false })).statusCode, 200)
  t.equal((await exchange(id, 'carol')).statusCode, 200, 'who is known stays')
  idp.people.set('dan', { email: 'dan@example.com' })
  t.match((await exchange(id, 'dan')).json(), refused, 'who is new is not')

  t.equal((await call('PATCH', path, owner.headers, { enabled: false })).statusCode, 200)
  t.equal((await call('GET', '/v1/inside', carol.headers)).statusCode, 401, 'disabled, its sessions are out at once')
  t.equal((await call('GET', `/v1/auth/sso/${id}/start?codeChallenge=${'a'.repeat(43)}`)).statusCode, 404)
  t.equal((await call('POST', '/v1/auth/refresh', {}, { refreshToken: carol.refreshToken })).statusCode, 401)
  t.equal((await call('PATCH', path, owner.headers, { enabled: true })).statusCode, 200)
  t.equal((await call('GET', '/v1/inside', carol.headers)).statusCode, 200)
  t.match((await call('PATCH', `/v1/organizations/${owner.organizationId}/members/${carol.user.id}`, owner.headers, { role: 'owner' })).json(), { status: 409 }, 'nor does a provider make owners')
  t.equal((await call('DELETE', path, owner.headers)).statusCode, 204)
  t.equal((await call('GET', '/v1/inside', carol.headers)).statusCode, 401, 'deleted, too')
})

t.test('what a provider has said counts no more once it is another one, or gone', async t => {
  const owner = await register()
  const id = await provide(owner)
  const path = providerPath(owner, id)
  idp.people.set('eve', { email: 'eve@example.com', email_verified: true })
  const eve = await signIn(id, 'eve')
  const [code, second] = [await codeOf(id, 'eve'), await codeOf(id, 'eve')]
  const begun = await begin(id)
  const renamed = await answerWhile(id, 'eve', async () => await call('PATCH', path, owner.headers, { name: 'Renamed' }))
  t.match(renamed.json(), { status: 400, code: 'WC_SSO_REFUSED', detail: /changed meanwhile/ })
  t.equal((await call('POST', '/v1/auth/sso/token', {}, second)).statusCode, 200, 'a name changes nothing else')
  t.equal((await call('GET', '/v1/inside', eve.headers)).statusCode, 200)

  const other = await startOidcProvider(t)
  const moved = await answerWhile(id, 'eve', async () => { t.equal((await call('PATCH', path, owner.headers, { issuer: other.issuer, clientSecret: other.clientSecret })).statusCode, 200) })
  t.match(moved.json(), { status: 400, code: 'WC_SSO_REFUSED' }, 'nor does a sign-in that was on its way leave a code')
  t.same(await sql`select from sso_codes where provider_id = ${id} union all select from sso_attempts where provider_id = ${id}`, [])
  t.equal((await call('GET', '/v1/inside', eve.headers)).statusCode, 401, 'its sessions are over at once')
  t.equal((await call('POST', '/v1/auth/refresh', {}, { refreshToken: eve.refreshToken })).statusCode, 401)
  t.match((await call('POST', '/v1/auth/sso/token', {}, code)).json(), { status: 400, code: 'WC_SSO_CODE' })
  const back = await idp.signIn(begun.url, 'eve')
  t.match((await call('GET', back.pathname + back.search, { cookie: begun.cookie })).json(), { status: 400, code: 'WC_SSO_STATE' })

  const sibling = await provide(owner)
  const gone = await answerWhile(sibling, 'eve', async () => await call('DELETE', providerPath(owner, sibling), owner.headers))
  t.match(gone.json(), { status: 404, code: 'WC_NOT_FOUND' })
})

t.test('where single sign-on is required, members come in by it and owners are never locked out', async t => {
  const owner = await register()
  const member = await register()
  await joins(member, owner, 'editor')
  const path = `/v1/organizations/${owner.organizationId}`
  const there = { ...member.headers, 'x-organization-id': owner.organizationId }
  t.match((await call('PATCH', path, owner.headers, { ssoRequired: true })).json(), { status: 422, errors: [{ pointer: '/ssoRequired' }] }, 'not without a provider')
  const id = await provide(owner, client)
  idp.people.set('member', { email: 'whatever@example.net' })
  t.equal((await call('GET', '/v1/inside', there)).statusCode, 200)
  t.match((await call('PATCH', path, owner.headers, { ssoRequired: true })).json(), { ssoRequired: true })
  t.match((await call('GET', '/v1/inside', there)).json(), { status: 403, code: 'WC_SSO_REQUIRED' }, 'at once')
  t.match((await call('GET', path, member.headers)).json(), { status: 403, code: 'WC_SSO_REQUIRED' })
  t.equal((await call('GET', `/v1/organizations/${member.organizationId}`, member.headers)).statusCode, 200, 'elsewhere nothing changes')
  t.equal((await call('GET', '/v1/inside', owner.headers)).statusCode, 200, 'the owner comes in by password')
  for (const [method, body] of [['DELETE'], ['PATCH', { enabled: false }]] as Array<[string, object?]>) t.equal((await call(method, providerPath(owner, id), owner.headers, body)).statusCode, 409, `${method}: it is the last one`)

  t.equal((await link(member, id, 'member')).statusCode, 204, 'linking needs no way into the organization')
  const session = await signIn(id, 'member')
  t.equal(session.user.id, member.userId)
  t.equal((await call('GET', '/v1/inside', session.headers)).statusCode, 200)
  t.equal((await call('PATCH', path, owner.headers, { ssoRequired: false })).statusCode, 200)
  t.equal((await call('GET', '/v1/inside', there)).statusCode, 200)
})
