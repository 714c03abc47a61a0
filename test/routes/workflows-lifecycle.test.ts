import t from 'tap'
import { workflowApp } from '../support/workflow-app.ts'
import { creator, intake } from '../support/workflow-drafts.ts'

const { database, join } = await workflowApp(t)
const { call, organizationId, userId } = await join()
const create = creator(call)

t.test('export and import', async t => {
  const { id } = await create(intake)
  const exported = await call('GET', `/workflows/${id}/export`)
  t.match(exported.headers['content-disposition'], /^attachment; filename="workflow-[0-9a-f-]+\.json"$/)
  const file = exported.json()
  t.strictSame(file, { schemaVersion: 1, workflow: intake })

  const imported = await call('POST', '/workflows/import', file)
  t.equal(imported.statusCode, 201, imported.body)
  t.not(imported.json().id, id)
  t.match(imported.json(), { ...intake, version: 1, publishedVersion: null })

  const elsewhere = await join()
  t.equal((await elsewhere.call('POST', '/workflows/import', file)).statusCode, 201)

  await call('PATCH', `/workflows/${id}`, { name: 'Renamed' })
  t.equal((await call('GET', `/workflows/${id}/export?version=1`)).json().workflow.name, 'Order intake')
  t.equal((await call('GET', `/workflows/${id}/export?version=9`)).statusCode, 404)

  const refused = async (body: unknown): Promise<string[]> => {
    const answer = await call('POST', '/workflows/import', body)
    t.equal(answer.statusCode, 422)
    return answer.json().errors.map(({ pointer }: { pointer: string }) => pointer).sort()
  }
  t.strictSame(await refused({ workflow: file.workflow }), ['/schemaVersion'])
  t.strictSame(await refused({ ...file, schemaVersion: 2 }), ['/schemaVersion'])
  t.strictSame(await refused({ schemaVersion: 1, id, nodes: [] }), ['/id', '/nodes', '/workflow'])
  t.strictSame(await refused({ schemaVersion: 1, workflow: { ...intake, id } }), ['/workflow/id'])
  t.strictSame(await refused({ schemaVersion: 1, workflow: { name: 'x', nodes: [{ id: 'a', type: 'nope' }] } }), ['/workflow/nodes/0/type'])
  t.strictSame(await refused([]), [''])
})

t.test('deleting', async t => {
  const { id } = await create()
  t.equal((await call('DELETE', `/workflows/${id}`)).statusCode, 204)
  t.equal((await call('GET', `/workflows/${id}`)).statusCode, 404)
  t.equal((await call('DELETE', `/workflows/${id}`)).statusCode, 404)
  const [versions] = await database.service`select count(*)::int as n from workflow_versions where workflow_id = ${id}`
  t.equal(versions?.['n'], 0)
})

t.test('a workflow with unfinished executions stays', async t => {
  const { id } = await create()
  const execution = (await create()).id
  await database.service`insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at) values (${execution}, ${organizationId}, ${id}, 'waiting', now())`
  t.match((await call('DELETE', `/workflows/${id}`)).json(), { status: 409, code: 'WC_WORKFLOW_BUSY' })
  await database.service`delete from execution_leases where execution_id = ${execution}`
  await database.service`insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload) values (${execution}, ${organizationId}, ${id}, 1, 'start', 'manual', '{}')`
  t.match((await call('DELETE', `/workflows/${id}`)).json(), { code: 'WC_WORKFLOW_BUSY' }, 'accepted a moment ago, without a lease')
  await database.service`insert into execution_events (execution_id, seq, last_seq, organization_id, workflow_id, writer, first_at, last_at, status, events)
    values (${execution}, 2, 2, ${organizationId}, ${id}, ${execution}, 0, 0, 'succeeded', '[]')`
  t.equal((await call('DELETE', `/workflows/${id}`)).statusCode, 204)
  const [kept] = await database.service`select count(*)::int as n from executions where workflow_id = ${id}`
  t.equal(kept?.['n'], 1, 'what is finished stays readable')
})

t.test('every change is in the audit log', async t => {
  const { id } = await create()
  await call('PATCH', `/workflows/${id}`, { name: 'B' })
  await call('PATCH', `/workflows/${id}`, { name: 'B' })
  await call('POST', `/workflows/${id}/publish`)
  await call('POST', `/workflows/${id}/unpublish`)
  await call('DELETE', `/workflows/${id}`)
  const rows = await database.service`select action, actor_type, actor_id, ip, request_id is not null as requested, after from audit_log where target_id = ${id} order by id`
  t.strictSame(rows.map(({ action }) => action), ['workflow.created', 'workflow.updated', 'workflow.published', 'workflow.unpublished', 'workflow.deleted'])
  t.ok(rows.every(row => row['actor_type'] === 'user' && row['actor_id'] === userId && row['requested'] === true))
  t.strictSame(rows[1]?.['after'], { name: 'B', version: 2 })
})
