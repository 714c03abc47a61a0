import t from 'tap'
import { queueExecutions } from '../../../src/db/queries/leases.ts'
import { createSite, createWorker, eventsOf, expireLeases, statusOf, until, untilEnded, type Worker } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

t.test('executions that kill their workers', async t => {
  const site = await createSite(t)
  const { sql } = site

  await t.test('one fails after three take-overs, and its batch-mates finish', async t => {
    const poison = gateNode('poison')
    const mates = gateNode('mate')
    const deadly = await site.workflow([{ id: 'boom', type: 'poison' }], ['start -> boom'])
    const harmless = await site.workflow([{ id: 'call', type: 'mate' }], ['start -> call'])
    const victim = site.execution(deadly)
    const others = Array.from({ length: 8 }, () => site.execution(harmless))
    const first = createWorker(t, site, { nodes: [poison.type, mates.type] })
    // All of one organization: no more than half of the slots.
    for (const execution of [...others.slice(0, 4), victim, ...others.slice(4)]) await first.acceptance.accept(execution)
    await until('all to run', () => poison.visits.length === 1 && mates.visits.length === 8)
    // Whenever the poison runs, its worker is gone with all that it had; the mates need a while.
    let worker: Worker = first
    for (let deaths = 1; await statusOf(site, victim.id) === undefined; deaths++) {
      t.ok(deaths <= 5, `death ${deaths}`)
      worker.die()
      await expireLeases(site)
      const seen = poison.visits.length
      mates.open()
      worker = createWorker(t, site, { nodes: [poison.type, mates.type] })
      await until('the poison to run again, or to be found out', async () => {
        // A heartbeat of the dead that was under way may have prolonged their leases; the only living one takes nothing from itself.
        await expireLeases(site)
        await worker.sweeper.sweep()
        return poison.visits.length > seen || await statusOf(site, victim.id) !== undefined
      })
    }
    t.match((await eventsOf(site, victim.id)).at(-1), { type: 'execution.failed', error: { code: 'WC_EXECUTION_CRASHED', nodeId: 'boom' } })
    t.equal(poison.visits.length, 4, 'its first run and three take-overs')
    for (const { id } of others) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
  })

  await t.test('what waits for its turn in quarantine is not claimed, so the death of another does not count as its own', async t => {
    const poison = gateNode('poison')
    const workflowId = await site.workflow([{ id: 'boom', type: 'poison' }], ['start -> boom'])
    const executions = Array.from({ length: 4 }, () => site.execution(workflowId))
    const worker = createWorker(t, site, { nodes: [poison.type], dispatching: false })
    for (const execution of executions) await worker.acceptance.accept(execution)
    await queueExecutions(sql, executions.map(execution => execution.id), true, 0)
    await sql`update execution_leases set takeovers = 2`
    for (let sweeps = 0; sweeps < 3; sweeps++) await worker.sweeper.sweep()
    await until('the first', () => poison.visits.length === 1)
    t.same((await sql`select takeovers from execution_leases order by takeovers`).map(row => row['takeovers']), [2, 2, 2, 3])
    poison.open()
    for (const { id } of executions) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
  })

  await t.test('a batch that was handed out before is not begun as one: each is taken over, with a crash to its name', async t => {
    const gate = gateNode('gate')
    const workflowId = await site.workflow([{ id: 'call', type: 'gate' }], ['start -> call'])
    const worker = createWorker(t, site, { nodes: [gate.type], dispatching: false })
    const execution = site.execution(workflowId)
    await worker.acceptance.accept(execution)
    await queueExecutions(sql, [execution.id], true, 0)
    await worker.sweeper.sweep()
    await until('the step', () => gate.visits.length === 1)
    t.match(await sql`select takeovers from execution_leases where execution_id = ${execution.id}`, [{ takeovers: 1 }])
    gate.open()
    t.equal(await untilEnded(site, execution.id), 'succeeded')
  })

  await t.test('one that was cancelled and kills its workers ends cancelled', async t => {
    const poison = gateNode('poison')
    const workflowId = await site.workflow([{ id: 'boom', type: 'poison' }], ['start -> boom'])
    const worker = createWorker(t, site, { nodes: [poison.type], dispatching: false })
    const execution = site.execution(workflowId)
    await worker.acceptance.accept(execution)
    await queueExecutions(sql, [execution.id], true, 0)
    await sql`update execution_leases set takeovers = 9`
    await sql`insert into execution_inbox (execution_id, message_id, organization_id, kind, body) values (${execution.id}, ${site.nextId()}, ${site.organizationId}, 'cancel', '{}')`
    t.equal(await untilEnded(site, execution.id, [worker]), 'cancelled')
    t.equal(poison.visits.length, 0)
    t.equal((await sql`select from execution_inbox`).length, 0)
  })
})
