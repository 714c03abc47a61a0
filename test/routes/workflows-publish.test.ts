import t from 'tap'
import { workflowApp, type Call } from '../support/workflow-app.ts'

const { database, changes, join } = await workflowApp(t)
const { call, organizationId } = await join()

const webhook = (path: string, method: string | string[] = 'POST') => ({ id: 'in', type: 'webhook', parameters: { method, path } })
const flow = (name: string, ...nodes: unknown[]) => ({ name, nodes })

async function create (body: unknown, by: Call = call): Promise<string> {
  const answer = await by('POST', '/workflows', body)
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json<{ id: string }>().id
}

async function endpointsOf (id: string): Promise<unknown[]> {
  return [...await database.service`select version, node_id, method, path, shape from webhook_endpoints where workflow_id = ${id} order by method`]
}

t.test('publishing lets the newest version answer, unpublishing none', async t => {
  const id = await create(flow('A', webhook('a/:id', ['POST', 'GET'])))
  const before = changes.length
  const published = await call('POST', `/workflows/${id}/publish`)
  t.equal(published.statusCode, 200, published.body)
  t.match(published.json(), { id, version: 1, publishedVersion: 1, nodes: [{ id: 'in' }] })
  t.equal((await call('GET', `/workflows/${id}`)).headers['etag'], published.headers['etag'])
  t.strictSame(await endpointsOf(id), ['GET', 'POST'].map(method => ({ version: 1, node_id: 'in', method, path: 'a/:id', shape: 'a/:' })))
  t.strictSame(changes.slice(before), [{ organizationId, workflowId: id }])
  t.match((await call('GET', '/workflows?published=true')).json().data, [{ id }])

  t.equal((await call('POST', `/workflows/${id}/publish`, {})).headers['etag'], published.headers['etag'], 'again: nothing changes')
  t.equal(changes.length, before + 1)

  await call('PUT', `/workflows/${id}`, flow('A', webhook('a/new')))
  t.match((await call('GET', `/workflows/${id}`)).json(), { version: 2, publishedVersion: 1 })
  t.equal((await endpointsOf(id)).length, 2, 'a save publishes nothing')
  await call('POST', `/workflows/${id}/publish`, { version: 2 })
  t.strictSame(await endpointsOf(id), [{ version: 2, node_id: 'in', method: 'POST', path: 'a/new', shape: 'a/new' }])
  t.match((await call('GET', `/workflows/${id}/versions`)).json().data, [{ version: 2, published: true }, { version: 1, published: false }])

  t.match((await call('POST', `/workflows/${id}/unpublish`)).json(), { publishedVersion: null })
  t.strictSame(await endpointsOf(id), [])
  t.equal(changes.length, before + 3)
})

t.test('what may be saved may still be refused', async t => {
  const refused = async (id: string, body?: unknown): Promise<string[]> => {
    const answer = await call('POST', `/workflows/${id}/publish`, body)
    t.equal(answer.statusCode, 422)
    return answer.json().errors.map(({ pointer, code }: { pointer: string, code: string }) => `${code} ${pointer}`)
  }
  t.strictSame(await refused(await create(flow('Empty'))), ['WC_TRIGGER_MISSING /nodes'])
  t.strictSame(await refused(await create(flow('Twice', webhook('t/:a'), { ...webhook('t/:b'), id: 'b' }))), ['WC_WEBHOOK_PATH_CONFLICT /nodes/1/parameters/path'])
  const id = await create(flow('Fine', { id: 'm', type: 'manual' }))
  t.strictSame(await refused(id, { version: 7 }), ['WC_VERSION_UNKNOWN /version'])
  for (const body of [{ version: 0 }, { version: 'x' }, { version: 1.5 }, { version: 1e20 }, { other: 1 }]) {
    t.equal((await call('POST', `/workflows/${id}/publish`, body)).statusCode, 422, JSON.stringify(body))
  }
  t.match((await call('GET', `/workflows/${id}`)).json(), { publishedVersion: null })
})

t.test('two workflows cannot answer the same requests', async t => {
  const [first, second] = [await create(flow('First', webhook('same/:id'))), await create(flow('Second', { id: 'm', type: 'manual' }, webhook('same/:key', ['GET', 'POST'])))]
  t.equal((await call('POST', `/workflows/${first}/publish`)).statusCode, 200)
  const { errors } = (await call('POST', `/workflows/${second}/publish`)).json()
  t.match(errors, [{ code: 'WC_WEBHOOK_PATH_CONFLICT', pointer: '/nodes/1/parameters/path', message: /"First"/ }])
  t.ok(errors[0].message.includes(first))
  t.match((await call('GET', `/workflows/${second}`)).json(), { publishedVersion: null })
  t.strictSame(await endpointsOf(second), [])

  const warnings = [{ code: 'WC_WEBHOOK_PATH_CONFLICT', pointer: '/nodes/0/parameters/path', message: /^POST same\/:x is answered/ }]
  const third = flow('Third', webhook('same/:x'))
  const conflicts = (answer: Awaited<ReturnType<Call>>): unknown[] => answer.json().warnings.filter(({ code }: { code: string }) => code === 'WC_WEBHOOK_PATH_CONFLICT')
  t.match(conflicts(await call('POST', '/workflows/validate', third)), warnings, 'validation says so before')
  const draft = await call('POST', '/workflows', third)
  t.match(conflicts(draft), warnings, 'and so does a save')
  t.notMatch(draft.body, /First/, 'without the name of a workflow that its author may not see')
  t.match(conflicts(await call('PATCH', `/workflows/${draft.json().id}`, { name: 'Third again' })), warnings)
  t.strictSame(conflicts(await call('PATCH', `/workflows/${first}`, { name: 'First again' })), [], 'its own path is none that is taken')

  await call('POST', `/workflows/${first}/unpublish`)
  t.strictSame(conflicts(await call('POST', '/workflows/validate', third)), [], 'free again')
  t.equal((await call('POST', `/workflows/${second}/publish`)).statusCode, 200)

  const elsewhere = await join()
  const theirs = await create(flow('Theirs', webhook('same/:id')), elsewhere.call)
  t.equal((await elsewhere.call('POST', `/workflows/${theirs}/publish`)).statusCode, 200, 'another organization has paths of its own')
})

t.test('of racing publications of one path exactly one wins', async t => {
  const ids = await Promise.all(Array.from({ length: 5 }, async (_, index) => await create(flow(`R${index}`, webhook('race')))))
  const answers = await Promise.all(ids.map(async id => await call('POST', `/workflows/${id}/publish`)))
  t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [200, 422, 422, 422, 422])
  const rows = await database.service`select workflow_id from webhook_endpoints where shape = 'race'`
  t.equal(rows.length, 1)
  t.equal(rows[0]?.['workflow_id'], ids[answers.findIndex(({ statusCode }) => statusCode === 200)])
})

t.test('two that swap their paths at once leave whole publications', async t => {
  // On PostgreSQL they wait for each other's paths, and the deadlock ends one of them: often in ten rounds.
  for (let round = 0; round < 10; round++) {
    const both = [{ ...webhook(`swap/${round}/a`), id: 'a' }, { ...webhook(`swap/${round}/b`), id: 'b' }]
    const ids = [await create(flow('S1', both[0])), await create(flow('S2', both[1]))]
    for (const id of ids) await call('POST', `/workflows/${id}/publish`)
    for (const [index, id] of ids.entries()) await call('PUT', `/workflows/${id}`, flow(`S${index}`, ...(index === 0 ? both : [...both].reverse())))
    const answers = await Promise.all(ids.map(async id => await call('POST', `/workflows/${id}/publish`)))
    t.strictSame(answers.map(({ statusCode }) => statusCode), [422, 422], 'each holds what the other wants')
    for (const id of ids) t.equal((await endpointsOf(id)).length, 1)
  }
})

t.test('If-Match guards a publication', async t => {
  const id = await create(flow('M', { id: 'm', type: 'manual' }))
  t.equal((await call('POST', `/workflows/${id}/publish`, {}, { 'if-match': '"x"' })).statusCode, 412)
  const etag = String((await call('GET', `/workflows/${id}`)).headers['etag'])
  t.equal((await call('POST', `/workflows/${id}/publish`, {}, { 'if-match': etag })).statusCode, 200)
})

t.test('rolling back publishes what was published before', async t => {
  const id = await create(flow('V1', webhook('rolling')))
  const publish = async (body?: unknown) => await call('POST', `/workflows/${id}/publish`, body)
  const rollBack = async (body?: unknown) => await call('POST', `/workflows/${id}/rollback`, body)
  t.match((await rollBack()).json(), { status: 409, code: 'WC_NOTHING_TO_ROLL_BACK_TO' })
  await publish()
  t.match((await rollBack()).json(), { code: 'WC_NOTHING_TO_ROLL_BACK_TO' })
  await call('PUT', `/workflows/${id}`, flow('V2', webhook('never/live')))
  await call('PUT', `/workflows/${id}`, flow('V3', webhook('rolling/on')))
  await publish()
  t.match((await call('GET', `/workflows/${id}`)).json(), { version: 3, publishedVersion: 3 })

  const back = await rollBack()
  t.match(back.json(), { version: 3, publishedVersion: 1 }, 'version 2 never ran')
  t.match(await endpointsOf(id), [{ version: 1, path: 'rolling' }])
  t.match((await rollBack()).json(), { code: 'WC_NOTHING_TO_ROLL_BACK_TO' })
  t.match((await rollBack({ version: 2 })).json(), { version: 3, publishedVersion: 2 }, 'a version that is named need not have run')
  t.match((await rollBack({ version: 8 })).json(), { status: 422 })
  const actions = await database.service`select action, after from audit_log where target_id = ${id} and action like 'workflow.rolled%' order by id`
  t.strictSame(actions.map(({ after }) => after), [{ publishedVersion: 1 }, { publishedVersion: 2 }])
})

t.test('deleting a published workflow frees its paths', async t => {
  const id = await create(flow('D', webhook('freed')))
  await call('POST', `/workflows/${id}/publish`)
  const before = changes.length
  t.equal((await call('DELETE', `/workflows/${id}`)).statusCode, 204)
  t.strictSame(changes.slice(before), [{ organizationId, workflowId: id }])
  const next = await create(flow('D', webhook('freed')))
  t.equal((await call('POST', `/workflows/${next}/publish`)).statusCode, 200)
})
