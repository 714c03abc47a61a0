import t from 'tap'
import { OF_EVERY_MEMBER, permissionsOfRole, type Permission } from '../../src/services/identity/permissions.ts'
import { register, type Person } from '../support/app.ts'
import { until } from '../support/durable-path.ts'
import { otherValues, queryFunctions } from '../support/query-calls.ts'
import { accessSite, ROLES, type Headers, type Ids } from '../support/access-site.ts'
import { operationsOf, without } from '../support/operations.ts'

const site = await accessSite(t)
const { app, runtime, call, made, joined } = site
const owner = await register(app, { organizationName: 'Mine' })
const people = new Map<string, Person>([['owner', owner]])
for (const role of ROLES.slice(1)) people.set(role, await joined(owner, role))
/** A role of the organization's own, beside the built-in ones. */
const NARROW: readonly Permission[] = ['workflow:read', 'execution:read', 'execution:start', 'credential:use', 'audit:read']
await made('POST', `/v1/organizations/${owner.organizationId}/roles`, owner.headers, { name: 'narrow', permissions: NARROW })
people.set('narrow', await joined(owner, 'narrow'))
const stranger = await register(app, { organizationName: 'Theirs' })
const theirs = await site.furnish(stranger, 'theirs')
const small = await made<{ secret: string }>('POST', '/v1/api-keys', owner.headers, { name: 'small', scopes: ['package:read'] })
const { all: operations, guarded, urlOf, bodyOf, ask } = await operationsOf(site)
const ofPersons = guarded.filter(({ operation }) => !operation.security.some(scheme => 'apiKey' in scheme))

/** Where what the service asks for beyond the route depends on the target. */
const ASKED_FOR: Readonly<Record<string, Permission>> = { removeMember: 'member:manage' }
/** What changes something and leaves no row in the audit log, with the reason. */
const UNRECORDED: Readonly<Record<string, string>> = {
  endOtherSessions: 'there are no others here',
  createOrganization: 'the row is in the new organization',
  validateWorkflow: 'changes nothing',
  createTailTicket: 'opens one reading connection for a minute',
  testCredential: 'changes nothing',
  testPoll: 'changes nothing',
  startExecution: 'the execution is the record',
  retryExecution: 'the execution is the record',
  backfillSchedule: 'the executions are the record',
  publishEvent: 'the executions are the record'
}

const auditRows = async () => Number((await runtime.database.service<Array<{ rows: string }>>`select count(*) as rows from audit_log where organization_id = ${owner.organizationId}`)[0]!.rows)

t.test('the document says of each operation who may use it', async t => {
  t.ok(guarded.length > 60, `${guarded.length} operations ask for a credential`)
  const open = operations.filter(({ operation }) => operation.security.length === 0).map(({ path }) => path)
  for (const path of open) t.match(path, /^\/(hooks\/|healthz|readyz|metrics|v1\/(auth\/(register|login|refresh|password-reset|oidc|sso)|resume|approvals|oauth2\/callback))/, `${path} is open`)
  const inOrganization = guarded.filter(item => !ofPersons.includes(item) && item.operation.operationId !== 'listOrganizations')
  for (const { path, method, operation } of inOrganization) t.ok(operation['x-permission'], `${method} ${path} needs a permission`)
})

t.test('without a credential, or with one that is past', async t => {
  const [header, claims, signature] = owner.accessToken.split('.')
  const past = { ...JSON.parse(Buffer.from(claims!, 'base64url').toString()), exp: 1_000_000_000 }
  const tokens: Record<string, Headers> = {
    none: {},
    forged: { authorization: `Bearer ${header}.${Buffer.from(JSON.stringify(past)).toString('base64url')}.${signature}` },
    expired: { authorization: `Bearer ${app.jwt.sign(past)}` },
    'of another key': { 'x-api-key': `wc_${'0'.repeat(32)}_${'A'.repeat(43)}` }
  }
  for (const item of guarded) {
    for (const [name, headers] of Object.entries(tokens)) t.equal((await ask(t, item, headers, theirs)).statusCode, 401, `${name}: ${item.method} ${item.path}`)
  }
})

t.test('a key of too small a scope is told what it lacks', async t => {
  for (const item of guarded) {
    const { operationId, 'x-permission': permission } = item.operation
    const answer = await ask(t, item, { 'x-api-key': small.secret }, { organizations: owner.organizationId })
    if (ofPersons.includes(item)) t.equal(answer.statusCode, 403, `${operationId} is for people`)
    else if (permission === undefined || permission === 'package:read') t.not(answer.statusCode, 403, operationId)
    else t.match(answer.json(), { status: 403, code: 'WC_PERMISSION_MISSING', permission }, operationId)
  }
})

t.test('what another organization owns does not exist', async t => {
  const unknown: Ids = {}
  for (const item of guarded) {
    const { path, method, operation } = item
    const named = (operation.parameters ?? []).filter(parameter => parameter.in === 'path' && parameter.schema.format === 'uuid')
    if (named.length === 0) continue
    const foreign = await ask(t, item, owner.headers, theirs)
    t.equal(foreign.statusCode, 404, `${method} ${path} with ids of another organization`)
    t.equal(without(foreign.body), without((await ask(t, item, owner.headers, unknown)).body), `${method} ${path} answers as for an id that nobody has`)
    // The own organization around what is not in it.
    if (named.length > 1) t.equal((await ask(t, item, owner.headers, { ...theirs, organizations: owner.organizationId })).statusCode, 404, `${method} ${path} with the own organization`)
  }
  const rows = await runtime.database.service`select 1 from audit_log where organization_id = ${stranger.organizationId} and actor_id = ${owner.userId}`
  t.equal(rows.length, 0, 'and left no trace there')
})

t.test('foreign ids in a query find nothing, in a body they are refused', async t => {
  const foreign = [theirs['workflows']!, theirs['executions']!, theirs['credentials']!, theirs['organizations']!]
  for (const item of guarded.filter(({ method }) => method === 'GET')) {
    for (const { name } of (item.operation.parameters ?? []).filter(parameter => parameter.in === 'query' && parameter.schema.format === 'uuid')) {
      for (const id of foreign) {
        const url = new URL(urlOf(item.path, item.operation, { organizations: owner.organizationId }), 'http://x')
        url.searchParams.set(name, id)
        const answer = await call('GET', url.pathname + url.search, owner.headers)
        if (answer.statusCode === 200) t.same(answer.json<{ data: unknown[] }>().data, [], `${item.path}?${name}`)
        else t.equal(answer.statusCode, 404, `${item.path}?${name}`)
      }
    }
  }
  const mine = await made('POST', '/v1/workflows', owner.headers, { name: 'Mine', nodes: [{ id: 'by-hand', type: 'manual', parameters: {} }], connections: [] })
  const draft = (node: object, settings: object = {}) => ({ name: 'Reaching out', nodes: [{ id: 'by-hand', type: 'manual', parameters: {} }, { id: 'out', ...node }], connections: [{ from: 'by-hand', to: 'out' }], settings })
  const bodies: Array<[string, keyof typeof theirs, (id: string) => unknown]> = [
    [`/v1/workflows/${mine.id}/executions`, 'executions', id => ({ fromExecutionId: id, startNode: 'by-hand' })],
    ['/v1/workflows/validate', 'credentials', id => draft({ type: 'httpRequest', parameters: { url: 'https://example.org' }, credentialId: id })],
    ['/v1/workflows/validate', 'workflows', id => draft({ type: 'subWorkflow', parameters: { workflowId: id } })],
    ['/v1/workflows/validate', 'workflows', id => draft({ type: 'set', parameters: {} }, { errorWorkflowId: id })]
  ]
  for (const [url, kind, body] of bodies) {
    const answer = async (id: string) => {
      const { statusCode, body: text } = await call('POST', url, owner.headers, body(id))
      return [statusCode, without(text).replaceAll(id, 'ID')]
    }
    t.same(await answer(theirs[kind]!), await answer(runtime.nextId()), `${url} with ${kind} of others answers as for an id that nobody has`)
  }
})

t.test('what a caller may not set is refused', async t => {
  const own = await site.furnish(owner, 'own')
  for (const item of guarded) {
    const body = bodyOf(item.operation)
    if (typeof body !== 'object' || body === null) continue
    for (const extra of ['organizationId', 'createdBy', 'role', 'id', 'permissions']) {
      if (extra in body) continue
      const url = urlOf(item.path, item.operation, own)
      const answer = await call(item.method, url, owner.headers, { ...body, [extra]: stranger.organizationId })
      if (item.operation.operationId === 'validateWorkflow') t.match(answer.json(), { valid: false, errors: [{ pointer: `/${extra}` }] }, 'validateWorkflow says so')
      else t.equal(answer.statusCode, 422, `${item.operation.operationId} with ${extra}: ${answer.body.slice(0, 200)}`)
    }
  }
})

t.test('naming a credential in a workflow takes a permission of its own', async t => {
  const { secret } = await made<{ secret: string }>('POST', '/v1/api-keys', owner.headers, { name: 'builder', scopes: ['workflow:edit', 'workflow:read', 'credential:read'] })
  const credential = await made('POST', '/v1/credentials', owner.headers, { name: 'Used', type: 'bearer', data: { token: 'canary-used' } })
  const body = (credentialId?: string) => ({ name: 'Uses', nodes: [{ id: 'by-hand', type: 'manual', parameters: {} }, { id: 'call', type: 'httpRequest', parameters: { url: 'https://example.org' }, ...(credentialId === undefined ? {} : { credentialId }) }], connections: [{ from: 'by-hand', to: 'call' }] })
  const key = { 'x-api-key': secret }
  const missing = { status: 403, code: 'WC_PERMISSION_MISSING', permission: 'credential:use' }
  t.match((await call('POST', '/v1/workflows', key, body(credential.id))).json(), missing)
  t.match((await call('POST', '/v1/workflows/import', key, { schemaVersion: 1, workflow: body(credential.id) })).json(), missing)
  const { id } = await made('POST', '/v1/workflows', key, body())
  t.match((await call('PUT', `/v1/workflows/${id}`, key, body(credential.id))).json(), missing)
  t.match((await call('PATCH', `/v1/workflows/${id}`, key, { nodes: body(credential.id).nodes })).json(), missing)
  t.equal((await call('PATCH', `/v1/workflows/${id}`, owner.headers, { nodes: body(credential.id).nodes })).statusCode, 200)
})

t.test('a query that is asked with a wrong organization finds nothing and changes nothing', async t => {
  const { database } = runtime
  const victim = await register(app, { organizationName: 'Victim' })
  const ids = await site.furnish(victim, 'theirs')
  const bystander = await register(app, { organizationName: 'Bystander' })
  const tables = (await database.service<Array<{ name: string }>>`
    select c.relname as name from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where a.attname = 'organization_id' and not a.attisdropped and c.relkind in ('r', 'p') and not c.relispartition and n.nspname = 'public'`).map(({ name }) => name)
  const contents = async () => Object.fromEntries(await Promise.all(tables.map(async name => [name,
    (await database.service`select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as sum from ${database.service(name)} t where organization_id = ${victim.organizationId}`)[0]!['sum']])))
  // What is counted in memory is written down by and by: it is to be there before anything is compared.
  await until('the usage to be written', async () => (await database.service`select from organization_usage where organization_id = ${victim.organizationId}`).length > 0)
  const before = await contents()
  t.ok(tables.length > 25, `${tables.length} tables are watched`)

  const functions = await queryFunctions()
  const canaries = [...Object.values(ids), victim.userId, 'canary', 'Everything theirs']
  const audit = (organizationId: string) => ({ id: runtime.nextId(), organizationId, actorType: 'system', actorId: null, action: 'probe', targetType: 'probe', targetId: 'probe', ip: null, requestId: null })
  const shown: string[] = []
  /** Those that could not be asked at all. */
  const unasked = new Map<string, string>()
  let asked = 0
  const probe = async (name: string, ask: () => Promise<unknown>) => {
    try {
      const answer = JSON.stringify(await ask()) ?? ''
      // What is inserted is shown to who inserts it, under the id that was given.
      if (!/ insert/.test(name) && canaries.some(canary => answer.includes(canary))) shown.push(`${name}: ${answer.slice(0, 200)}`)
    } catch (error) {
      // Refused by a privilege, by row-level security, or by a key that leads nowhere.
      const reason = (error as { cause?: Error }).cause ?? error as Error
      if (!/^(42501|23503|23505|23514|23502)$/.test((reason as { code?: string }).code ?? '')) unasked.set(name.replace(/ (in another's|with another).*/, ''), reason.message)
    }
    asked++
  }
  const kinds = ['workflows', 'executions', 'schedules', 'polls', 'credentials', 'api-keys', 'files', 'invitationId', 'providerId'] as const
  for (const kind of kinds) {
    const id = ids[kind]!
    const values = { ...otherValues(), id, ids: [id], keyId: id, scheduleId: id, credentialId: ids['credentials'], credentialIds: [ids['credentials']], workflowId: ids['workflows'], executionId: ids['executions'], userId: ids['userId'], providerId: ids['providerId'], provider: { id: ids['providerId'], version: 1 }, identityId: id }
    for (const query of functions) {
      // The transaction is bound to somebody else, whatever the query says.
      if (query.takes === 'executor') {
        await probe(`${query.name} in another's transaction`, async () => await database.tenant(bystander.organizationId).run(async tx => await query.call(tx, { ...values, organizationId: victim.organizationId, audit: audit(victim.organizationId) })))
      }
      // No row-level security behind it: the condition has to do. The bystander is needed to the end.
      if (/deleteOrganization|deleteLeftovers/.test(query.name)) continue
      const organizationId = bystander.organizationId
      await probe(`${query.name} with another organization`, async () => await query.call(query.takes === 'executor' ? database.identity : database.service, { ...values, organizationId, audit: audit(organizationId) }))
      // Whoever inserts one may choose the id of anything else; it is theirs then, and no canary any more.
      if (query.name.includes('insertProvider')) await database.service`delete from sso_providers where organization_id = ${organizationId}`
    }
  }
  t.same(shown, [])
  t.ok(functions.length > 60 && asked > functions.length)
  t.same(Object.fromEntries(unasked), {}, 'every function could be asked')
  t.same(await contents(), before, 'what is theirs is as it was')
})

t.test('each role may what the table says, and is told what it lacks', async t => {
  for (const role of ['narrow', ...[...ROLES].reverse()]) {
    const { headers } = people.get(role)!
    const permissions = permissionsOfRole(role, [...OF_EVERY_MEMBER, ...NARROW])
    const ids = await site.furnish(owner, `for-${role}`.replace('-', '_'))
    for (const item of guarded) {
      const { operationId, 'x-permission': declared } = item.operation
      if (operationId === 'logout' || (role === 'owner' && operationId === 'deleteOrganization')) continue
      const permission = ASKED_FOR[operationId] ?? declared
      const recorded = await auditRows()
      const answer = await ask(t, item, headers, ids)
      if (item.method !== 'GET' && answer.statusCode < 300 && !(operationId in UNRECORDED)) t.equal(await auditRows(), recorded + 1, `${operationId} is recorded`)
      if (permission !== undefined && !permissions.has(permission)) t.match(answer.json(), { status: 403, code: 'WC_PERMISSION_MISSING', permission }, `${role}: ${operationId}`)
      else t.notMatch(String(answer.statusCode), /^40[13]$/, `${role}: ${operationId} ${answer.body.slice(0, 200)}`)
    }
  }
})
