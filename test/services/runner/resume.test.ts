import t from 'tap'
import { loadSegments } from '../../../src/db/queries/load-executions.ts'
import { createSite, createWorker, eventsOf, expireLeases, statusOf, until, untilEnded, untilTakenOver } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

t.test('what happens to executions whose worker goes away', async t => {
  const site = await createSite(t)
  const { sql } = site
  const work = gateNode('work')
  const mail = gateNode('mail', 'once')
  const think = gateNode('think', 'none')
  const nodes = [work.type, mail.type, think.type]

  await t.test('a worker that died in the middle of a step: another resumes at that node, with the same key, as attempt 2', async t => {
    const workflowId = await site.workflow([{ id: 'before', type: 'noOp' }, { id: 'call', type: 'work' }, { id: 'after', type: 'noOp' }],
      ['start -> before', 'before -> call', 'call -> after'])
    const first = createWorker(t, site, { nodes })
    const execution = site.execution(workflowId)
    t.ok(await first.acceptance.accept(execution))
    await until('the step', () => work.visits.length === 1)
    first.die()
    const second = createWorker(t, site, { nodes })
    await second.sweeper.sweep()
    t.equal(work.visits.length, 1, 'not while the lease holds')
    await untilTakenOver('the second attempt', site, second, () => work.visits.length === 2)
    t.equal(work.visits[1]!.key, `${execution.id}:call:0:0`)
    t.same(work.visits.map(({ key, attempt }) => [key, attempt]), [[work.visits[0]!.key, 1], [work.visits[0]!.key, 2]])
    work.visits[1]!.pass()
    work.visits[0]!.pass()
    t.equal(await untilEnded(site, execution.id), 'succeeded')
    const events = await eventsOf(site, execution.id)
    t.equal(events.filter(event => event.type === 'step.succeeded' && event.nodeId === 'before').length, 1)
    t.equal(events.filter(event => event.type === 'step.succeeded' && event.nodeId === 'call').length, 1)
    t.equal((await sql`select from execution_leases`).length, 0)
    t.match(await second.metrics.registry.metrics(), 'weconnect_takeovers_total 1')
  })

  await t.test('steps without effects that take their time are recorded with what follows, not one by one', async t => {
    const workflowId = await site.workflow([{ id: 'one', type: 'think' }, { id: 'two', type: 'think' }, { id: 'three', type: 'think' }],
      ['start -> one', 'one -> two', 'two -> three'])
    think.open()
    const worker = createWorker(t, site, { nodes })
    const execution = site.execution(workflowId)
    await worker.acceptance.accept(execution)
    t.equal(await untilEnded(site, execution.id), 'succeeded')
    t.equal((await loadSegments(sql, execution.id)).length, 1, 'one segment for all of it')
  })

  await t.test('a zombie whose step ends after the take-over changes nothing, and sees its step aborted', async t => {
    work.visits.length = 0
    const workflowId = await site.workflow([{ id: 'call', type: 'work' }, { id: 'next', type: 'work' }], ['start -> call', 'call -> next'])
    const zombie = createWorker(t, site, { nodes })
    const execution = site.execution(workflowId)
    await zombie.acceptance.accept(execution)
    await until('the step', () => work.visits.length === 1)
    const heir = createWorker(t, site, { nodes })
    await untilTakenOver('the second attempt', site, heir, () => work.visits.length === 2)
    work.visits[0]!.pass({ outputs: { main: [{ json: { by: 'zombie' } }] } })
    await until('the zombie gives up', () => zombie.runner.running === 0)
    t.ok(work.visits[0]!.signal.aborted)
    work.open()
    t.equal(await untilEnded(site, execution.id), 'succeeded')
    t.notOk(JSON.stringify(await eventsOf(site, execution.id)).includes('zombie'))
    t.ok(work.visits.every(visit => visit.key.startsWith(execution.id)))
  })

  for (const way of ['dies', 'closes']) {
    await t.test(`a step that may happen once only is not repeated when its worker ${way}`, async t => {
      mail.visits.length = 0
      const workflowId = await site.workflow([{ id: 'send', type: 'mail' }], ['start -> send'])
      const first = createWorker(t, site, { nodes })
      const execution = site.execution(workflowId)
      await first.acceptance.accept(execution)
      await until('the step', () => mail.visits.length === 1)
      if (way === 'dies') {
        first.die()
        await expireLeases(site)
      } else {
        await first.runner.close(0)
      }
      const second = createWorker(t, site, { nodes })
      t.equal(await untilEnded(site, execution.id, [second]), 'failed')
      t.match((await eventsOf(site, execution.id)).at(-1), { error: { code: 'WC_STEP_INTERRUPTED', nodeId: 'send' } })
      t.equal(mail.visits.length, 1)
    })
  }

  await t.test('a worker that closes gives its executions back at once, and this is no crash', async t => {
    const gate = gateNode('gate')
    const workflowId = await site.workflow([{ id: 'call', type: 'gate' }], ['start -> call'])
    const first = createWorker(t, site, { nodes: [gate.type] })
    const executions = Array.from({ length: 5 }, () => site.execution(workflowId))
    for (const execution of executions) await first.acceptance.accept(execution)
    await until('the steps', () => gate.visits.length === 5)
    // One whose first append is on its way: it takes its lease while the worker closes.
    const late = site.execution(workflowId)
    const accepting = first.acceptance.accept(late)
    await first.runner.close(0)
    await accepting
    t.ok(gate.visits.every(visit => visit.signal.aborted))
    const leases = await sql<Array<{ owner: string | null, takeovers: number, due: boolean }>>`select owner, takeovers, due_at <= now() + interval '1 second' as due from execution_leases`
    t.ok(leases.length >= 5)
    t.ok(leases.every(lease => lease.owner === null && lease.takeovers === 0 && lease.due), JSON.stringify(leases))
    gate.open()
    const second = createWorker(t, site, { nodes: [gate.type] })
    for (const { id } of [...executions, late]) t.equal(await untilEnded(site, id, [second]), 'succeeded')
    t.match(await second.metrics.registry.metrics(), 'weconnect_takeovers_total 0')
  })

  await t.test('a run that neither ends nor flushes is committed and leased after half a second', async t => {
    const think = gateNode('think', 'none')
    const workflowId = await site.workflow([{ id: 'call', type: 'think' }], ['start -> call'])
    const worker = createWorker(t, site, { nodes: [think.type] })
    const execution = site.execution(workflowId)
    const began = Date.now()
    await worker.acceptance.accept(execution)
    await until('the step', () => think.visits.length === 1)
    await until('the flush', async () => (await eventsOf(site, execution.id)).length > 0)
    t.ok(Date.now() - began >= 500, 'and not before')
    t.match(await sql`select status from execution_leases where execution_id = ${execution.id}`, [{ status: 'running' }])
    think.open()
    t.equal(await untilEnded(site, execution.id), 'succeeded')
  })

  await t.test('what ended while it was given a lease row is not run again, and loses the row', async t => {
    const workflowId = await site.workflow([], [])
    const worker = createWorker(t, site)
    const execution = site.execution(workflowId)
    await worker.acceptance.accept(execution)
    await untilEnded(site, execution.id)
    await sql`insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at) values (${execution.id}, ${site.organizationId}, ${workflowId}, 'queued', now())`
    await worker.sweeper.sweep()
    await until('the row to go', async () => (await sql`select from execution_leases where execution_id = ${execution.id}`).length === 0)
    t.ok(await until('nothing to run', () => worker.runner.running === 0 && worker.runner.free === 20))
  })

  await t.test('a workflow version that is gone, and a plan that cannot be compiled, end the execution', async t => {
    const gone = site.execution(await site.workflow([], []), { version: 7, published: false })
    const broken = site.execution(await site.workflow([{ id: 'odd', type: 'noSuchType' }], ['start -> odd']))
    const worker = createWorker(t, site, { dispatching: false })
    for (const execution of [gone, broken]) t.ok(await worker.acceptance.accept(execution))
    const line = [gone, broken]
    await worker.runner.runFresh(line)
    t.same(line, [], 'no payload is kept until all are done')
    await expireLeases(site)
    t.equal(await untilEnded(site, gone.id, [worker]), 'failed')
    t.match((await eventsOf(site, gone.id)).at(-1), { error: { code: 'WC_WORKFLOW_VERSION_MISSING' } })
    await until('the end of what cannot be compiled', async () => {
      await expireLeases(site)
      await worker.sweeper.sweep()
      return await statusOf(site, broken.id) === 'failed'
    })
    t.match((await eventsOf(site, broken.id)).at(-1), { error: { code: 'WC_EXECUTION_CRASHED' } })
  })
})
