import t from 'tap'
import { queueExecutions } from '../../src/db/queries/leases.ts'
import { adoptUnfinished, findOrphans, raiseLowWater, readLowWater } from '../../src/db/queries/sweep.ts'
import { createIdSource, firstIdAt, idTime, NIL_ID } from '../../src/lib/ids.ts'
import { createSite, createWorker, statusOf, until, untilEnded } from '../support/durable-path.ts'
import { gateNode } from '../support/gate-node.ts'

/** The embedded database has one session: nothing can be held up or ended there alone. */
const SERVER_ONLY = { skip: process.env['TEST_DATABASE_URL'] === undefined && 'needs a server' }

t.test('the sweeper', async t => {
  const site = await createSite(t)
  const { sql } = site
  const workflowId = await site.workflow([], [])
  /** Made that many milliseconds ago. */
  const aged = (age: number) => site.execution(workflowId, { id: createIdSource(() => Date.now() - age)() })
  const leases = async (id: string) => await sql<Array<{ status: string, owner: string | null }>>`select status, owner from execution_leases where execution_id = ${id}`

  await t.test('dispatches again what a queue lost, once, and not what is on its way', async t => {
    const deaf = createWorker(t, site, { dispatching: false })
    const [lost, young] = [aged(5000), aged(0)]
    for (const execution of [lost, young]) await deaf.acceptance.accept(execution)
    // Their clocks stand still, as the ages of executions would pass on a busy machine.
    const at = Date.now()
    const worker = createWorker(t, site, { now: () => at })
    await worker.sweeper.sweep()
    t.equal(await untilEnded(site, lost.id), 'succeeded')
    t.equal(await statusOf(site, young.id), undefined)
    t.match(await worker.metrics.registry.metrics(), 'weconnect_redispatched_total 1')
    const silent = createWorker(t, site, { dispatching: false, now: () => at + 4000 })
    for (let sweeps = 0; sweeps < 3; sweeps++) await silent.sweeper.sweep()
    t.equal(silent.queue.depth(), 1, 'left alone for a while after it was dispatched again')
    await worker.runner.runFresh([young])
  })

  await t.test('finds what was lost anywhere in the window', async t => {
    const deaf = createWorker(t, site, { dispatching: false })
    const old = aged(100_000)
    await deaf.acceptance.accept(old)
    const worker = createWorker(t, site)
    t.equal(await untilEnded(site, old.id, [worker]), 'succeeded')
    const later = aged(90_000)
    await deaf.acceptance.accept(later)
    t.equal(await untilEnded(site, later.id, [worker]), 'succeeded', 'also when the first sweep is long past')
  })

  await t.test('looks at a few executions at a time, and comes to the end whoever is begun', async t => {
    const deaf = createWorker(t, site, { dispatching: false })
    await sql`update sweep_marks set low_water = ${firstIdAt(Date.now() - 70_000)}`
    const line = [60_000, 50_000, 40_000, 30_000, 20_000].map(aged)
    for (const execution of line) await deaf.acceptance.accept(execution)
    await deaf.runner.runFresh([line[0]!, line[3]!])
    for (const at of [0, 3]) await untilEnded(site, line[at]!.id)
    const found: string[] = []
    let after = NIL_ID
    let pieces = 0
    for (let done = false; !done; pieces++) {
      const piece = await findOrphans(sql, after, Date.now() - 10_000, 2)
      found.push(...piece.orphans.map(orphan => orphan.executionId))
      after = piece.last ?? after
      done = piece.done
    }
    t.same(found, [line[1]!.id, line[2]!.id, line[4]!.id])
    t.equal(pieces, 3)
    t.same(await findOrphans(sql, after, Date.now() - 10_000, 2), { orphans: [], last: null, done: true })
    await deaf.runner.runFresh([line[1]!, line[2]!, line[4]!])
  })

  await t.test('dispatches once more what got lost again, after a pause', async t => {
    let late = 0
    const deaf = createWorker(t, site, { dispatching: false })
    const lost = aged(5000)
    await deaf.acceptance.accept(lost)
    const worker = createWorker(t, site, { dispatching: false, now: () => Date.now() + late })
    await worker.sweeper.sweep()
    await worker.sweeper.sweep()
    t.equal(worker.queue.depth(), 1)
    late = 11_000
    await worker.sweeper.sweep()
    t.equal(worker.queue.depth(), 2)
    await worker.runner.runFresh([lost])
    await untilEnded(site, lost.id)
    late = 22_000
    await worker.sweeper.sweep()
    t.equal(worker.queue.depth(), 2, 'what has begun is left alone')
  })

  await t.test('nothing is dispatched again while the queue is full', async t => {
    const worker = createWorker(t, site, { dispatching: false })
    const lost = aged(5000)
    await worker.acceptance.accept(lost)
    await until('the dispatch', () => worker.queue.depth() === 1)
    const crowd = Array.from({ length: 300 }, () => site.execution(workflowId))
    await worker.queue.dispatch({ organizationId: site.organizationId, executions: crowd })
    await worker.sweeper.sweep()
    t.equal(worker.queue.depth(), 301)
    await worker.runner.runFresh([lost])
  })

  await t.test('the low-water mark rises to its bound in steps; what is unfinished below it gets a lease row and runs', async t => {
    const deaf = createWorker(t, site, { dispatching: false })
    const forgotten = [aged(500_000), aged(400_000), aged(300_000)]
    const fresh = aged(1000)
    for (const execution of [...forgotten, fresh]) await deaf.acceptance.accept(execution)
    await sql`update sweep_marks set low_water = '00000000-0000-0000-0000-000000000000'`
    const bound = Date.now() - 120_000
    const steps = []
    do { steps.push(await raiseLowWater(sql, bound, 2)) } while (!steps.at(-1)!.done)
    t.ok(steps.length > 1)
    t.equal(steps.reduce((total, { adopted }) => total + adopted, 0), 3)
    t.equal(await readLowWater(sql), bound)
    t.same(await raiseLowWater(sql, bound - 1000, 2), { adopted: 0, done: true }, 'it never falls')
    t.equal(await readLowWater(sql), bound)
    for (const { id } of forgotten) t.match(await leases(id), [{ status: 'queued', owner: null }])
    t.same(await leases(fresh.id), [])
    t.match(await findOrphans(sql, NIL_ID, Date.now(), 100), { orphans: [{ executionId: fresh.id }], done: true })
    const worker = createWorker(t, site)
    for (const { id } of forgotten) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
    await worker.runner.runFresh([fresh])
    await untilEnded(site, fresh.id)
    t.equal((await sql`select from execution_leases`).length, 0)
  })

  await t.test('two sweepers at once: each execution is taken over by one of them', async t => {
    const gate = gateNode('gate')
    const gated = await site.workflow([{ id: 'call', type: 'gate' }], ['start -> call'])
    const workers = [1, 2, 3].map(() => createWorker(t, site, { nodes: [gate.type], dispatching: false }))
    const executions = Array.from({ length: 12 }, () => site.execution(gated))
    for (const execution of executions) await workers[0]!.acceptance.accept(execution)
    await queueExecutions(sql, executions.map(execution => execution.id), false, 0)
    await Promise.all(workers.flatMap(({ sweeper }) => [sweeper.sweep(), sweeper.sweep()]))
    await until('all to run', async () => {
      await Promise.all(workers.map(async ({ sweeper }) => { await sweeper.sweep() }))
      return gate.visits.length >= 12
    })
    t.equal(new Set(gate.visits.map(visit => visit.key)).size, 12)
    t.equal(gate.visits.length, 12)
    gate.open()
    for (const { id } of executions) t.equal(await untilEnded(site, id), 'succeeded')
  })

  await t.test('rows for executions that are over, leased or unknown are not made twice or at all', async t => {
    const worker = createWorker(t, site, { dispatching: false })
    const [over, waiting] = [site.execution(workflowId), site.execution(workflowId)]
    for (const execution of [over, waiting]) await worker.acceptance.accept(execution)
    await worker.runner.runFresh([over])
    await untilEnded(site, over.id)
    await queueExecutions(sql, [over.id, waiting.id, site.nextId()], false, 60)
    await queueExecutions(sql, [waiting.id], true, 0)
    t.match(await sql`select execution_id, status from execution_leases`, [{ execution_id: waiting.id, status: 'queued' }])
    await sql`delete from execution_leases`
    t.equal(await adoptUnfinished(sql, Date.now() + 1000), 1)
    t.match(await leases(waiting.id), [{ status: 'running', owner: null }])
    t.ok(idTime(waiting.id) <= Date.now())
    t.equal(await untilEnded(site, waiting.id, [worker]), 'succeeded')
  })

  await t.test('started, it works by itself, and survives a database that is away', SERVER_ONLY, async t => {
    const deaf = createWorker(t, site, { dispatching: false })
    const worker = createWorker(t, site)
    worker.sweeper.start()
    const owner = site.database.owner()
    await owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.catch(() => undefined)
    await owner.end()
    const lost = aged(5000)
    // Clients are told to come back while a connection that died keeps others from being made; the same id may come again.
    await until('it to be accepted', async () => await deaf.acceptance.accept(lost).catch(() => false))
    await until('the end', async () => await statusOf(site, lost.id).catch(() => undefined) === 'succeeded')
    await worker.sweeper.close()
    t.pass()
  })
})
