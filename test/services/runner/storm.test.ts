import t from 'tap'
import { createSite, createWorker, eventsOf, statusOf, until } from '../../support/durable-path.ts'
import { killBackends } from '../../support/kill-backends.ts'

/** Connections that must have died for the test to say anything. */
const ENOUGH = 20

t.test('connections that die at any moment: nothing is lost, nothing doubled, nothing hangs', { skip: process.env['TEST_DATABASE_URL'] === undefined && 'the embedded database has one session' }, async t => {
  const site = await createSite(t)
  const { sql } = site
  const workflowId = await site.workflow([{ id: 'a', type: 'noOp' }, { id: 'shaky', type: 'stop', onError: 'continue' }], ['start -> a', 'a -> shaky'])
  const worker = createWorker(t, site)
  const storm = killBackends(site, { share: 0.5, pause: 40 })
  const accepted: string[] = []
  const refused: string[] = []
  let sent = 0
  // On a fast machine sixty waves are over before the storm has begun.
  for (let wave = 0; wave < 60 || storm.killed <= ENOUGH; wave++) {
    sent += 20
    await Promise.all(Array.from({ length: 20 }, async () => {
      const execution = site.execution(workflowId)
      try {
        if (await worker.acceptance.accept(execution)) accepted.push(execution.id)
      } catch (error) {
        t.match(error, { status: 503 })
        refused.push(execution.id)
      }
    }))
  }
  t.ok(await storm.stop() > ENOUGH)
  t.equal(accepted.length + refused.length, sent)
  t.comment(`${refused.length} were refused`)
  t.ok(accepted.length > sent * 2 / 3, `${refused.length} were refused`)
  const rows = await sql<Array<{ id: string }>>`select id from executions`
  const there = new Set(rows.map(row => row.id))
  t.equal(there.size, rows.length)
  t.ok(accepted.every(id => there.has(id)))
  await until('all ends', async () => {
    await worker.sweeper.sweep()
    const [row] = await sql<Array<{ open: number }>>`select count(*)::integer as open from executions e where not exists (select from execution_events x where x.execution_id = e.id and x.status is not null)`
    return row!.open === 0
  }, 60_000)
  for (const id of there) {
    if (await statusOf(site, id) !== 'succeeded') t.fail(`${id} did not succeed`)
    const ended = (await eventsOf(site, id)).filter(event => event.type === 'step.succeeded' || event.type === 'step.failed')
    if (ended.length !== 3) t.fail(`${id} has ${ended.length} steps`)
  }
  await until('all leases to go', async () => {
    await worker.sweeper.sweep()
    return (await sql`select from execution_leases where due_at <= now()`).length === 0
  })
  t.equal(worker.runner.running, 0)
})
