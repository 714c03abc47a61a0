import t from 'tap'
import type { WorkflowNode } from '../../../src/engine/definition.ts'
import { sendMessage } from '../../../src/db/queries/inbox.ts'
import { createSite, createWorker, until, untilEnded } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

t.test('the end of an execution starts what waits for it, once', async t => {
  const site = await createSite(t)
  const { sql } = site
  const worker = createWorker(t, site, { slots: 100 })

  async function run (workflowId: string, input: object = {}): Promise<string> {
    const execution = site.execution(workflowId, { payload: JSON.stringify(input) })
    await worker.acceptance.accept(execution)
    return execution.id
  }

  const cancel = async (executionId: string): Promise<void> => {
    const sent = await sendMessage(sql, undefined, executionId, { messageId: site.nextId(), kind: 'cancel', body: {} })
    if (sent.due) worker.runner.wake({ executionId, organizationId: site.organizationId })
  }

  const good = await site.workflow([], [])
  const failing = await site.workflow([{ id: 'end', type: 'stop', parameters: { message: 'No stock' } }], ['start -> end'])
  const listens = async (workflowId: string, kind: string, name = '', source: string | null = null): Promise<string> => {
    await sql`insert into event_triggers (organization_id, workflow_id, version, node_id, kind, name, source_workflow_id) values (${site.organizationId}, ${workflowId}, 1, 'start', ${kind}, ${name}, ${source})`
    worker.runner.limits.forget(site.organizationId)
    return workflowId
  }
  const startedBy = async (workflowId: string, id: string): Promise<Array<{ id: string, trigger: string, payload: Record<string, unknown> }>> =>
    await sql`select id, trigger, payload from executions where workflow_id = ${workflowId} and payload::text like ${`%${id}%`}`
  const ended = async (id: string): Promise<string> => await untilEnded(site, id, [worker])

  const errorWorkflow = await listens(await site.workflow([], [], { trigger: { id: 'start', type: 'error' }, settings: { priority: 'high' } }), 'error')
  const settings = { errorWorkflowId: errorWorkflow.toUpperCase() }
  const bad = await site.workflow([{ id: 'end', type: 'stop', parameters: { message: 'Broken' } }], ['start -> end'], { settings })
  const slow = await site.workflow([{ id: 'gate', type: 'stuck' }], ['start -> gate'], { settings: { ...settings, timeout: '50ms' } })

  await t.test('failures, timeouts and crashes start the error workflow', async t => {
    const failed = await run(bad)
    t.equal(await ended(failed), 'failed')
    const [first, ...more] = await until('the error workflow', async () => { const found = await startedBy(errorWorkflow, failed); return found.length > 0 && found })
    t.same(more, [])
    t.same(await sql`select origin from executions where id = ${first!.id}`, [{ origin: { hops: 1, priority: 'high' } }], 'with the priority of its own settings')
    t.match(first, {
      trigger: 'error',
      payload: { execution: { id: failed, url: `http://weconnect.test/v1/executions/${failed}`, status: 'failed', trigger: 'manual', retryOf: null, error: { code: 'WC_STOPPED', message: 'Broken' }, failedNode: 'end' }, workflow: { id: bad, name: 'Test', version: 1 } }
    })
    t.equal(await ended(first!.id), 'succeeded')

    const stuck = gateNode('stuck')
    const other = createWorker(t, site, { nodes: [stuck.type] })
    const late = site.execution(slow)
    await other.acceptance.accept(late)
    t.equal(await untilEnded(site, late.id, [other]), 'timedOut')
    t.match(await startedBy(errorWorkflow, late.id), [{ payload: { execution: { status: 'timedOut', error: { code: 'WC_EXECUTION_TIMEOUT' } } } }])

    const crashing = site.execution(slow)
    await sql`insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload) values (${crashing.id}, ${site.organizationId}, ${slow}, 1, 'start', 'manual', '{}')`
    await sql`insert into execution_leases (execution_id, organization_id, workflow_id, status, owner, due_at, takeovers) values (${crashing.id}, ${site.organizationId}, ${slow}, 'running', ${site.nextId()}, now(), 3)`
    t.equal(await untilEnded(site, crashing.id, [other]), 'failed')
    t.match(await startedBy(errorWorkflow, crashing.id), [{ payload: { execution: { error: { code: 'WC_EXECUTION_CRASHED' } } } }])
  })

  await t.test('chains end', async t => {
    const self = await site.workflow([{ id: 'end', type: 'stop' }], ['start -> end'], { trigger: { id: 'start', type: 'error' } })
    const twin = await site.workflow([{ id: 'end', type: 'stop' }], ['start -> end'], { trigger: { id: 'start', type: 'error' }, settings: { errorWorkflowId: self } })
    const owner = site.database.owner()
    try {
      await owner`update workflow_versions set definition = jsonb_set(definition::jsonb, '{settings}', ${JSON.stringify({ errorWorkflowId: twin })}::text::jsonb)::json where workflow_id = ${self}`
    } finally {
      await owner.end()
    }
    await listens(self, 'error')
    await listens(twin, 'error')
    const before = await sql<Array<{ count: number }>>`select count(*)::integer as count from executions`
    const id = await run(twin)
    t.equal(await ended(id), 'failed')
    await until('the last of the chain', async () => (await sql<Array<{ hops: number | null }>>`select max((origin ->> 'hops')::integer) as hops from executions`)[0]?.hops === 10)
    await until('its end', async () => {
      // What another worker had started when it was closed is on no queue any more.
      await worker.sweeper.sweep()
      return (await sql`select 1 from executions e where not exists (select from execution_events x where x.execution_id = e.id and x.status is not null)`).length === 0
    })
    const [after] = await sql<Array<{ count: number }>>`select count(*)::integer as count from executions`
    t.equal(after!.count - before[0]!.count, 11)
  })

  await t.test('triggers hear of ends of all other workflows, or of one', async t => {
    const event = (name: string): WorkflowNode => ({ id: 'start', type: 'event', parameters: { name } })
    const all = await listens(await site.workflow([], [], { trigger: event('execution.failed'), settings: { priority: 'low' } }), 'execution', 'execution.failed')
    const one = await listens(await site.workflow([], [], { trigger: event('execution.succeeded') }), 'execution', 'execution.succeeded', good)
    const cancelled = await listens(await site.workflow([], [], { trigger: event('execution.cancelled') }), 'execution', 'execution.cancelled')
    const [failed, fine, other] = [await run(bad), await run(good), await run(failing)]
    for (const id of [failed, fine, other]) await ended(id)
    t.match(await startedBy(all, failed), [{ trigger: 'event', payload: { name: 'execution.failed', payload: { execution: { id: failed, status: 'failed' }, workflow: { id: bad } } } }])
    t.equal((await startedBy(all, other)).length, 1)
    t.match(await sql`select origin from executions where workflow_id = ${all}`, [{ origin: { priority: 'low' } }, { origin: { priority: 'low' } }])
    t.match(await startedBy(one, fine), [{ payload: { payload: { execution: { status: 'succeeded', error: null } } } }])
    t.same(await startedBy(one, failed), [])
    const waiting = await run(await site.workflow([{ id: 'wait', type: 'wait', parameters: { for: '1h' } }], ['start -> wait']))
    await until('it to wait', async () => (await sql`select 1 from execution_leases where execution_id = ${waiting} and status = 'waiting'`).length === 1)
    await cancel(waiting)
    t.equal(await ended(waiting), 'cancelled')
    t.equal((await startedBy(cancelled, waiting)).length, 1)
  })
})
