import t from 'tap'
import type { Connection, WorkflowNode } from '../../../src/engine/definition.ts'
import { loadFresh } from '../../../src/db/queries/load-executions.ts'
import { queueExecutions } from '../../../src/db/queries/leases.ts'
import { SYSTEM } from '../../../src/services/audit.ts'
import { createSite, createWorker, eventsOf, untilEnded } from '../../support/durable-path.ts'
import { executionService } from '../../support/execution-service.ts'
import { flakyNode } from '../../support/flaky-node.ts'

const NOTE = 'x'.repeat(200)
const SAME = { from: 'failedStep', version: 'same' } as const

t.test('retries of executions', async t => {
  const site = await createSite(t)
  const { sql } = site
  const flaky = flakyNode('flaky')
  // Little fits into a row.
  const options = { nodes: [flaky.type], largeValueSize: 100 }
  const { executions, db, ended, reaper, steps: stepsOf } = executionService(t, site, options)
  const nodes: WorkflowNode[] = [{ id: 'before', type: 'flaky' }, { id: 'call', type: 'flaky' }, { id: 'after', type: 'flaky' }]
  const links = ['start -> before', 'before -> call', 'call -> after']
  t.beforeEach(() => {
    flaky.visits.length = 0
    flaky.bad.clear()
  })

  /** Runs into the failure of `call`, and mends what caused it. */
  async function failed (workflowId: string): Promise<string> {
    flaky.bad.add(1)
    const { id, status } = await ended(executions.start(db, { workflowId, version: undefined, input: { n: 1, note: NOTE } }))
    t.equal(status, 'failed')
    flaky.bad.clear()
    flaky.visits.length = 0
    return id
  }

  async function newVersion (workflowId: string, changed: readonly WorkflowNode[], connections: readonly Connection[], triggers: readonly WorkflowNode[] = [{ id: 'start', type: 'manual' }]): Promise<void> {
    const definition = { nodes: [...triggers, ...changed], connections, settings: {} }
    await sql`insert into workflow_versions (organization_id, workflow_id, version, name, definition) values (${site.organizationId}, ${workflowId}, 2, 'Test', ${JSON.stringify(definition)}::text::json)`
    await sql`update workflows set version = 2, published_version = 2 where id = ${workflowId}`
  }

  // The failing node refuses n: 1, which `before` must pass.
  const lenient: WorkflowNode[] = [{ id: 'before', type: 'set', parameters: { fields: { seen: true } } }, ...nodes.slice(1)]

  await t.test('from the failed step: what went well is taken over, keys keep the first execution\'s id', async t => {
    const workflowId = await site.workflow(lenient, links)
    const first = await failed(workflowId)
    flaky.bad.add(1)
    const second = await ended(executions.retry(db, first, SAME))
    t.equal(second.status, 'failed')
    flaky.bad.clear()
    const third = await ended(executions.retry(db, second.id, SAME))
    t.equal(third.status, 'succeeded')
    t.same(flaky.visits, [`call ${first}:call:0:0`, `call ${first}:call:0:0`, `after ${first}:after:0:0`])
    t.match(third.steps.get('after')!.outputs['main'], [{ json: { n: 1, seen: true, call: true, after: true } }])
    t.equal(third.steps.get('before')!.status, 'succeeded')
    t.match(await executions.get(db, third.id), { retryOf: second.id, status: 'succeeded', workflowId, trigger: 'manual' })
    const listed = await executions.list(db, { workflowId, limit: 10 })
    t.same(listed.map(({ id, retryOf }) => [id, retryOf]), [[third.id, second.id], [second.id, first], [first, null]])
    const events = await eventsOf(site, third.id)
    t.equal(events[0]!.type, 'execution.started')
  })

  await t.test('from the start everything runs, with the keys of the first execution', async t => {
    const first = await failed(await site.workflow(lenient, links))
    const { steps, status } = await ended(executions.retry(db, first, { from: 'start', version: 'same' }))
    t.equal(status, 'succeeded')
    t.ok(steps.get('before')!.startedAt! > (await executions.get(db, first)).finishedAt!)
    t.same(flaky.visits, [`call ${first}:call:0:0`, `after ${first}:after:0:0`])
  })

  await t.test('with the newest version: what is as it was is taken over, what changed or stands behind a change runs again', async t => {
    const both: WorkflowNode[] = [...lenient, { id: 'aside', type: 'set', parameters: { fields: { aside: 1 } } }, { id: 'beside', type: 'set', parameters: { fields: { beside: 1 } } }]
    const more = [...links, 'start -> aside', 'aside -> beside']
    const workflowId = await site.workflow(both, more)
    const first = await failed(workflowId)
    const mended = both.map(node => node.id === 'aside' ? { ...node, parameters: { fields: { aside: 2 } } } : node)
    await newVersion(workflowId, mended, more.map(link => { const [from, to] = link.split(' -> ') as [string, string]; return { from, to } }))
    const old = new Map((await stepsOf(first)).map(step => [step.nodeId, step]))
    const { steps, status, id } = await ended(executions.retry(db, first, { from: 'failedStep', version: 'newest' }))
    t.equal(status, 'succeeded')
    t.equal((await executions.get(db, id)).version, 2)
    t.equal(steps.get('before')!.finishedAt, old.get('before')!.finishedAt, 'taken over with its times')
    t.match(steps.get('beside')!.outputs['main'], [{ json: { aside: 2, beside: 1 } }])
  })

  await t.test('a version without the node at which the execution started cannot run it', async t => {
    const workflowId = await site.workflow(lenient, links)
    const first = await failed(workflowId)
    await newVersion(workflowId, [{ id: 'other', type: 'manual' }], [], [])
    await t.rejects(executions.retry(db, first, { from: 'failedStep', version: 'newest' }), { code: 'WC_INVALID_INPUT' })
  })

  await t.test('a loop goes on with the iteration that failed', async t => {
    const loop: WorkflowNode[] = [{ id: 'split', type: 'splitOut', parameters: { field: 'n' } }, { id: 'each', type: 'loop' }, { id: 'call', type: 'flaky' }]
    const workflowId = await site.workflow(loop, ['start -> split', 'split -> each', 'each.loop -> call', 'call -> each'])
    flaky.bad.add(3)
    const first = await ended(executions.start(db, { workflowId, version: undefined, input: { n: [1, 2, 3, 4] } }))
    t.equal(first.status, 'failed')
    flaky.bad.clear()
    flaky.visits.length = 0
    const { steps, status } = await ended(executions.retry(db, first.id, SAME))
    t.equal(status, 'succeeded')
    t.same(flaky.visits, [`call ${first.id}:call:2:0`, `call ${first.id}:call:3:0`])
    t.same(steps.get('each:4')!.outputs['done']!.map(({ json }) => json['n']), [1, 2, 3, 4])
  })

  await t.test('an execution that is not over, or not one\'s own, is not retried', async t => {
    const slow = site.execution(await site.workflow(nodes, links))
    const undispatched = createWorker(t, site, { dispatching: false })
    await undispatched.acceptance.accept(slow)
    await t.rejects(executions.retry(db, slow.id, SAME), { code: 'WC_EXECUTION_UNFINISHED', status: 409 })
    const other = site.database.tenant(await site.organization())
    const first = await failed(await site.workflow(lenient, links))
    await t.rejects(executions.retry(other, first, SAME), { code: 'WC_NOT_FOUND' })
  })

  await t.test('the old execution may be deleted before the new one begins, and the worker that begins it may die', async t => {
    const first = await failed(await site.workflow(lenient, links))
    const silent = executionService(t, site, { ...options, dispatching: false })
    const { executionId } = await silent.executions.retry(db, first, SAME)
    await executions.delete(db, first, SYSTEM)
    await reaper.reap()
    flaky.visits.length = 0
    const doomed = createWorker(t, site, options)
    doomed.die()
    void doomed.runner.runFresh(await loadFresh(sql, [executionId]))
    await queueExecutions(sql, [executionId], true, 0)
    const heir = createWorker(t, site, options)
    t.equal(await untilEnded(site, executionId, [heir]), 'succeeded')
    t.ok(flaky.visits.length >= 2)
    const steps = await stepsOf(executionId)
    t.match(steps.find(({ nodeId }) => nodeId === 'after')!.outputs['main'], [{ json: { n: 1, seen: true, note: NOTE, after: true } }], 'with what was too large for its row')
    t.ok(flaky.visits.every(visit => visit.includes(` ${first}:`)))
  })
})
