import t from 'tap'
import { pruneAuditLog } from '../../src/db/queries/audit-log-read.ts'
import { Problem } from '../../src/lib/problem.ts'
import { decodeCursor, encodeCursor } from '../../src/schemas/pagination.ts'
import { register, testApp } from '../support/app.ts'

const { app, database, nextId, identity } = await testApp(t)
const ann = await register(app, { organizationName: 'Ann Works' })
const ben = await register(app, { organizationName: 'Ben Works' })

interface NamedPage {
  data: Array<{ name: string }>
  nextCursor: string | null
}

const get = async (url: string, headers: Record<string, string> = ann.headers) => await app.inject({ url, headers })

t.test('an organization is read and changed by its members only', async t => {
  const url = `/v1/organizations/${ann.organizationId}`
  t.match((await get(url)).json(), { id: ann.organizationId, name: 'Ann Works', slug: 'ann-works' })
  const patch = async (payload: object, headers: Record<string, string> = ann.headers) => await app.inject({ method: 'PATCH', url, headers, payload })
  t.match((await patch({ name: 'Ann & Co', slug: 'ann-co' })).json(), { name: 'Ann & Co', slug: 'ann-co' })
  t.match((await patch({ concurrencyLimit: 5 })).json(), { name: 'Ann & Co', concurrencyLimit: 5 })
  t.match((await patch({ name: 'Ann & Co' })).json(), { concurrencyLimit: 5 }, 'what is not named stays')
  t.match((await patch({ concurrencyLimit: null })).json(), { concurrencyLimit: null })
  for (const concurrencyLimit of [0, -1, 1.5, '5', 10_001]) t.equal((await patch({ concurrencyLimit })).statusCode, 422, String(concurrencyLimit))
  t.equal((await patch({ slug: 'ben-works' })).statusCode, 409)
  for (const payload of [{}, { id: ben.organizationId }, { name: ' ' }, { slug: 'No Slug' }, { slug: '-a' }]) t.equal((await patch(payload)).statusCode, 422, JSON.stringify(payload))
  t.equal((await patch({ name: 'Mine' }, ben.headers)).statusCode, 404)
  t.equal((await get(url, ben.headers)).statusCode, 404)
  t.equal((await get(`${url}/members`, ben.headers)).statusCode, 404)
  t.equal((await get(`/v1/organizations/${nextId()}`)).statusCode, 404)
  t.equal((await get('/v1/organizations/1%20or%201=1')).statusCode, 422)
  t.match((await get(`${url}/members`)).json(), { data: [{ userId: ann.userId, role: 'owner', email: ann.email }], nextCursor: null })

  const rows = await database.service`select action, actor_id, before, after, request_id from audit_log where organization_id = ${ann.organizationId} order by id desc limit 1`
  t.match(rows, [{ action: 'organization.updated', actor_id: ann.userId, before: { concurrencyLimit: 5 }, after: { concurrencyLimit: null }, request_id: /^[0-9a-f-]{36}$/ }])
})

t.test('a change that was made without knowing of another one is refused', async t => {
  const { headers, organizationId } = await register(app, { organizationName: 'Etags' })
  const url = `/v1/organizations/${organizationId}`
  const read = await get(url, headers)
  const patch = async (name: string, tag: string) => await app.inject({ method: 'PATCH', url, headers: { ...headers, 'if-match': tag }, payload: { name } })
  const etag = String(read.headers.etag)
  t.match(etag, /^"[^"]+"$/)
  const together = await Promise.all(['A', 'B', 'C'].map(async name => await patch(name, etag)))
  t.same(together.map(({ statusCode }) => statusCode).sort(), [200, 412, 412])
  const winner = together.find(({ statusCode }) => statusCode === 200)!
  t.equal((await get(url, headers)).headers.etag, winner.headers.etag)
  t.equal((await patch('D', String(winner.headers.etag))).statusCode, 200)
  t.equal((await patch('E', '*')).statusCode, 200)
  t.equal((await patch('F', `W/${etag}`)).statusCode, 412)
})

t.test('a key sees its one organization, and makes none', async t => {
  const { secret } = (await app.inject({ method: 'POST', url: '/v1/api-keys', headers: ann.headers, payload: { name: 'k' } })).json<{ secret: string }>()
  t.match((await get('/v1/organizations', { 'x-api-key': secret })).json(), { data: [{ id: ann.organizationId }], nextCursor: null })
  t.equal((await get(`/v1/organizations/${ben.organizationId}`, { 'x-api-key': secret })).statusCode, 404)
  t.equal((await app.inject({ method: 'POST', url: '/v1/organizations', headers: { 'x-api-key': secret }, payload: { name: 'x' } })).statusCode, 403)
})

t.test('lists come in pages without gap or repeat', async t => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await app.inject({ method: 'POST', url: '/v1/api-keys', headers: ben.headers, payload: { name } })
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: NamedPage = (await get(`/v1/api-keys?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`, ben.headers)).json()
    t.ok(page.data.length <= 2)
    seen.push(...page.data.map(({ name }) => name))
    cursor = page.nextCursor
  }
  t.same(seen, ['e', 'd', 'c', 'b', 'a'])

  const ofBen = (await get('/v1/api-keys?limit=2', ben.headers)).json<{ nextCursor: string }>().nextCursor
  t.notMatch((await get(`/v1/api-keys?cursor=${ofBen}`, ann.headers)).body, /"name":"[a-e]"/, 'a stranger\'s cursor shows no stranger\'s rows')
})

t.test('queries that no list understands', async t => {
  const good = encodeCursor(nextId())
  const edited = (good.startsWith('A') ? 'B' : 'A') + good.slice(1)
  for (const query of [
    'limit=0', 'limit=201', 'limit=-1', 'limit=abc', 'limit=NaN', 'limit=1.5', 'limit=', 'limit=1&limit=2', 'offset=9223372036854775808', 'cursor=%%%', `cursor=${edited}`, `cursor=${good}=`,
    'cursor=', `cursor=${'A'.repeat(5000)}`, 'sort=passwordHash', 'sort=id%22;drop', `a${'[b]'.repeat(50)}=1`, '__proto__=1', 'constructor=1'
  ]) {
    const response = await get(`/v1/api-keys?${query}`)
    t.ok([400, 422].includes(response.statusCode), `${query.slice(0, 40)}: ${response.statusCode}`)
    t.match(response.headers['content-type'], /^application\/problem\+json/)
  }
  t.equal((await get(`/v1/api-keys?cursor=${good}&limit=200`)).statusCode, 200)
})

t.test('a cursor is one spelling of one id', async t => {
  const id = nextId()
  const cursor = encodeCursor(id)
  t.equal(decodeCursor(cursor), id)
  for (let position = 0; position < cursor.length; position++) {
    for (const letter of ['A', 'f', '_']) {
      const edited = cursor.slice(0, position) + letter + cursor.slice(position + 1)
      if (edited !== cursor) t.throws(() => decodeCursor(edited), Problem)
    }
  }
})

t.test('members: roles, the last owner, leaving, and an organization that changes hands', async t => {
  const [olga, adam, eve] = [await register(app, { organizationName: 'Hands' }), await register(app), await register(app)]
  const url = `/v1/organizations/${olga.organizationId}`
  const ask = async (person: typeof olga, method: 'GET' | 'PATCH' | 'DELETE' | 'POST', path: string, payload?: object) =>
    await app.inject({ method, url: path, headers: { ...person.headers, 'x-organization-id': olga.organizationId }, ...(payload === undefined ? {} : { payload }) })
  const invite = async (person: typeof olga, email: string, role: string) => await ask(person, 'POST', `${url}/invitations`, { email, role })
  const join = async (person: typeof olga, role: string) => {
    const { token } = (await invite(olga, person.email, role)).json<{ token: string }>()
    t.match((await ask(person, 'POST', `/v1/invitations/${token}/accept`)).json(), { id: olga.organizationId, role })
  }
  await join(adam, 'admin')
  await join(eve, 'editor')
  const roleOf = async (person: typeof olga) => (await ask(olga, 'GET', `${url}/members`)).json<{ data: Array<{ userId: string, role: string }> }>().data.find(({ userId }) => userId === person.userId)?.role
  const setRole = async (by: typeof olga, of: typeof olga, role: string) => (await ask(by, 'PATCH', `${url}/members/${of.userId}`, { role })).statusCode
  const remove = async (by: typeof olga, who: typeof olga) => (await ask(by, 'DELETE', `${url}/members/${who.userId}`)).statusCode

  t.equal(await setRole(olga, olga, 'admin'), 409, 'the last owner stays owner')
  t.equal(await remove(olga, olga), 409, 'and stays')
  t.equal(await setRole(eve, eve, 'admin'), 403)
  t.equal(await setRole(adam, adam, 'owner'), 403, 'only owners make owners')
  t.equal(await setRole(adam, olga, 'viewer'), 403)
  t.equal(await remove(adam, olga), 403)
  t.equal((await invite(adam, 'someone@example.org', 'owner')).statusCode, 403)
  t.equal(await setRole(adam, eve, 'operator'), 200)
  t.equal(await roleOf(eve), 'operator')
  t.equal((await ask(eve, 'POST', '/v1/api-keys', { name: 'no' })).statusCode, 403, 'a new role counts from the next request')
  t.equal(await setRole(olga, ben, 'viewer'), 404, 'no member')

  t.equal(await setRole(olga, adam, 'owner'), 200)
  const together = await Promise.all([setRole(olga, olga, 'admin'), setRole(adam, adam, 'admin')])
  t.same(together.sort(), [200, 409], 'two owners cannot step down at once')
  const [left, gone] = await roleOf(adam) === 'owner' ? [adam, olga] : [olga, adam]
  const { secret } = (await ask(gone, 'POST', '/v1/api-keys', { name: 'kept' })).json<{ secret: string }>()
  t.equal((await get(url, { 'x-api-key': secret })).statusCode, 200)
  t.equal(await remove(gone, gone), 204, 'leaving takes no permission')
  t.equal((await get(url, gone.headers)).statusCode, 404)
  t.equal((await get(url, { 'x-api-key': secret })).statusCode, 401, 'the keys of who leaves end')
  t.equal(await remove(left, eve), 204)
  const rows = await database.service`select action from audit_log where organization_id = ${olga.organizationId} and action like 'member.%' order by id`
  t.same(rows.map(({ action }) => action), ['member.roleChanged', 'member.roleChanged', 'member.roleChanged', 'member.left', 'member.removed'])
})

t.test('invitations work once, for whom they are for, and not for ever', async t => {
  const [host, guest, other] = [await register(app, { organizationName: 'Host' }), await register(app), await register(app)]
  const url = `/v1/organizations/${host.organizationId}/invitations`
  const invite = async (email = guest.email) => (await app.inject({ method: 'POST', url, headers: host.headers, payload: { email, role: 'editor' } })).json<{ id: string, token: string }>()
  const accept = async (person: typeof host, token: string) => (await app.inject({ method: 'POST', url: `/v1/invitations/${token}/accept`, headers: person.headers })).statusCode
  const pending = async () => (await get(url, host.headers)).json<{ data: Array<{ id: string }> }>().data.map(({ id }) => id)

  const first = await invite()
  const second = await invite(guest.email.toUpperCase())
  t.same(await pending(), [second.id], 'a new one takes the place of the old one')
  t.equal(await accept(guest, first.token), 404)
  t.equal(await accept(other, second.token), 404, 'another person cannot take it')
  t.notMatch(JSON.stringify(await database.service`select * from invitations`), second.token, 'only a hash is kept')
  t.notMatch((await get(url, host.headers)).body, second.token)
  t.same([await accept(guest, second.token), await accept(guest, second.token)], [200, 404])
  t.same(await pending(), [])
  t.equal((await app.inject({ method: 'POST', url, headers: host.headers, payload: { email: guest.email, role: 'viewer' } })).statusCode, 409, 'a member already')

  const taken = await invite(other.email)
  t.equal((await app.inject({ method: 'DELETE', url: `${url}/${taken.id}`, headers: host.headers })).statusCode, 204)
  t.equal(await accept(other, taken.token), 404, 'taken back')
  const late = await invite(other.email)
  await database.service`update invitations set expires_at = created_at where id = ${late.id}`
  t.equal(await accept(other, late.token), 404, 'past')
})

t.test('roles of its own: made, given, changed while in use, deleted when nobody has them', async t => {
  const [olga, adam, nora, late] = [await register(app, { organizationName: 'Roles' }), await register(app), await register(app), await register(app)]
  const url = `/v1/organizations/${olga.organizationId}`
  const ask = async (person: typeof olga, method: 'GET' | 'PATCH' | 'DELETE' | 'POST', path: string, payload?: object, more: Record<string, string> = {}) =>
    await app.inject({ method, url: path, headers: { ...person.headers, 'x-organization-id': olga.organizationId, ...more }, ...(payload === undefined ? {} : { payload }) })
  const join = async (person: typeof olga, role: string) => {
    const { token } = (await ask(olga, 'POST', `${url}/invitations`, { email: person.email, role })).json<{ token: string }>()
    t.match((await ask(person, 'POST', `/v1/invitations/${token}/accept`)).json(), { role })
  }
  const made = await ask(olga, 'POST', `${url}/roles`, { name: 'people', description: 'Lets people in', permissions: ['member:manage', 'apiKey:edit', 'workflow:read'] })
  t.match(made.json(), { name: 'people', builtIn: false, permissions: ['organization:read', 'member:read', 'member:manage', 'apiKey:edit', 'workflow:read'] })
  t.match((await ask(olga, 'GET', `${url}/roles?limit=6`)).json<{ data: object[] }>().data.map(role => (role as { name: string }).name), ['owner', 'admin', 'editor', 'operator', 'viewer', 'people'])
  const page = (await ask(olga, 'GET', `${url}/roles?limit=5`)).json<{ nextCursor: string }>()
  t.match((await ask(olga, 'GET', `${url}/roles?limit=5&cursor=${page.nextCursor}`)).json(), { data: [{ name: 'people' }], nextCursor: null })
  t.equal((await ask(olga, 'POST', `${url}/roles`, { name: 'people', permissions: [] })).statusCode, 409)
  t.equal((await ask(olga, 'POST', `${url}/roles`, { name: 'viewer', permissions: [] })).statusCode, 409)
  for (const role of [{ name: 'x', permissions: ['owner:manage'] }, { name: 'x', permissions: ['organization:delete'] }, { name: 'x', permissions: ['no:such'] }, { name: 'No Name', permissions: [] }, { name: 'x' }]) {
    t.equal((await ask(olga, 'POST', `${url}/roles`, role)).statusCode, 422, JSON.stringify(role))
  }
  t.equal((await ask(olga, 'PATCH', `${url}/roles/viewer`, { permissions: ['workflow:edit'] })).statusCode, 409, 'the built-in ones stay')
  t.equal((await ask(olga, 'GET', `${url}/roles/nobody`)).statusCode, 404)
  t.equal((await ask(ben, 'GET', `${url}/roles/people`)).statusCode, 404, 'nobody else\'s')
  t.match((await ask(olga, 'POST', `${url}/invitations`, { email: 'x@example.org', role: 'nobody' })).json(), { status: 422, errors: [{ pointer: '/role', code: 'WC_UNKNOWN_ROLE' }] })

  await join(adam, 'admin')
  await join(nora, 'people')
  const missing = (permission: string) => ({ status: 403, code: 'WC_PERMISSION_MISSING', permission })
  t.match((await ask(nora, 'PATCH', `${url}/members/${nora.userId}`, { role: 'admin' })).json(), { status: 403 }, 'nobody makes more of themselves')
  t.match((await ask(nora, 'POST', `${url}/invitations`, { email: late.email, role: 'viewer' })).json(), missing('variable:read'), 'nor of somebody else')
  t.match((await ask(nora, 'PATCH', `${url}/members/${adam.userId}`, { role: 'people' })).json(), { status: 403 }, 'nor less of somebody who may more')
  t.match((await ask(nora, 'DELETE', `${url}/members/${adam.userId}`)).json(), { status: 403 })
  t.match((await ask(adam, 'PATCH', `${url}/members/${olga.userId}`, { role: 'people' })).json(), missing('owner:manage'))
  t.match((await ask(nora, 'POST', `${url}/roles`, { name: 'mine', permissions: ['audit:read'] })).json(), missing('role:manage'))
  t.equal((await ask(olga, 'PATCH', `${url}/roles/people`, { permissions: ['member:manage', 'apiKey:edit', 'workflow:read', 'role:manage'] })).statusCode, 200)
  t.match((await ask(nora, 'POST', `${url}/roles`, { name: 'mine', permissions: ['audit:read'] })).json(), missing('audit:read'), 'with role:manage, from the next request, and still no more than they hold')
  t.match((await ask(nora, 'PATCH', `${url}/roles/people`, { permissions: ['member:manage', 'audit:read'] })).json(), missing('audit:read'))
  const { secret } = (await ask(nora, 'POST', '/v1/api-keys', { name: 'k', scopes: ['member:manage', 'workflow:read', 'member:read'] })).json<{ secret: string }>()
  t.equal((await ask(nora, 'POST', '/v1/api-keys', { name: 'k', scopes: ['audit:read'] })).statusCode, 422)
  t.match((await app.inject({ method: 'POST', url: `${url}/invitations`, headers: { 'x-api-key': secret }, payload: { email: late.email, role: 'people' } })).json(), { status: 403 }, 'a key gives what it holds, not what its maker does')
  t.equal((await get('/v1/workflows', { 'x-api-key': secret })).statusCode, 404, 'no such routes here')
  t.equal((await get(`${url}/members`, { 'x-api-key': secret })).statusCode, 200)

  const etag = String((await ask(olga, 'GET', `${url}/roles/people`)).headers.etag)
  const together = await Promise.all(['A', 'B', 'C'].map(async description => await ask(olga, 'PATCH', `${url}/roles/people`, { description }, { 'if-match': etag })))
  t.same(together.map(({ statusCode }) => statusCode).sort(), [200, 412, 412])
  t.equal((await ask(adam, 'PATCH', `${url}/roles/people`, { permissions: ['apiKey:edit', 'workflow:read'] })).statusCode, 200)
  t.match((await app.inject({ method: 'POST', url: `${url}/invitations`, headers: { 'x-api-key': secret }, payload: { email: late.email, role: 'people' } })).json(), missing('member:manage'), 'the keys of who had it shrink with it')

  const { token } = (await ask(olga, 'POST', `${url}/invitations`, { email: late.email, role: 'people' })).json<{ token: string }>()
  const refused = (await ask(olga, 'DELETE', `${url}/roles/people`)).json<{ code: string, detail: string }>()
  t.match(refused, { status: 409, code: 'WC_ROLE_IN_USE' })
  t.ok(refused.detail.includes(nora.email) && refused.detail.includes(`${late.email} (invited)`), refused.detail)
  t.equal((await ask(olga, 'PATCH', `${url}/members/${nora.userId}`, { role: 'viewer' })).statusCode, 200)
  t.equal((await ask(olga, 'DELETE', `${url}/roles/people`)).statusCode, 409, 'an invitation keeps it too')
  const [accepted, deleted] = await Promise.all([ask(late, 'POST', `/v1/invitations/${token}/accept`), ask(olga, 'DELETE', `${url}/roles/people`)])
  t.same([accepted.statusCode, deleted.statusCode], [200, 409], 'whatever happens at once, nobody has a role that is not there')
  t.equal((await ask(late, 'DELETE', `${url}/members/${late.userId}`)).statusCode, 204)
  t.equal((await ask(olga, 'DELETE', `${url}/roles/people`)).statusCode, 204)
  t.equal((await ask(olga, 'DELETE', `${url}/roles/people`)).statusCode, 404)
  const rows = await database.service`select action, target_id from audit_log where organization_id = ${olga.organizationId} and action like 'role.%' order by id`
  t.same(rows.map(({ action }) => action), ['role.created', 'role.updated', 'role.updated', 'role.updated', 'role.deleted'])
})

t.test('an organization is deleted with everything in it', async t => {
  const person = await register(app, { organizationName: 'Short lived' })
  const { organizationId, headers, userId } = person
  const url = `/v1/organizations/${organizationId}`
  const { secret } = (await app.inject({ method: 'POST', url: '/v1/api-keys', headers, payload: { name: 'k' } })).json<{ secret: string }>()
  await app.inject({ method: 'POST', url: `${url}/roles`, headers, payload: { name: 'held', permissions: [] } })
  await app.inject({ method: 'POST', url: `${url}/invitations`, headers, payload: { email: 'invited@example.org', role: 'held' } })
  const [execution, other] = [nextId(), nextId()]
  for (const [id, organization] of [[execution, organizationId], [other, ben.organizationId]] as const) {
    await database.service`insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload) values (${id}, ${organization}, ${nextId()}, 1, 'in', 'webhook', '{}')`
    await database.service`insert into execution_events (execution_id, seq, last_seq, organization_id, workflow_id, writer, first_at, last_at, status, events) values (${id}, 2, 2, ${organization}, ${nextId()}, ${nextId()}, 1, 1, 'succeeded', '[]')`
    await database.service`insert into files (id, execution_id, organization_id, kind, media_type, size, due_at) values (${nextId()}, ${id}, ${organization}, 'binary', 'text/plain', 1, null)`
  }
  t.equal((await app.inject({ method: 'DELETE', url, headers: { 'x-api-key': secret } })).statusCode, 403, 'not by a key')
  t.equal((await app.inject({ method: 'DELETE', url, headers })).statusCode, 204)
  t.equal((await get(url, headers)).statusCode, 404)
  t.equal((await get('/v1/api-keys', { 'x-api-key': secret })).statusCode, 401)
  await identity.organizations.deleteLeftovers()
  for (const table of ['api_keys', 'audit_log', 'memberships', 'invitations', 'roles', 'executions', 'execution_events', 'workflows']) {
    t.same(await database.service`select 1 from ${database.service(table)} where organization_id = ${organizationId}`, [], table)
  }
  t.match(await database.service`select due_at from files where execution_id = ${execution}`, [{ due_at: Date }], 'its files are to be removed')
  t.match(await database.service`select due_at from files where execution_id = ${other}`, [{ due_at: null }], 'those of others stay')
  t.equal((await database.service`select 1 from executions where id = ${other}`).length, 1)
  t.equal((await app.inject({ url: '/v1/auth/me', headers })).statusCode, 200, 'the person is still there')
  t.equal((await database.service`select 1 from users where id = ${userId}`).length, 1)
})

t.test('the audit log is read, filtered, exported, and kept as long as the organization says', async t => {
  const { headers, organizationId, userId } = await register(app, { organizationName: 'Audited' })
  for (const name of ['a', 'b', 'c']) await app.inject({ method: 'POST', url: '/v1/api-keys', headers, payload: { name } })
  await app.inject({ method: 'PATCH', url: `/v1/organizations/${organizationId}`, headers, payload: { name: 'Audited, Inc.', auditRetentionDays: 30 } })
  const read = async (query = '', more: Record<string, string> = {}) => await get(`/v1/audit-log${query}`, { ...headers, ...more })
  const first = (await read('?limit=2')).json<{ data: Array<{ id: string, action: string }>, nextCursor: string }>()
  t.match(first.data, [
    { action: 'organization.updated', actor: { type: 'user', id: userId }, target: { type: 'organization', id: organizationId }, before: { name: 'Audited' }, after: { name: 'Audited, Inc.', auditRetentionDays: 30 }, ip: '127.0.0.1', requestId: String },
    { action: 'apiKey.created', after: { name: 'c' } }
  ])
  t.match((await read(`?limit=2&cursor=${first.nextCursor}`)).json(), { data: [{ after: { name: 'b' } }, { after: { name: 'a' } }] })
  const count = async (query: string) => (await read(query)).json<{ data: unknown[] }>().data.length
  t.equal(await count('?action=apiKey.'), 3)
  t.equal(await count('?action=apiKey'), 0)
  t.equal(await count(`?actorId=${userId}&targetType=apiKey`), 3)
  t.equal(await count(`?actorId=${ben.userId}`), 0)
  t.equal(await count('?actorType=system'), 0)
  t.equal(await count('?to=2001-01-01T00:00:00Z'), 0)
  t.equal((await read('?from=2002-01-01T00:00:00Z&to=2001-01-01T00:00:00Z')).statusCode, 422)
  const lines = await read('?action=apiKey.', { accept: 'application/x-ndjson' })
  t.match(lines.headers['content-type'], /^application\/x-ndjson/)
  t.same(lines.body.trimEnd().split('\n').map(line => (JSON.parse(line) as { after: { name: string } }).after.name), ['c', 'b', 'a'])
  t.same((await get('/v1/audit-log', { ...ben.headers })).json<{ data: unknown[] }>().data.filter(row => JSON.stringify(row).includes(organizationId)), [])

  await t.rejects(database.service`delete from audit_log where organization_id = ${organizationId}`, /permission denied/, 'nobody deletes what happened')
  await t.rejects(database.service`update audit_log set action = 'x' where organization_id = ${organizationId}`, /permission denied/)
  const owner = database.owner()
  await owner`update audit_log set at = now() - interval '31 days' where organization_id = ${organizationId} and after->>'name' = 'a'`
  await owner`update audit_log set at = now() - interval '310 days' where organization_id = ${ben.organizationId}`
  await owner.end()
  t.equal(await pruneAuditLog(database.service), 1, 'only past the retention of its organization')
  t.equal(await count('?action=apiKey.'), 2)
})
