import t from 'tap'
import { SlotPool } from '../../../src/services/runner/slot-pool.ts'
import { createSite, createWorker, expireLeases, until, untilEnded } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

t.test('a freed slot wakes all who wait for one, since the first may not take it', async t => {
  const pool = new SlotPool(1, 1)
  pool.take('a')
  let woken = 0
  const waiting = [1, 2, 3].map(async () => { await pool.available(); woken++ })
  pool.release('a')
  await Promise.all(waiting)
  t.equal(woken, 3)
  t.equal(pool.free, 1)
})

t.test('organizations share a worker', async t => {
  const site = await createSite(t)
  const gate = gateNode('gate')
  const quick = gateNode('quick')
  const greedy = await site.workflow([{ id: 'call', type: 'gate' }], ['start -> call'])
  const modestOrganization = await site.organization()
  const modest = await site.workflow([{ id: 'call', type: 'quick' }], ['start -> call'], { organizationId: modestOrganization })
  const nodes = [gate.type, quick.type]
  quick.open()

  await t.test('one over its share waits in the database, does not starve another, and loses nothing', async t => {
    const worker = createWorker(t, site, { nodes, slots: 8 })
    const crowd = Array.from({ length: 30 }, () => site.execution(greedy))
    t.ok((await Promise.all(crowd.map(async execution => await worker.acceptance.accept(execution)))).every(accepted => accepted))
    await until('its share to run', () => gate.visits.length === 4)
    await until('the rest to be put back', async () => (await site.sql`select from execution_leases`).length === 30)
    const others = Array.from({ length: 10 }, () => site.execution(modest))
    for (const execution of others) await worker.acceptance.accept(execution)
    for (const { id } of others) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
    await expireLeases(site).then(async () => { await site.sql`update execution_leases set due_at = now() + interval '1 minute' where owner is not null` })
    for (let sweeps = 0; sweeps < 4; sweeps++) await worker.sweeper.sweep()
    t.equal(gate.visits.length, 4, 'no more than its share, also of what is taken over')
    gate.open()
    for (const { id } of crowd) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
    t.equal(gate.visits.length, 30)
    await until('all slots', () => worker.runner.free === 8)
  })

  await t.test('what is due of one does not hide what is due of another', async t => {
    const worker = createWorker(t, site, { nodes, slots: 4, dispatching: false })
    const rows = [...Array.from({ length: 50 }, () => site.execution(greedy)), site.execution(modest)]
    await Promise.all(rows.map(async row => await worker.acceptance.accept(row)))
    await site.sql`insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at)
      select id, organization_id, workflow_id, 'queued', now() - interval '1 hour' + (case when organization_id = ${modestOrganization} then interval '59 minutes' else interval '0' end)
      from executions where id = any(string_to_array(${rows.map(row => row.id).join()}, ',')::uuid[])`
    await worker.sweeper.sweep()
    await until('the late one', async () => (await site.sql`select from execution_events where execution_id = ${rows.at(-1)!.id} and status is not null`).length === 1)
    for (const { id } of rows) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
  })
})
