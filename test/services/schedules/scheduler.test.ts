import { pino } from 'pino'
import t from 'tap'
import { builtinNodes } from '../../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../../src/engine/nodes/registry.ts'
import { saveSchedules } from '../../../src/db/queries/schedules.ts'
import { createDispatcher } from '../../../src/services/dispatcher.ts'
import { createPlans } from '../../../src/services/plans.ts'
import { createQuotas } from '../../../src/services/quotas/quotas.ts'
import { setQuota } from '../../../src/services/quotas/set-quota.ts'
import { createScheduler, type Scheduler } from '../../../src/services/schedules/scheduler.ts'
import { schedulesOf } from '../../../src/services/workflows/schedules-of.ts'
import { createSite, createWorker, statusOf, until, untilEnded, type Worker } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'
import { killBackends } from '../../support/kill-backends.ts'

const site = await createSite(t)
const { sql, organizationId } = site
const gate = gateNode('gate')
const worker = createWorker(t, site, { nodes: [gate.type] })
const log = pino({ level: 'silent' })
/** Connections that must have died for the race to say anything. */
const ENOUGH = 10

/** A published workflow with a schedule `start`; its first tick was due `overdue` milliseconds ago. */
async function schedule (parameters: Record<string, unknown>, overdue: number, nodes: Parameters<typeof site.workflow>[0] = [{ id: 'a', type: 'noOp' }]): Promise<{ id: string, workflowId: string }> {
  const trigger = { id: 'start', type: 'schedule', parameters }
  const workflowId = await site.workflow(nodes, [`start -> ${nodes[0]!.id}`], { trigger })
  const now = Math.floor(Date.now() / 1000) * 1000 - overdue
  const content = schedulesOf({ nodes: [trigger], connections: [], settings: {} }, site.nextId, now - 1)
  await site.database.tenant(organizationId).run(async tx => { await saveSchedules(tx, organizationId, workflowId, 1, content, now) })
  return { id: content[0]!.id, workflowId }
}

function scheduler (through: Worker = worker, connection = sql): Scheduler {
  return createScheduler({
    sql: connection, quotas: createQuotas({ sql: connection, now: Date.now, log }), plans: createPlans(sql, new NodeRegistry([...builtinNodes, gate.type])), dispatcher: createDispatcher(through.queue, log), hints: through.hints, log, now: Date.now, nextId: site.nextId
  })
}

interface TickRow { tick: Date | string, execution_id: string | null }
const ticksOf = async (id: string): Promise<TickRow[]> => [...await sql<TickRow[]>`select tick, execution_id from schedule_ticks where schedule_id = ${id} order by tick`]

/** Lets the next tick be due now. */
async function hurry (id: string): Promise<void> {
  await sql`update schedules set next_tick = date_trunc('second', now()) - interval '1 second', next_at = now() - interval '1 second' where id = ${id}`
}

t.test('a tick starts an execution that says what it is for', async t => {
  const { id } = await schedule({ every: '1h', startAt: new Date(Math.floor(Date.now() / 1000) * 1000 - 5000).toISOString() }, 6000)
  await scheduler().fire()
  const [tick, ...others] = await ticksOf(id)
  t.strictSame(others, [])
  t.equal(await untilEnded(site, tick!.execution_id!, [worker]), 'succeeded')
  const [row] = await sql<Array<{ trigger: string, payload: unknown }>>`select trigger, payload from executions where id = ${tick!.execution_id}`
  t.match(row, { trigger: 'schedule', payload: { scheduleId: id, missed: false, scheduledAt: new Date(tick!.tick).toISOString() } })
  await scheduler().fire()
  t.equal((await ticksOf(id)).length, 1, 'and only one')
})

t.test('three schedulers that race, with connections that die: each tick fires once', async t => {
  const many: string[] = []
  for (let index = 0; index < 20; index++) many.push((await schedule({ every: '1s', missed: 'all', startAt: new Date(Math.floor(Date.now() / 1000) * 1000 - 30_000).toISOString() }, 31_000)).id)
  // The embedded database has one session, which nothing ends.
  const storm = process.env['TEST_DATABASE_URL'] === undefined ? undefined : killBackends(site, { share: 0.3, pause: 20 })
  const racers = [1, 2, 3].map(() => scheduler())
  const end = Date.now() + 4000
  await Promise.all(racers.map(async racer => {
    // On a busy machine four seconds see few deaths.
    while (Date.now() < end || (storm !== undefined && storm.killed <= ENOUGH)) await racer.fire().catch(() => undefined)
  }))
  if (storm !== undefined) t.ok(await storm.stop() > ENOUGH, 'connections died')
  await scheduler().fire()
  for (const id of many) {
    const ticks = (await ticksOf(id)).map(({ tick }) => new Date(tick).getTime())
    const [row] = await sql<Array<{ next: number }>>`select round(extract(epoch from next_tick) * 1000)::float8 as next from schedules where id = ${id}`
    const expected = Array.from({ length: (row!.next - ticks[0]!) / 1000 }, (_, index) => ticks[0]! + index * 1000)
    t.strictSame(ticks, expected, 'all of them, in a row')
  }
  const [counts] = await sql<Array<{ ticks: number, executions: number, distinct: number }>>`
    select (select count(*) from schedule_ticks where schedule_id in (select unnest(string_to_array(${many.join()}, ',')::uuid[])))::integer as ticks,
      (select count(*) from executions e join schedule_ticks t on t.execution_id = e.id where t.schedule_id in (select unnest(string_to_array(${many.join()}, ',')::uuid[])))::integer as executions,
      (select count(*) from executions e join schedules s on s.workflow_id = e.workflow_id where s.id in (select unnest(string_to_array(${many.join()}, ',')::uuid[])))::integer as distinct`
  t.equal(counts!.executions, counts!.ticks)
  t.equal(counts!.distinct, counts!.ticks, 'and no execution that belongs to no tick')
  await sql`delete from schedules where id in (select unnest(string_to_array(${many.join()}, ',')::uuid[]))`
})

for (const overlap of ['allow', 'skip', 'buffer', 'cancel'] as const) {
  t.test(`overlap: ${overlap}`, async t => {
    const { id } = await schedule({ every: '1h', overlap, startAt: new Date(Math.floor(Date.now() / 1000) * 1000 - 5000).toISOString() }, 6000, [{ id: 'call', type: 'gate' }])
    const before = gate.visits.length
    await scheduler().fire()
    await until('the first to run', () => gate.visits.length === before + 1)
    await hurry(id)
    await scheduler().fire()
    const [first, second] = await ticksOf(id)
    if (overlap === 'allow') await until('both to run', () => gate.visits.length === before + 2)
    if (overlap === 'skip') t.equal(second!.execution_id, null)
    if (overlap === 'cancel') t.equal(await untilEnded(site, first!.execution_id!, [worker]), 'cancelled')
    if (overlap === 'buffer') {
      t.equal(second!.execution_id, null, 'it waits')
      await scheduler().fire()
      t.equal(gate.visits.length, before + 1)
    }
    gate.visits[before]!.pass()
    t.equal(await untilEnded(site, first!.execution_id!, [worker]), overlap === 'cancel' ? 'cancelled' : 'succeeded')
    await scheduler().fire()
    if (overlap === 'skip') {
      t.equal((await ticksOf(id))[1]!.execution_id, null, 'and does not come later')
      return
    }
    await until('the second to run', () => gate.visits.length === before + 2)
    gate.visits[before + 1]!.pass()
    t.equal(await untilEnded(site, (await ticksOf(id))[1]!.execution_id!, [worker]), 'succeeded')
  })
}

t.test('a workflow that is no longer published in that version starts nothing', async t => {
  const { id, workflowId } = await schedule({ every: '1h', startAt: new Date(Math.floor(Date.now() / 1000) * 1000 - 5000).toISOString() }, 6000)
  await sql`update workflows set published_version = null where id = ${workflowId}`
  await scheduler().fire()
  const [tick] = await ticksOf(id)
  t.equal((await sql`select from executions where workflow_id = ${workflowId}`).length, 0)
  t.equal(await statusOf(site, tick!.execution_id!), undefined)
})

t.test('a schedule that cannot be computed stops, and is in nobody\'s way', async t => {
  const broken = await schedule({ every: '1h', startAt: new Date(Math.floor(Date.now() / 1000) * 1000 - 5000).toISOString() }, 6000)
  const sound = await schedule({ every: '1h', startAt: new Date(Math.floor(Date.now() / 1000) * 1000 - 5000).toISOString() }, 6000)
  await sql`update schedules set rule = '{"cron":"no cron","timeZone":"UTC","missed":"one","overlap":"allow"}' where id = ${broken.id}`
  await scheduler().fire()
  t.equal((await ticksOf(sound.id)).length, 1)
  t.strictSame([...await sql`select next_tick from schedules where id = ${broken.id}`], [{ next_tick: null }])
})

t.test('a tick for which the quota has no room starts nothing, and the schedule goes on', async t => {
  const { id } = await schedule({ every: '1h' }, 1000)
  await setQuota({ sql, nextId: site.nextId }, organizationId, { executionsPerMonth: 0 })
  await hurry(id)
  await scheduler().fire()
  t.same(await ticksOf(id), [])
  t.equal((await sql`select 1 from schedules where id = ${id} and next_at <= now()`).length, 0, 'it is due again later, not at once')
  await setQuota({ sql, nextId: site.nextId }, organizationId, { executionsPerMonth: null })
  await hurry(id)
  await scheduler().fire()
  t.equal((await ticksOf(id)).length, 1, 'with room it starts again')
})
