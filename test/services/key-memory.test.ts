import t from 'tap'
import { deleteForgottenKeys } from '../../src/db/queries/remembered-keys.ts'
import { createKeyMemory } from '../../src/services/runner/key-memory.ts'
import { createSite, createWorker, eventsOf, statusOf, until } from '../support/durable-path.ts'

const site = await createSite(t)
const { sql, organizationId } = site
const memory = createKeyMemory(sql)
const { signal } = new AbortController()
const removing = { id: 'new', type: 'removeDuplicates', parameters: { across: 'executions', by: 'key', key: '{{ $json.id }}' } }

async function claim (workflowId: string, claimedBy: string, keys: string[], { keepFor = null, keepAtMost = 1000, name = 'm' }: { keepFor?: number | null, keepAtMost?: number, name?: string } = {}) {
  return [...await memory.claim({ organizationId, workflowId, name, claimedBy, keepFor, keepAtMost }, keys, signal)].sort()
}

t.test('a key is free once; whoever claimed it finds it free again', async t => {
  const workflowId = await site.workflow([], [])
  t.same(await claim(workflowId, 'one:n:0', ['a', 'b']), ['a', 'b'])
  t.same(await claim(workflowId, 'two:n:0', ['b', 'c']), ['c'])
  t.same(await claim(workflowId, 'one:n:0', ['a', 'b', 'c']), ['a', 'b'], 'the step is repeated after a crash')
  t.same(await claim(workflowId, 'one:n:1', ['a']), [], 'the next run of the node in a loop')
  t.same(await claim(workflowId, 'two:n:0', ['a'], { name: 'other' }), ['a'], 'another memory')
  t.same(await claim(await site.workflow([], []), 'two:n:0', ['a']), ['a'], 'another workflow')
  t.same(await claim(workflowId, 'one:n:0', []), [])
})

t.test('of many that want the same keys at once, one gets each', async t => {
  const workflowId = await site.workflow([], [])
  const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`)
  const claims = await Promise.all(Array.from({ length: 8 }, async (_, place) => await claim(workflowId, `e${place}:n:0`, place % 2 === 0 ? keys : [...keys].reverse())))
  t.same(claims.flat().sort(), [...keys].sort())
})

t.test('a window and a largest size bound what is remembered', async t => {
  const workflowId = await site.workflow([], [])
  t.same(await claim(workflowId, 'one:n:0', ['a'], { keepFor: 1 }), ['a'])
  await until('the window is over', async () => (await sql`select now() > max(expires_at) as over from remembered_keys where workflow_id = ${workflowId}`)[0]?.['over'] as boolean)
  t.same(await claim(workflowId, 'two:n:0', ['a'], { keepFor: 60_000 }), ['a'], 'it was forgotten, and is remembered anew')
  t.same(await claim(workflowId, 'three:n:0', ['a'], { keepFor: 60_000 }), [])
  await claim(workflowId, 'one:n:0', ['b'], { keepFor: 1 })
  await until('the window is over', async () => await deleteForgottenKeys(sql) > 0)
  const many = await site.workflow([], [])
  await claim(many, 'one:n:0', ['old'], { keepAtMost: 10 })
  await claim(many, 'two:n:0', Array.from({ length: 10 }, (_, index) => `new ${index}`), { keepAtMost: 10 })
  t.same(await claim(many, 'three:n:0', ['old', 'new 3'], { keepAtMost: 10 }), ['old'])
})

t.test('an organization has no claim on the workflow of another', async t => {
  const foreign = await site.workflow([], [], { organizationId: await site.organization() })
  await t.rejects(claim(foreign, 'one:n:0', ['a']))
})

t.test('executions leave out what others have passed on, and not what they claimed themselves before a crash', async t => {
  const { acceptance } = createWorker(t, site)
  const workflowId = await site.workflow([removing, { id: 'kept', type: 'noOp' }], ['start -> new', 'new -> kept'])
  async function keeps (id: number, before: (executionId: string) => Promise<unknown> = async () => {}): Promise<boolean> {
    const execution = site.execution(workflowId, { payload: JSON.stringify({ id }) })
    await before(execution.id)
    await acceptance.accept(execution)
    t.equal(await until('the execution ends', async () => await statusOf(site, execution.id)), 'succeeded')
    return (await eventsOf(site, execution.id)).some(event => event.type === 'step.succeeded' && event.nodeId === 'kept')
  }
  t.equal(await keeps(1), true)
  t.equal(await keeps(1), false)
  t.equal(await keeps(2, async executionId => await claim(workflowId, `${executionId}:new:0`, ['2'], { name: 'node:new' })), true)
  t.equal(await keeps(2), false)
})
