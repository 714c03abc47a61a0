import t from 'tap'
import { grantedIds, heldGrants } from '../../src/services/identity/grants.ts'
import { GRANTABLE, OF_EVERY_MEMBER } from '../../src/services/identity/permissions.ts'
import { register, type Person } from '../support/app.ts'
import { accessSite, type Headers } from '../support/access-site.ts'
import { operationsOf, without } from '../support/operations.ts'

const site = await accessSite(t)
const { app, runtime, call, made, joined } = site
const owner = await register(app, { organizationName: 'Mine' })
const stranger = await register(app, { organizationName: 'Theirs' })
const theirs = await site.furnish(stranger, 'theirs')
const { guarded, ask } = await operationsOf(site)

t.test('a grant opens what it names, and nothing else', async t => {
  await made('POST', `/v1/organizations/${owner.organizationId}/roles`, owner.headers, { name: 'bare', permissions: [] })
  const guest = await joined(owner, 'bare')
  const [granted, kept] = [await site.furnish(owner, 'granted'), await site.furnish(owner, 'kept')]
  for (const kind of ['workflow', 'credential'] as const) {
    await made('PUT', `/v1/${kind}s/${granted[`${kind}s`]}/grants/${guest.userId}`, owner.headers, { permissions: GRANTABLE[kind] })
  }
  const grantable: readonly string[] = [...GRANTABLE.workflow, ...GRANTABLE.credential]
  const [seen, hidden] = [['workflows', 'executions', 'schedules', 'polls', 'credentials'].map(name => granted[name]!), ['workflows', 'executions', 'schedules', 'polls', 'credentials'].map(name => kept[name]!)]
  const shown = new Set<string>()
  let opened = 0
  // Lists first: what is done to the workflow changes what there is.
  const isList = (item: typeof guarded[number]) => item.operation['x-granted-by']?.endsWith('s') === true
  for (const item of [...guarded.filter(isList), ...guarded.filter(item => !isList(item))]) {
    const { operationId, 'x-permission': permission, 'x-granted-by': by } = item.operation
    if (operationId === 'logout') continue
    if (by === undefined) {
      if (permission !== undefined && !OF_EVERY_MEMBER.includes(permission)) t.match((await ask(t, item, guest.headers, granted)).json(), { status: 403, permission }, `${operationId} takes a role`)
      continue
    }
    t.ok(grantable.includes(permission!), `${permission} can be granted`)
    // Before the one that may: that one may end what it is tried on.
    const others = await ask(t, item, guest.headers, kept)
    if (isList(item)) {
      t.equal(others.statusCode < 300, true, `${operationId}: ${others.body.slice(0, 200)}`)
      for (const id of hidden) t.notOk(others.body.includes(id), `${operationId} shows nothing of what was not granted`)
      for (const id of seen) if (others.body.includes(id)) shown.add(id)
    } else {
      t.equal(others.statusCode, 404, `${operationId}: ${others.body.slice(0, 200)}`)
      t.equal(without(others.body), without((await ask(t, item, guest.headers, {})).body), `${operationId} answers as for an id that nobody has`)
    }
    const answer = await ask(t, item, guest.headers, granted)
    t.notMatch(String(answer.statusCode), /^40[13]$/, `${operationId} is open: ${answer.body.slice(0, 200)}`)
    t.notMatch(answer.body, /canary-granted/, 'using a credential does not show it')
    opened++
  }
  t.ok(opened > 40, `${opened} operations were opened`)
  t.same([...shown].sort(), [...seen].sort(), 'lists show what was granted')
})

t.test('nobody grants, or gets by a grant, more than they hold', async t => {
  const { organizationId } = owner
  await made('POST', `/v1/organizations/${organizationId}/roles`, owner.headers, { name: 'sharer', permissions: ['grant:manage', 'apiKey:edit', 'workflow:read'] })
  const [sharer, guest] = [await joined(owner, 'sharer'), await joined(owner, 'viewer')]
  const [mine, other] = [await site.furnish(owner, 'shared'), await site.furnish(owner, 'unshared')]
  const put = async (by: Headers, who: Person, permissions: readonly string[], kind = 'workflow', ids = mine) => await call('PUT', `/v1/${kind}s/${ids[`${kind}s`]}/grants/${who.userId}`, by, { permissions })
  const missing = (permission: string) => ({ status: 403, code: 'WC_PERMISSION_MISSING', permission })

  t.match((await put(sharer.headers, sharer, ['workflow:edit'])).json(), missing('workflow:edit'), 'not to oneself')
  t.match((await put(sharer.headers, guest, ['execution:start'])).json(), missing('execution:start'))
  t.match((await put(sharer.headers, sharer, ['credential:use'], 'credential')).json(), missing('credential:read'))
  t.equal((await put(sharer.headers, guest, ['workflow:read'])).statusCode, 200, 'what they hold')
  t.match((await put(guest.headers, guest, ['workflow:edit'])).json(), missing('grant:manage'))
  const { secret } = await made<{ secret: string }>('POST', '/v1/api-keys', owner.headers, { name: 'shares', scopes: ['grant:manage'] })
  t.match((await put({ 'x-api-key': secret }, guest, ['workflow:edit'])).json(), missing('workflow:read'), 'a key grants what it holds')
  t.equal((await put(owner.headers, stranger, ['workflow:edit'])).statusCode, 404, 'only to members')
  t.equal((await put(owner.headers, guest, ['workflow:edit'], 'workflow', theirs)).statusCode, 404, 'nothing of others')
  t.equal((await put(owner.headers, guest, ['workflow:edit'], 'credential')).statusCode, 422)
  t.equal((await put(owner.headers, guest, ['member:manage'])).statusCode, 422)

  const workflow = `/v1/workflows/${mine['workflows']}`
  t.match((await call('PATCH', workflow, guest.headers, { name: 'x' })).json(), missing('workflow:edit'), 'reading is not editing')
  t.equal((await put(owner.headers, guest, ['workflow:edit', 'workflow:publish', 'execution:start'])).statusCode, 200)
  t.equal((await call('PATCH', workflow, guest.headers, { name: 'x' })).statusCode, 200, 'from the next request')
  t.match((await call('PATCH', `/v1/workflows/${other['workflows']}`, guest.headers, { name: 'x' })).json(), missing('workflow:edit'), 'what the role shows is no secret')
  t.match((await put(sharer.headers, guest, ['workflow:read'])).json(), missing('workflow:edit'), 'nor takes away what they do not hold')
  t.match((await call('DELETE', `${workflow}/grants/${guest.userId}`, sharer.headers)).json(), missing('workflow:edit'))
  const naming = async (node: object, settings: object = {}) => await call('PATCH', workflow, guest.headers, { nodes: [{ id: 'by-hand', type: 'manual', parameters: {} }, { id: 'out', ...node }], connections: [{ from: 'by-hand', to: 'out' }], settings })
  t.match((await naming({ type: 'subWorkflow', parameters: { workflowId: other['workflows'] } })).json(), missing('execution:start'), 'one shared workflow is no way to the others')
  t.match((await naming({ type: 'subWorkflow', parameters: { workflowId: '{{ $json.id }}' } })).json(), missing('execution:start'), 'by whatever expression')
  t.match((await naming({ type: 'set', parameters: {} }, { errorWorkflowId: other['workflows'] })).json(), missing('execution:start'))
  for (const status of ['succeeded', 'failed', 'cancelled', 'timedOut']) t.match((await naming({ type: 'event', parameters: { name: `execution.${status}` } })).json(), missing('execution:start'), 'it is not told of the ends of all')
  t.match((await naming({ type: 'event', parameters: { name: 'execution.failed', workflowId: null } })).json(), missing('execution:start'))
  t.match((await naming({ type: 'event', parameters: { name: 'execution.failed', workflowId: other['workflows'] } })).json(), missing('execution:start'))
  const waits = (nodes: object[]) => ({ nodes, connections: [] })
  for (const [parameters, status] of [[{ name: 'execution.failed', workflowId: mine['workflows'] }, 200], [{ name: 'order.placed' }, 200], [{ name: 'execution.failed' }, 403]] as const) {
    t.equal((await call('PATCH', workflow, guest.headers, waits([{ id: 'told', type: 'event', parameters }]))).statusCode, status, JSON.stringify(parameters))
  }
  t.equal((await call('PATCH', workflow, owner.headers, waits([{ id: 'told', type: 'event', parameters: { name: 'execution.failed' } }]))).statusCode, 200, 'a role may')
  t.match((await naming({ type: 'httpRequest', parameters: { url: 'https://example.org' }, credentialId: mine['credentials'] })).json(), missing('credential:use'))
  t.equal((await put(owner.headers, guest, ['credential:use'], 'credential')).statusCode, 200)
  t.equal((await naming({ type: 'httpRequest', parameters: { url: 'https://example.org' }, credentialId: mine['credentials'] })).statusCode, 200)
  t.match((await naming({ type: 'httpRequest', parameters: { url: 'https://example.org' }, credentialId: other['credentials'] })).json(), missing('credential:use'))
  t.match((await call('PATCH', `/v1/credentials/${mine['credentials']}`, guest.headers, { name: 'x' })).json(), missing('credential:edit'))
  t.equal((await put(owner.headers, guest, ['credential:edit'], 'credential')).statusCode, 200)
  t.equal((await call('PATCH', `/v1/credentials/${mine['credentials']}`, guest.headers, { data: { token: 'x' } })).statusCode, 200)
  t.match((await call('PATCH', `/v1/credentials/${mine['credentials']}`, guest.headers, { secretReferences: { token: { path: 'billing/api', field: 'token' } } })).json(), missing('credential:edit'), 'one credential is no way to all secrets of the store')
  t.equal((await call('PATCH', `/v1/credentials/${mine['credentials']}`, owner.headers, { secretReferences: { token: { path: 'billing/api', field: 'token' } } })).statusCode, 422, 'a role may: there is no store here')
  t.equal((await call('POST', workflow.replace(mine['workflows']!, mine['workflows']!.toUpperCase()) + '/publish', guest.headers, {})).statusCode < 500, true)

  const listed = (await call('GET', `${workflow}/grants`, owner.headers)).json<{ data: object[] }>()
  t.match(listed, { data: [{ userId: guest.userId, email: guest.email, permissions: ['workflow:read', 'workflow:edit', 'workflow:publish', 'execution:start'], grantedBy: owner.userId }], nextCursor: null })
  const together = await Promise.all(['workflow:edit', 'execution:start', 'execution:manage'].map(async permission => (await put(owner.headers, guest, [permission])).statusCode))
  t.ok(together.includes(200) && together.every(status => status === 200 || status === 409), `at once: ${together.join()}`)
  t.equal((await call('DELETE', `${workflow}/grants/${guest.userId}`, owner.headers)).statusCode, 204)
  t.match((await call('PATCH', workflow, guest.headers, { name: 'y' })).json(), missing('workflow:edit'), 'taken back')
  t.equal((await call('DELETE', `${workflow}/grants/${guest.userId}`, owner.headers)).statusCode, 404)
  await put(owner.headers, guest, ['workflow:edit'])
  await made('DELETE', `/v1/organizations/${organizationId}/members/${guest.userId}`, owner.headers)
  t.match((await call('GET', `${workflow}/grants`, owner.headers)).json(), { data: [] }, 'it ends with the membership')
  await put(owner.headers, sharer, ['workflow:edit'])
  await made('DELETE', `/v1/workflows/${other['workflows']}`, owner.headers).catch(() => {})
  await put(owner.headers, sharer, ['credential:use'], 'credential', other)
  await made('DELETE', `/v1/credentials/${other['credentials']}`, owner.headers)
  t.equal((await runtime.database.service`select 1 from resource_grants where resource_id = ${other['credentials']!}`).length, 0, 'and with the resource')
  const rows = await runtime.database.service<Array<{ action: string }>>`select action from audit_log where organization_id = ${organizationId} and action like 'grant.%' and target_id = ${mine['workflows']!} order by id`
  t.same(rows.map(({ action }) => action).filter((action, index, all) => action !== all[index - 1]), ['grant.granted', 'grant.revoked', 'grant.granted'])
})

t.test('what a request does not ask for is not gone through, and a person has so many grants in all organizations together', async t => {
  const read: string[] = []
  const row = (organizationId: string, kind: 'workflow' | 'credential', resourceId: string) => ({ organizationId, kind, resourceId, get permissions () { read.push(resourceId); return `${kind}:read` } })
  const held = heldGrants([row('a', 'workflow', 'w1'), row('a', 'credential', 'c1'), row('b', 'workflow', 'w2')], 'a')
  t.same(read, [])
  t.same(grantedIds(held, 'workflow', 'workflow:read'), ['w1'])
  t.same([...held.workflow.keys()], ['w1'], 'nothing of another organization')
  t.same(read, ['w1'], 'once')
  t.same([...held.credential.keys()], ['c1'])

  const person = await joined(owner, 'viewer')
  const { token } = await made<{ token: string }>('POST', `/v1/organizations/${stranger.organizationId}/invitations`, stranger.headers, { email: person.email, role: 'viewer' })
  await made('POST', `/v1/invitations/${token}/accept`, person.headers)
  const sql = runtime.database.service
  await sql`insert into credentials select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).* from credentials c, generate_series(1, 1000) where c.id = ${theirs['credentials']!}`
  await sql`
    insert into resource_grants (organization_id, user_id, kind, resource_id, permissions)
    select organization_id, ${person.userId}, 'credential', id, '{credential:read}' from credentials where organization_id = ${stranger.organizationId} limit 999`
  const ids = await site.furnish(owner, 'last')
  const put = async (kind: string) => (await call('PUT', `/v1/${kind}s/${ids[`${kind}s`]}/grants/${person.userId}`, owner.headers, { permissions: [`${kind}:read`] })).statusCode
  t.same([await put('workflow'), await put('credential'), await put('workflow')], [200, 409, 200], 'those that are there can be changed')
})

t.test('a file that two workflows have is open by a grant on either', async t => {
  const [mine, other] = [await site.furnish(owner, 'first'), await site.furnish(owner, 'second')]
  // Whichever of the two is looked at first.
  for (const [of, file] of [[mine, other], [other, mine]] as const) {
    await runtime.database.service`insert into files (id, execution_id, organization_id, kind, media_type, size) values (${file['files']!}, ${of['executions']!}, ${owner.organizationId}, 'binary', 'text/plain', 1)`
  }
  const reader = await joined(owner, 'bare')
  const grant = `/v1/workflows/${mine['workflows']}/grants/${reader.userId}`
  await made('PUT', grant, owner.headers, { permissions: ['execution:read'] })
  // Its bytes are nowhere, so a part past its end tells whether it was found.
  const opened = async (id: string) => (await call('GET', `/v1/files/${id}`, { ...reader.headers, range: 'bytes=7-9' })).statusCode
  t.same([await opened(mine['files']!), await opened(other['files']!), await opened(runtime.nextId())], [416, 416, 404])
  await made('DELETE', grant, owner.headers)
  t.equal(await opened(mine['files']!), 403, 'and by nothing else')
})

t.test('nobody takes back or replaces an invitation to more than they hold', async t => {
  const url = `/v1/organizations/${owner.organizationId}`
  await made('POST', `${url}/roles`, owner.headers, { name: 'people', permissions: ['member:manage'] })
  const [nora, adam] = [await joined(owner, 'people'), await joined(owner, 'admin')]
  const pending = async () => (await made<{ data: Array<{ id: string, email: string, role: string }> }>('GET', `${url}/invitations`, owner.headers)).data.filter(({ email }) => email.toLowerCase() === 'boss@example.org').map(({ id, role }) => [id, role])
  const invite = async (by: Person, role: string, email = 'Boss@example.org') => await call('POST', `${url}/invitations`, by.headers, { email, role })
  const takeBack = async (by: Person, id: string) => await call('DELETE', `${url}/invitations/${id}`, by.headers)
  const refused = { status: 403, code: 'WC_PERMISSION_MISSING', permission: 'owner:manage' }
  const { id } = (await invite(owner, 'owner')).json<{ id: string }>()
  t.match((await invite(nora, 'people', 'boss@EXAMPLE.org')).json(), refused, 'in any spelling')
  t.match((await takeBack(nora, id)).json(), refused)
  t.match((await takeBack(adam, id)).json(), refused)
  t.same(await pending(), [[id, 'owner']])
  const together = (await Promise.all([invite(owner, 'viewer'), invite(owner, 'editor')])).map(({ statusCode }) => statusCode)
  t.ok(together.includes(201) && together.every(status => status === 201 || status === 409), `at once: ${together.join()}`)
  t.equal((await pending()).length, 1)
  await runtime.database.service`update invitations set expires_at = created_at where organization_id = ${owner.organizationId} and email = 'Boss@example.org'`
  const again = await invite(nora, 'people')
  t.equal(again.statusCode, 201, 'what is past is in nobody\'s way')
  t.equal((await takeBack(nora, again.json<{ id: string }>().id)).statusCode, 204)
})
