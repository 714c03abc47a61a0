import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import type { WorkflowSettings } from '../../../src/engine/definition.ts'
import { NodeError } from '../../../src/engine/node-error.ts'
import { defineNode, type NodeType } from '../../../src/engine/nodes/node-type.ts'
import { findExecution } from '../../../src/db/queries/executions.ts'
import { sendMessage } from '../../../src/db/queries/inbox.ts'
import { toExecution } from '../../../src/services/executions/view.ts'
import { createSite, createWorker, eventsOf, statusOf, until, untilEnded, type Site, type Worker } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

const site = await createSite(t)
const { sql } = site

const SLOTS = 20
/** How long somebody else is about to commit a slot, milliseconds; on a database with one connection everybody waits for that. */
const HELD = 300

const call = (type: string) => [{ id: 'call', type }]
const limited = async (type: string, concurrency: NonNullable<WorkflowSettings['concurrency']> | null, organizationId = site.organizationId): Promise<string> =>
  await site.workflow(call(type), ['start -> call'], { settings: { concurrency }, organizationId })

async function accept (worker: Worker, workflowId: string, payloads: readonly unknown[], origin = ''): Promise<string[]> {
  const rows = payloads.map(payload => site.execution(workflowId, { payload: JSON.stringify(payload), origin }))
  for (const row of rows) await worker.acceptance.accept(row)
  return rows.map(({ id }) => id)
}

async function view (at: Site, id: string) {
  const { organizationId } = at
  return toExecution((await site.database.tenant(organizationId).run(async tx => await findExecution(tx, organizationId, id)))!)
}

async function slotsHeld (): Promise<number> {
  return (await sql`select from concurrency_slots`).length
}

t.test('no more than the limit run at once; the others wait in order, say why, and go on one by one', async t => {
  const gate = gateNode('one')
  const worker = createWorker(t, site, { nodes: [gate.type] })
  const ids = await accept(worker, await limited('one', { limit: 2 }), [{}, {}, {}, {}, {}])
  await until('two to run', () => gate.visits.length === 2)
  await until('the rest to wait', async () => (await sql`select from execution_leases where blocked_on is not null`).length === 3)
  t.match(await view(site, ids[4]!), { status: 'queued', waitingFor: { type: 'concurrency', scope: 'workflow', limit: 2 } })
  t.match(await view(site, ids[0]!), { status: 'running', waitingFor: null })
  for (let sweeps = 0; sweeps < 4; sweeps++) await worker.sweeper.sweep()
  t.equal(gate.visits.length, 2, 'a sweep lets nobody past')
  for (let done = 1; done <= 5; done++) {
    gate.visits[done - 1]!.pass()
    await until('the next', () => gate.visits.length === Math.min(5, done + 2))
  }
  for (const id of ids) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
  const waited = gate.visits.slice(2).map(({ key }) => key.split(':')[0])
  t.strictSame(waited, waited.toSorted(), 'in the order in which they came')
  await until('the slots to be free', async () => await slotsHeld() === 0)
})

t.test('a key keeps its own executions apart, and waits for no slot of the workflow meanwhile', async t => {
  const gate = gateNode('keyed')
  const worker = createWorker(t, site, { nodes: [gate.type] })
  const workflowId = await limited('keyed', { key: '{{ $json.customer }}', limit: 3 })
  const [a1, a2, b1, none] = await accept(worker, workflowId, [{ customer: 'a' }, { customer: 'a' }, { customer: 'b' }, {}]) as [string, string, string, string]
  await until('one of each', () => gate.visits.length === 3)
  t.strictSame(gate.visits.map(({ key }) => key.split(':')[0]).sort(), [a1, b1, none].sort())
  t.match(await view(site, a2), { status: 'queued', waitingFor: { type: 'concurrency', scope: 'key', limit: 1 } })
  gate.visits.find(({ key }) => key.startsWith(a1))!.pass()
  await until('the second of a', () => gate.visits.length === 4)
  gate.open()
  for (const id of [a1, a2, b1, none]) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
})

t.test('a slot that another process takes at the same moment is not the last: the next free one is given', async t => {
  const gate = gateNode('raced')
  const worker = createWorker(t, site, { nodes: [gate.type] })
  const workflowId = await limited('raced', { limit: 2 })
  const elsewhere = site.nextId()
  let accepted: Promise<string[]> | undefined
  await sql.begin(async tx => {
    await tx`insert into concurrency_slots (organization_id, scope, number, execution_id) values (${site.organizationId}, ${`workflow:${workflowId}`}, 0, ${elsewhere})`
    accepted = accept(worker, workflowId, [{}])
    await sleep(HELD)
  })
  const [id] = await accepted!
  await until('it to run', () => gate.visits.length === 1)
  gate.open()
  t.equal(await untilEnded(site, id!, [worker]), 'succeeded')
  await sql`delete from concurrency_slots where execution_id = ${elsewhere}`
})

t.test('a key that cannot be computed fails the execution and says where', async t => {
  const worker = createWorker(t, site, { nodes: [] })
  const workflowId = await site.workflow([{ id: 'a', type: 'noOp' }], ['start -> a'], { settings: { concurrency: { key: '{{ $json.customer.id.of.nobody }}' } } })
  const [id] = await accept(worker, workflowId, [{}]) as [string]
  t.equal(await untilEnded(site, id, [worker]), 'failed')
  t.match((await eventsOf(site, id)).at(-1), { type: 'execution.failed', error: { pointer: '/key' } })
})

t.test('so it does where it comes past the queue', async t => {
  const worker = createWorker(t, site, { nodes: [], dispatching: false })
  const workflowId = await site.workflow([{ id: 'a', type: 'noOp' }], ['start -> a'], { settings: { concurrency: { key: '{{ $json.customer.id.of.nobody }}' } } })
  const [id] = await accept(worker, workflowId, [{}]) as [string]
  await sql`insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at) values (${id}, ${site.organizationId}, ${workflowId}, 'queued', now())`
  t.equal(await untilEnded(site, id, [worker]), 'failed')
  t.match((await eventsOf(site, id)).at(-1), { type: 'execution.failed', error: { pointer: '/key' } })
  t.strictSame([...await sql`select from execution_leases where execution_id = ${id}`], [])
})

t.test('an organization has a limit over all of its workflows', async t => {
  const organizationId = await site.organization()
  await sql`update organizations set concurrency_limit = 2 where id = ${organizationId}`
  const gate = gateNode('ours')
  const worker = createWorker(t, site, { nodes: [gate.type] })
  const workflows = [await limited('ours', null, organizationId), await limited('ours', { limit: 5 }, organizationId)]
  const ids = [...await accept(worker, workflows[0]!, [{}, {}]), ...await accept(worker, workflows[1]!, [{}, {}])]
  await until('two of four', () => gate.visits.length === 2)
  await until('the rest to wait', async () => (await sql`select from execution_leases where organization_id = ${organizationId} and blocked_on = 'organization'`).length === 2)
  gate.open()
  for (const id of ids) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
  await until('the slots to be free', async () => await slotsHeld() === 0)
})

t.test('a high priority goes before what waits, a low one behind it', async t => {
  const gate = gateNode('ranked')
  const worker = createWorker(t, site, { nodes: [gate.type] })
  const workflowId = await limited('ranked', { limit: 1 })
  const [first] = await accept(worker, workflowId, [{}])
  await until('the first', () => gate.visits.length === 1)
  const [low] = await accept(worker, workflowId, [{}], '{"priority":"low"}')
  const [normal] = await accept(worker, workflowId, [{}])
  const [high] = await accept(worker, workflowId, [{}], '{"priority":"high"}')
  await until('three to wait', async () => (await sql`select from execution_leases where blocked_on is not null`).length === 3)
  gate.open()
  for (const id of [first!, low!, normal!, high!]) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
  t.strictSame(gate.visits.map(({ key }) => key.split(':')[0]), [first, high, normal, low])
})

t.test('one that waits for its turn can be cancelled at once', async t => {
  const gate = gateNode('cancelled')
  const worker = createWorker(t, site, { nodes: [gate.type] })
  const ids = await accept(worker, await limited('cancelled', { limit: 1 }), [{}, {}]) as [string, string]
  await until('the second to wait', async () => (await sql`select from execution_leases where blocked_on is not null`).length === 1)
  t.match(await sendMessage(sql, site.organizationId, ids[1], { messageId: site.nextId(), kind: 'cancel', body: {} }), { outcome: 'sent' })
  t.equal(await untilEnded(site, ids[1], [worker]), 'cancelled')
  t.equal(gate.visits.length, 1)
  gate.open()
  t.equal(await untilEnded(site, ids[0], [worker]), 'succeeded')
})

t.test('one that waits holds no slot, and gets one again before it goes on', async t => {
  const gate = gateNode('held')
  let failures = 0
  const flaky: NodeType = defineNode({
    type: 'flaky',
    title: 'flaky',
    description: 'Fails once.',
    icon: 'box',
    category: 'flow',
    effects: 'none',
    parameters: Type.Object({}),
    async run ({ items }) {
      if (failures++ === 0) throw new NodeError('WC_TEST', 'once', { retryable: true })
      return { outputs: { main: items.map((_, from) => ({ from })) } }
    }
  })
  let ahead = 0
  const worker = createWorker(t, site, { nodes: [gate.type, flaky], now: () => Date.now() + ahead })
  const settings = { concurrency: { limit: 1 } }
  const workflowId = await site.workflow([{ id: 'again', type: 'flaky', retry: { maxAttempts: 2, delay: '1h', maxDelay: '1h' } }, { id: 'call', type: 'held' }], ['start -> again', 'again -> call'], { settings })
  const [first, second] = await accept(worker, workflowId, [{}, {}]) as [string, string]
  await until('the second to run while the first waits', () => gate.visits.length === 1 && gate.visits[0]!.key.startsWith(second))
  ahead = 2 * 3_600_000
  await until('the first to wait for the slot', async () => {
    await sql`update execution_leases set due_at = now() where execution_id = ${first} and blocked_on is null`
    await worker.sweeper.sweep()
    return (await sql`select from execution_leases where execution_id = ${first} and blocked_on is not null`).length === 1
  })
  t.match(await view(site, first), { status: 'waiting', waitingFor: { type: 'concurrency', scope: 'workflow' } })
  gate.open()
  for (const id of [first, second]) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
})

t.test('one that waits while nobody else wants its slot gets it back at once', async t => {
  const worker = createWorker(t, site)
  const workflowId = await site.workflow([{ id: 'wait', type: 'wait', parameters: { for: '50ms' } }], ['start -> wait'], { settings: { concurrency: { limit: 1 } } })
  const [id] = await accept(worker, workflowId, [{}]) as [string]
  t.equal(await untilEnded(site, id, [worker]), 'succeeded')
})

t.test('a workflow with one slot runs itself: what waits for another execution gives its slot to that one', async t => {
  const worker = createWorker(t, site)
  const settings = { concurrency: { limit: 1 } }
  const trigger = { id: 'start', type: 'subWorkflowTrigger' }
  const workflowId = await site.workflow([
    { id: 'more', type: 'if', parameters: { condition: '{{ $json.n > 0 }}' } },
    { id: 'itself', type: 'subWorkflow', parameters: { workflowId: '{{ $workflow.id }}', input: { n: '{{ $json.n - 1 }}' } } }
  ], ['start -> more', 'more -> itself'], { trigger, settings })
  const ids = await accept(worker, workflowId, [{ n: 3 }, { n: 2 }])
  for (const id of ids) t.equal(await untilEnded(site, id, [worker]), 'succeeded')
  await until('the slots to be free', async () => await slotsHeld() === 0)
})

t.test('processes that die at any moment: never more than the limit, and all end', async t => {
  const limit = 3
  let running = 0
  let most = 0
  const counted: NodeType = defineNode({
    type: 'counted',
    title: 'counted',
    description: 'Counts how many run.',
    icon: 'box',
    category: 'outside',
    effects: 'idempotent',
    parameters: Type.Object({}),
    async run ({ items }) {
      most = Math.max(most, ++running)
      await new Promise(resolve => setTimeout(resolve, 5))
      running--
      return { outputs: { main: items.map((_, from) => ({ from })) } }
    }
  })
  const workflowId = await limited('counted', { limit })
  const worker = (): Worker => createWorker(t, site, { nodes: [counted], slots: SLOTS })
  let alive = [worker(), worker(), worker()]
  const ids: string[] = []
  for (let wave = 0; wave < 6; wave++) {
    await Promise.all(alive.map(async one => ids.push(...await accept(one, workflowId, [{}, {}, {}, {}]))))
    // What runs in a dead one ends there unseen: its slot stays its execution's until somebody takes that over.
    alive[0]!.die()
    alive = [...alive.slice(1), worker()]
    for (const one of alive) await one.sweeper.sweep()
    await until('what ran to stop', () => running === 0)
    await expireLeasesOfTheDead()
  }
  await until('all to end', async () => {
    await expireLeasesOfTheDead()
    for (const one of alive) await one.sweeper.sweep()
    return (await Promise.all(ids.map(async id => await statusOf(site, id)))).every(status => status !== undefined)
  }, 60_000)
  for (const id of ids) t.equal(await statusOf(site, id), 'succeeded')
  t.ok(most <= limit, `${most} ran at once`)
  t.ok(most > 1, 'and not one after the other')
  await until('the slots to be free', async () => {
    for (const one of alive) await one.sweeper.sweep()
    return await slotsHeld() === 0
  })

  /** Those of the living are not touched: what they run, or are about to, would run twice. */
  async function expireLeasesOfTheDead (): Promise<void> {
    const owners = (await sql<Array<{ owner: string | null }>>`select owner from execution_leases`).flatMap(({ owner }) => owner ?? [])
    if (alive.some(one => one.runner.running > 0 || one.runner.free < SLOTS)) return
    await sql`update execution_leases set due_at = now() - interval '1 second' where owner is null or owner = any(string_to_array(${owners.join()}, ',')::uuid[])`
  }
})
