import t from 'tap'
import { NodeError } from '../../../src/engine/node-error.ts'
import { createSite, createWorker, eventsOf, until, untilEnded } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

/** Time passes when a test puts a clock forward, and not while a machine is busy. */
const anHourLater = { maxAttempts: 2, delay: '1h', maxDelay: '1h' }
const TWO_HOURS = 2 * 3_600_000
const later = () => new NodeError('WC_TEST', 'Later', { retryable: true })

t.test('waits', async t => {
  const site = await createSite(t)
  const { sql } = site
  const leases = async () => await sql<Array<{ status: string, owner: string | null, takeovers: number, waiting_for: { type: string } | null }>>`select status, owner, takeovers, waiting_for from execution_leases`

  await t.test('hold no slot, and survive their worker', async t => {
    const gate = gateNode('gate')
    const workflowId = await site.workflow([{ id: 'call', type: 'gate', retry: anHourLater }], ['start -> call'])
    const first = createWorker(t, site, { nodes: [gate.type], slots: 2 })
    const execution = site.execution(workflowId)
    await first.acceptance.accept(execution)
    await until('the step', () => gate.visits.length === 1)
    t.equal(first.runner.free, 1)
    gate.visits[0]!.fail(later())
    await until('the wait', () => first.runner.free === 2 && first.runner.running === 0)
    t.match(await leases(), [{ status: 'waiting', owner: null, takeovers: 0, waiting_for: { type: 'retry', nodeId: 'call' } }])
    await first.runner.close(0)
    let ahead = 0
    const second = createWorker(t, site, { nodes: [gate.type], now: () => Date.now() + ahead })
    await second.sweeper.sweep()
    t.equal(gate.visits.length, 1, 'not before its time')
    ahead = TWO_HOURS
    await sql`update execution_leases set due_at = now()`
    await until('the retry', async () => { await second.sweeper.sweep(); return gate.visits.length === 2 })
    t.equal(gate.visits[1]!.attempt, 2)
    gate.open()
    t.equal(await untilEnded(site, execution.id), 'succeeded')
    t.same((await eventsOf(site, execution.id)).map(event => event.type).filter(type => type.startsWith('execution.')),
      ['execution.started', 'execution.waiting', 'execution.resumed', 'execution.succeeded'])
  })

  await t.test('an execution that is claimed too early waits on, instead of being held for ever', async t => {
    const gate = gateNode('gate')
    const workflowId = await site.workflow([{ id: 'call', type: 'gate', retry: anHourLater }], ['start -> call'])
    // A clock that is behind the one that says what is due.
    let ahead = 0
    const worker = createWorker(t, site, { nodes: [gate.type], now: () => Date.now() + ahead })
    const execution = site.execution(workflowId)
    await worker.acceptance.accept(execution)
    await until('the step', () => gate.visits.length === 1)
    gate.visits[0]!.fail(later())
    await until('the wait', () => worker.runner.running === 0)
    await sql`update execution_leases set due_at = now()`
    await worker.sweeper.sweep()
    await until('it to be put back', async () => worker.runner.running === 0 && (await leases()).every(lease => lease.status === 'waiting' && lease.owner === null))
    await until('no slot to be held', () => worker.runner.free === 20)
    t.equal(gate.visits.length, 1)
    gate.open()
    ahead = TWO_HOURS
    await sql`update execution_leases set due_at = now()`
    t.equal(await untilEnded(site, execution.id, [worker]), 'succeeded')
    t.equal(gate.visits.length, 2)
  })

  await t.test('a retry does not wait for another branch', async t => {
    const shaky = gateNode('shaky')
    const slow = gateNode('slow')
    const workflowId = await site.workflow([{ id: 'a', type: 'shaky', retry: { maxAttempts: 2, delay: '50ms' } }, { id: 'b', type: 'slow' }], ['start -> a', 'start -> b'])
    const worker = createWorker(t, site, { nodes: [shaky.type, slow.type] })
    const execution = site.execution(workflowId)
    await worker.acceptance.accept(execution)
    await until('both', () => shaky.visits.length === 1 && slow.visits.length === 1)
    shaky.visits[0]!.fail(later())
    await until('the retry', () => shaky.visits.length === 2)
    shaky.open()
    slow.open()
    t.equal(await untilEnded(site, execution.id), 'succeeded')
  })

  await t.test('timeouts: of a step, of a whole execution, and of any length', async t => {
    const gate = gateNode('gate')
    const worker = createWorker(t, site, { nodes: [gate.type] })
    const limited = site.execution(await site.workflow([{ id: 'call', type: 'gate', timeout: '50ms' }], ['start -> call']))
    const whole = site.execution(await site.workflow([{ id: 'call', type: 'gate' }], ['start -> call'], { settings: { timeout: '100ms' } }))
    const patient = site.execution(await site.workflow([{ id: 'call', type: 'gate', timeout: '60d' }], ['start -> call'], { settings: { timeout: '60d' } }))
    for (const execution of [limited, whole, patient]) await worker.acceptance.accept(execution)
    t.equal(await untilEnded(site, limited.id), 'failed')
    t.match((await eventsOf(site, limited.id)).at(-1), { error: { code: 'WC_STEP_TIMEOUT', nodeId: 'call' } })
    t.equal(await untilEnded(site, whole.id), 'timedOut')
    await until('only the patient one to be left', () => worker.runner.running === 1)
    gate.open()
    t.equal(await untilEnded(site, patient.id), 'succeeded')
  })
})
