import t from 'tap'
import { sendMessage } from '../../../src/db/queries/inbox.ts'
import { createSite, createWorker, eventsOf, statusOf, until, untilEnded } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'
import { NodeError } from '../../../src/engine/node-error.ts'

/** The embedded database has one session: nothing can be held up or ended there alone. */
const SERVER_ONLY = { skip: process.env['TEST_DATABASE_URL'] === undefined && 'needs a server' }

t.test('cancelling', async t => {
  const site = await createSite(t)
  const { sql } = site
  const cancel = async (id: string) => (await sendMessage(sql, site.organizationId, id, { messageId: site.nextId(), kind: 'cancel', body: {} })).outcome

  await t.test('while it is queued: it never begins', async t => {
    const gate = gateNode('gate')
    const worker = createWorker(t, site, { nodes: [gate.type], dispatching: false })
    const execution = site.execution(await site.workflow([{ id: 'call', type: 'gate' }], ['start -> call']))
    await worker.acceptance.accept(execution)
    t.equal(await cancel(execution.id), 'sent')
    await worker.runner.runFresh([execution])
    t.equal(await untilEnded(site, execution.id), 'cancelled')
    t.equal(gate.visits.length, 0)
    t.same((await eventsOf(site, execution.id)).map(event => event.type), ['execution.cancelled'])
    t.equal(await cancel(execution.id), 'terminal')
    t.equal((await sql`select from execution_leases`).length + (await sql`select from execution_inbox`).length, 0)
  })

  await t.test('while it runs: the step is aborted, whether the hint comes or only the heartbeat', async t => {
    for (const hinted of [true, false]) {
      const gate = gateNode('gate')
      const worker = createWorker(t, site, { nodes: [gate.type], leaseSeconds: 1 })
      const execution = site.execution(await site.workflow([{ id: 'call', type: 'gate' }, { id: 'next', type: 'gate' }], ['start -> call', 'call -> next']))
      await worker.acceptance.accept(execution)
      await until('the step', () => gate.visits.length === 1)
      t.equal(await cancel(execution.id), 'sent')
      if (hinted) worker.runner.mail(execution.id)
      t.equal(await untilEnded(site, execution.id), 'cancelled')
      t.ok(gate.visits[0]!.signal.aborted)
      gate.open()
      t.equal(gate.visits.length, 1)
      await until('the slot', () => worker.runner.free === 20)
    }
  })

  await t.test('while the start of a step is being committed: the step does not start', SERVER_ONLY, async t => {
    const gate = gateNode('gate')
    const next = gateNode('next')
    const worker = createWorker(t, site, { nodes: [gate.type, next.type] })
    const execution = site.execution(await site.workflow([{ id: 'call', type: 'gate' }, { id: 'then', type: 'next' }], ['start -> call', 'call -> then']))
    await worker.acceptance.accept(execution)
    await until('the first step', () => gate.visits.length === 1)
    // Only an owner sees what the connections of others do.
    const [owner, watcher] = [site.database.owner(), site.database.owner()]
    let release = (): void => {}
    const blocked = owner.begin(async tx => {
      await tx`lock table execution_events in access exclusive mode`
      await new Promise<void>(resolve => { release = resolve })
    })
    t.teardown(() => { release() })
    await until('the lock', async () => (await sql`select from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'execution_events'::regclass`).length > 0)
    gate.open()
    await until('the append to stand before the lock', async () => (await sql`select from pg_locks where not granted and relation = 'execution_events'::regclass`).length > 0)
    await sql`insert into execution_inbox (execution_id, message_id, organization_id, kind, body) values (${execution.id}, ${site.nextId()}, ${site.organizationId}, 'cancel', '{}')`
    const [asked] = await watcher<Array<{ at: string }>>`select clock_timestamp()::text as at`
    worker.runner.mail(execution.id)
    await until('the mail to be read', async () => (await watcher`
      select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state = 'idle' and query like '%from execution_inbox%' and query_start > ${asked!.at}::timestamptz`).length > 0)
    release()
    await blocked
    await Promise.all([owner.end(), watcher.end()])
    t.equal(await untilEnded(site, execution.id), 'cancelled')
    t.equal(next.visits.length, 0)
    t.ok((await eventsOf(site, execution.id)).some(event => event.type === 'step.succeeded' && event.nodeId === 'call'), 'what the first step did is on record')
  })

  await t.test('while it waits: woken by its mail', async t => {
    const gate = gateNode('gate')
    const worker = createWorker(t, site, { nodes: [gate.type] })
    const execution = site.execution(await site.workflow([{ id: 'call', type: 'gate', retry: { maxAttempts: 2, delay: '1h', maxDelay: '1h' } }], ['start -> call']))
    await worker.acceptance.accept(execution)
    await until('the step', () => gate.visits.length === 1)
    gate.visits[0]!.fail(new NodeError('WC_TEST', 'Later', { retryable: true }))
    await until('the wait', async () => (await sql`select from execution_leases where status = 'waiting'`).length === 1)
    t.equal(await cancel(execution.id), 'sent')
    t.equal(await untilEnded(site, execution.id, [worker]), 'cancelled')
  })

  await t.test('just when it ends: it is one or the other, and nothing is left behind', async t => {
    const worker = createWorker(t, site)
    const workflowId = await site.workflow([{ id: 'a', type: 'noOp' }], ['start -> a'])
    const executions = Array.from({ length: 60 }, () => site.execution(workflowId))
    const outcomes = await Promise.all(executions.map(async ({ id }, index) => {
      await worker.acceptance.accept(executions[index]!)
      if (index % 3 === 0) await new Promise(resolve => setTimeout(resolve, index % 7))
      const outcome = await cancel(id)
      worker.runner.mail(id)
      return outcome
    }))
    for (const [index, { id }] of executions.entries()) {
      const status = await untilEnded(site, id, [worker])
      t.ok(outcomes[index] === 'sent' ? ['cancelled', 'succeeded'].includes(status) : status === 'succeeded')
    }
    for (let sweeps = 0; sweeps < 16; sweeps++) await worker.sweeper.sweep()
    t.equal((await sql`select from execution_inbox`).length, 0)
    t.equal(await statusOf(site, executions[0]!.id) === undefined, false)
  })
})
