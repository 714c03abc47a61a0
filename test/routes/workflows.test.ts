import t from 'tap'
import { NIL_ID } from '../../src/lib/ids.ts'
import { workflowApp } from '../support/workflow-app.ts'
import { creator, start, intake, draft } from '../support/workflow-drafts.ts'

const { app, database, join } = await workflowApp(t)
const { call, userId } = await join()
const create = creator(call)

t.test('a workflow is created and read as it was written', async t => {
  const created = await call('POST', '/workflows', intake)
  t.equal(created.statusCode, 201, created.body)
  const { id, warnings, ...body } = created.json()
  t.equal(created.headers['location'], `/v1/workflows/${id}`)
  t.match(body, { version: 1, publishedVersion: null, createdAt: /^\d{4}-.*Z$/, updatedAt: body.createdAt })
  t.match(warnings, [{ code: 'WC_WEBHOOK_OPEN' }])
  for (const part of ['name', 'nodes', 'connections', 'settings'] as const) t.strictSame(body[part], intake[part], part)

  const read = await call('GET', `/workflows/${id}`)
  t.strictSame(read.json(), { id, ...body })
  t.equal(read.headers['etag'], created.headers['etag'])
  t.match(read.headers['etag'], /^"[^"]+"$/, 'a strong tag')

  const rows = await database.service`select node_id, position, type, name, disabled from workflow_nodes where workflow_id = ${id} order by position`
  t.strictSame([...rows], [
    { node_id: 'in', position: 0, type: 'webhook', name: null, disabled: false },
    { node_id: 'price', position: 1, type: 'set', name: 'Price', disabled: false }
  ])
  const connections = await database.service`select from_node, output, to_node, input from workflow_node_connections where workflow_id = ${id}`
  t.strictSame([...connections], [{ from_node: 'in', output: 'main', to_node: 'price', input: 'main' }])
})

t.test('connections and settings have defaults', async t => {
  const created = await call('POST', '/workflows', { name: 'B', nodes: [] })
  t.match(created.json(), { connections: [], settings: {}, warnings: [{ code: 'WC_TRIGGER_MISSING' }] })
})

t.test('If-None-Match saves sending it again', async t => {
  const { id, etag } = await create()
  for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const answer = await call('GET', `/workflows/${id}`, undefined, { 'if-none-match': tag })
    t.equal(answer.statusCode, 304, tag)
    t.equal(answer.body, '')
    t.equal(answer.headers['etag'], etag)
  }
  t.equal((await call('GET', `/workflows/${id}`, undefined, { 'if-none-match': '"x"' })).statusCode, 200)
})

t.test('a body is refused with all that is wrong', async t => {
  const answer = await call('POST', '/workflows', { nodes: [{ id: 'a', type: 'nope', extra: 1 }], connections: [{ from: 'a', to: 'ghost' }], settings: [] })
  t.equal(answer.statusCode, 422)
  t.match(answer.headers['content-type'], /^application\/problem\+json/)
  const { code, errors } = answer.json()
  t.equal(code, 'WC_INVALID_INPUT')
  t.strictSame(errors.map(({ pointer }: { pointer: string }) => pointer).sort(), ['/connections/0/to', '/name', '/nodes/0/extra', '/nodes/0/type', '/settings'])
})

t.test('what is ours to say cannot be written', async t => {
  const victim = await join()
  for (const extra of [{ organizationId: victim.organizationId }, { id: NIL_ID, version: 99 }, { createdAt: '2020-01-01T00:00:00Z' }, { publishedVersion: 1 }, { edges: [] }]) {
    t.equal((await call('POST', '/workflows', { ...draft('M'), ...extra })).statusCode, 422, JSON.stringify(extra))
    const { id } = await create()
    t.equal((await call('PUT', `/workflows/${id}`, { ...draft('M'), ...extra })).statusCode, 422)
    t.equal((await call('PATCH', `/workflows/${id}`, extra)).statusCode, 422)
  }
  t.strictSame((await victim.call('GET', '/workflows')).json().data, [])
})

t.test('bodies that are no workflow at all', async t => {
  for (const raw of ['null', '[]', '7', '"x"', '{}']) t.equal((await call('POST', '/workflows', raw)).statusCode, 422, raw)
  for (const raw of ['', '{', '{"name": }', '{"__proto__": {"a": 1}}']) t.match((await call('POST', '/workflows', raw)).statusCode, /^4(00|22)$/, raw)
  t.equal((await call('POST', '/workflows', 'name: x', { 'content-type': 'application/yaml' })).statusCode, 415)
  t.equal((await call('POST', '/workflows', JSON.stringify({ name: 'x'.repeat(17 * 1024 * 1024) }))).statusCode, 413)
  const { id } = await create()
  for (const raw of ['null', '[]', '7']) t.equal((await call('PATCH', `/workflows/${id}`, raw)).statusCode, 422, raw)
})

t.test('each save that changes something makes a version', async t => {
  const { id, etag } = await create()
  const saved = await call('PUT', `/workflows/${id}`, draft('B'))
  t.match(saved.json(), { name: 'B', version: 2 })
  t.not(saved.headers['etag'], etag)
  const reordered = await call('PUT', `/workflows/${id}`, { settings: {}, connections: [], nodes: [{ type: 'manual', id: 'start' }], name: 'B' })
  t.match(reordered.json(), { version: 2 })
  t.equal(reordered.headers['etag'], saved.headers['etag'])

  const patched = await call('PATCH', `/workflows/${id}`, { settings: { timeout: '1m' } })
  t.match(patched.json(), { name: 'B', version: 3, nodes: [start], settings: { timeout: '1m' } })
  t.match((await call('PATCH', `/workflows/${id}`, {})).json(), { version: 3 })
  t.match((await call('PATCH', `/workflows/${id}`, { nodes: [start, start] })).json(), { errors: [{ code: 'WC_NODE_ID_DUPLICATE' }] })

  const versions = (await call('GET', `/workflows/${id}/versions`)).json()
  t.match(versions, { data: [{ version: 3, published: false, createdBy: userId }, { version: 2 }, { version: 1, name: 'A' }], nextCursor: null })
  const old = (await call('GET', `/workflows/${id}/versions/1`)).json()
  t.match(old, { version: 1, name: 'A', nodes: [start], connections: [], settings: {} })

  const page = (await call('GET', `/workflows/${id}/versions?limit=2`)).json()
  t.match(page, { data: [{ version: 3 }, { version: 2 }], nextCursor: String })
  t.match((await call('GET', `/workflows/${id}/versions?limit=2&cursor=${page.nextCursor}`)).json(), { data: [{ version: 1 }], nextCursor: null })
  for (const version of ['9', '0', '-1', 'x', '99999999999999999999']) t.match((await call('GET', `/workflows/${id}/versions/${version}`)).statusCode, /^4(04|22)$/)
})

t.test('If-Match guards a save', async t => {
  const { id, etag } = await create()
  t.equal((await call('PUT', `/workflows/${id}`, draft('B'), { 'if-match': '"other"' })).statusCode, 412)
  t.equal((await call('PUT', `/workflows/${id}`, draft('B'), { 'if-match': `W/${etag}` })).statusCode, 412, 'weak tags never match')
  const saved = await call('PUT', `/workflows/${id}`, draft('B'), { 'if-match': etag })
  t.equal(saved.statusCode, 200)
  const late = await call('PATCH', `/workflows/${id}`, { name: 'C' }, { 'if-match': etag })
  t.equal(late.statusCode, 412)
  t.equal(late.headers['etag'], saved.headers['etag'])
  t.equal((await call('PATCH', `/workflows/${id}`, { name: 'C' }, { 'if-match': '*' })).statusCode, 200)
  t.equal((await call('DELETE', `/workflows/${id}`, undefined, { 'if-match': etag })).statusCode, 412)
})

t.test('of racing saves with one ETag exactly one wins', async t => {
  const { id, etag } = await create()
  const answers = await Promise.all(Array.from({ length: 8 }, async (_, index) => await call('PUT', `/workflows/${id}`, draft(`R${index}`), { 'if-match': etag })))
  t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [200, ...Array<number>(7).fill(412)])
  t.match((await call('GET', `/workflows/${id}`)).json(), { version: 2 })
})

t.test('of racing saves without an ETag none loses its version', async t => {
  const { id } = await create()
  const answers = await Promise.all(Array.from({ length: 6 }, async (_, index) => await call('PUT', `/workflows/${id}`, draft(`R${index}`))))
  t.ok(answers.every(({ statusCode }) => statusCode === 200))
  t.strictSame(answers.map(answer => answer.json().version).sort(), [2, 3, 4, 5, 6, 7])
  for (const answer of answers) {
    const { version, name } = answer.json()
    t.equal((await call('GET', `/workflows/${id}/versions/${version}`)).json().name, name)
  }
})

t.test('racing patches of different properties both last', async t => {
  const { id } = await create()
  await Promise.all([call('PATCH', `/workflows/${id}`, { name: 'Renamed' }), call('PATCH', `/workflows/${id}`, { settings: { timeout: '9s' } })])
  t.match((await call('GET', `/workflows/${id}`)).json(), { name: 'Renamed', settings: { timeout: '9s' }, version: 3 })
})

t.test('lists', async t => {
  const other = await join()
  const names = ['Alpha', 'Beta 100%', 'alphabet_x', 'Gamma (a+)+$']
  for (const name of names) {
    const nodes = name === 'Alpha' ? [start, { id: 'f', type: 'filter', parameters: { condition: '{{ true }}' } }] : [start]
    await other.call('POST', '/workflows', { name, nodes })
  }
  const list = async (query: string): Promise<string[]> => (await other.call('GET', `/workflows${query}`)).json().data.map(({ name }: { name: string }) => name)
  t.strictSame(await list(''), [...names].reverse())
  t.strictSame(await list('?q=ALPHA'), ['alphabet_x', 'Alpha'])
  t.strictSame(await list('?q=%25'), ['Beta 100%'])
  t.strictSame(await list('?q=_'), ['alphabet_x'])
  t.strictSame(await list('?q=(a%2B)%2B%24'), ['Gamma (a+)+$'])
  t.strictSame(await list('?q=zzz'), [])
  t.strictSame(await list('?nodeType=filter'), ['Alpha'])
  t.strictSame(await list('?published=true'), [])
  t.strictSame(await list('?published=false&nodeType=manual&limit=1'), ['Gamma (a+)+$'])

  const seen: string[] = []
  let cursor: string | null = null
  do {
    const page = (await other.call('GET', `/workflows?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`)).json() as { data: { name: string }[], nextCursor: string | null }
    seen.push(...page.data.map(({ name }) => name))
    cursor = page.nextCursor
  } while (cursor !== null)
  t.strictSame(seen, [...names].reverse())
  for (const query of ['limit=0', 'limit=201', 'limit=abc', 'cursor=%25%25', 'published=yes', 'sort=name', 'q=', 'a[b]=1']) {
    t.match((await other.call('GET', `/workflows?${query}`)).statusCode, /^4(00|22)$/, query)
  }
})

t.test('validate answers 200 whatever it is given', async t => {
  t.match((await call('POST', '/workflows/validate', intake)).json(), { valid: true, errors: [], warnings: [{ code: 'WC_WEBHOOK_OPEN' }] })
  t.match((await call('POST', '/workflows/validate', { name: 'x', nodes: [] })).json(), { valid: false, errors: [{ code: 'WC_TRIGGER_MISSING' }] })
  for (const raw of ['{}', '[]', 'null', '{"nodes":{"a":1},"connections":[[]],"settings":5}']) {
    const answer = await call('POST', '/workflows/validate', raw)
    t.equal(answer.statusCode, 200, raw)
    t.equal(answer.json().valid, false)
    t.ok(answer.json().errors.length > 0)
  }
  const reference = { ...draft('x'), settings: { errorWorkflowId: NIL_ID } }
  t.match((await call('POST', '/workflows/validate', reference)).json(), { valid: false, errors: [{ code: 'WC_WORKFLOW_UNKNOWN', pointer: '/settings/errorWorkflowId' }] })
})

t.test('references stay within the organization', async t => {
  const other = await join()
  const foreign = (await other.call('POST', '/workflows', draft('Theirs'))).json().id as string
  for (const errorWorkflowId of [foreign, NIL_ID]) {
    t.match((await call('POST', '/workflows', { ...draft('x'), settings: { errorWorkflowId } })).json(), { status: 422, errors: [{ code: 'WC_WORKFLOW_UNKNOWN' }] })
  }
  t.match((await call('POST', '/workflows', { name: 'x', nodes: [start, { id: 'call', type: 'httpRequest', parameters: { url: 'https://example.com' }, credentialId: NIL_ID }] })).json(), { status: 422, errors: [{ code: 'WC_CREDENTIAL_UNKNOWN', pointer: '/nodes/1/credentialId' }] })
  const { id } = await create()
  t.equal((await call('POST', '/workflows', { ...draft('x'), settings: { errorWorkflowId: id.toUpperCase() } })).statusCode, 201)
})

t.test('what others own does not exist', async t => {
  const other = await join()
  const foreign = (await other.call('POST', '/workflows', draft('Theirs'))).json().id as string
  const random = '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b'
  const requests = [
    ['GET', ''], ['PUT', '', draft('x')], ['PATCH', '', { name: 'x' }], ['DELETE', ''], ['GET', '/versions'], ['GET', '/versions/1'], ['GET', '/export'],
    ['POST', '/publish', {}], ['POST', '/unpublish', {}], ['POST', '/rollback', {}],
    ['GET', '/variables'], ['GET', '/variables/a'], ['PUT', '/variables/a', { value: 1 }], ['DELETE', '/variables/a']
  ] as const
  for (const [method, path, body] of requests) {
    const [theirs, nobodys] = await Promise.all([foreign, random].map(async id => await call(method, `/workflows/${id}${path}`, body)))
    t.equal(theirs!.statusCode, 404, `${method} ${path}`)
    t.strictSame({ ...theirs!.json(), instance: '' }, { ...nobodys!.json(), instance: '' })
    t.match((await call(method, `/workflows/1%20or%201=1${path}`, body)).statusCode, /^4(04|22)$/)
  }
  t.match((await other.call('GET', `/workflows/${foreign}`)).json(), { name: 'Theirs', version: 1 })
  const [audit] = await database.service`select count(*)::int as n from audit_log where organization_id = ${other.organizationId} and target_id = ${foreign}`
  t.equal(audit?.['n'], 1, 'nothing but its creation')
  t.equal((await app.inject({ url: `/v1/workflows/${foreign}` })).statusCode, 401)
})
