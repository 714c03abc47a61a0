import t from 'tap'
import type { WorkflowNode } from '../../../src/engine/definition.ts'
import { sendMessage } from '../../../src/db/queries/inbox.ts'
import { createSite, createWorker, eventsOf, until, untilEnded } from '../../support/durable-path.ts'
import { familyOn } from '../../support/family.ts'
import { gateNode } from '../../support/gate-node.ts'

const trigger: WorkflowNode = { id: 'start', type: 'subWorkflowTrigger' }
/** A third of the lease, milliseconds: by then all would know of a cancellation without being told. */
const HEARTBEAT = 10_000

t.test('executions that belong together', async t => {
  const site = await createSite(t)
  const { sql } = site
  const gate = gateNode('gate')
  const worker = createWorker(t, site, { nodes: [gate.type], slots: 100 })

  async function run (workflowId: string, input: object = {}): Promise<string> {
    const execution = site.execution(workflowId, { payload: JSON.stringify(input) })
    await worker.acceptance.accept(execution)
    return execution.id
  }

  const { childrenOf, outputsOf, errorOf } = familyOn(site)

  const cancel = async (executionId: string): Promise<unknown> => {
    const sent = await sendMessage(sql, undefined, executionId, { messageId: site.nextId(), kind: 'cancel', body: {} })
    worker.hints.control(sent.due ? { type: 'due', executionId, organizationId: site.organizationId } : { type: 'mail', executionId })
    if (sent.due) worker.runner.wake({ executionId, organizationId: site.organizationId })
    return sent
  }

  const double = await site.workflow([{ id: 'double', type: 'set', parameters: { fields: { twice: '{{ $json.n * 2 }}' } } }], ['start -> double'], { trigger: { ...trigger, parameters: { inputSchema: { type: 'object', required: ['n'], properties: { n: { type: 'number' } } } } } })
  const failing = await site.workflow([{ id: 'end', type: 'stop', parameters: { message: 'No stock' } }], ['start -> end'], { trigger })
  const gated = await site.workflow([{ id: 'gate', type: 'gate' }], ['start -> gate'], { trigger })

  await t.test('a step waits for the executions of its items, and goes on with their last items', async t => {
    const workflowId = await site.workflow([
      { id: 'split', type: 'splitOut', parameters: { field: 'list' } },
      { id: 'call', type: 'subWorkflow', parameters: { workflowId: double, input: { n: '{{ $json.list }}' } } },
      { id: 'after', type: 'set', parameters: { fields: { of: "{{ $('split').item.json.list }}" } } }
    ], ['start -> split', 'split -> call', 'call -> after'])
    const id = await run(workflowId, { list: [1, 2, 3] })
    t.equal(await untilEnded(site, id, [worker]), 'succeeded', JSON.stringify(await errorOf(id)))
    t.same(await outputsOf(id, 'call'), { main: [{ n: 1, twice: 2 }, { n: 2, twice: 4 }, { n: 3, twice: 6 }] })
    t.match(await outputsOf(id, 'after'), { main: [{ of: 1 }, { of: 2 }, { of: 3 }] }, 'linked to the items that they came from')
    t.equal((await childrenOf(id)).length, 3)
    t.same(await sql`select 1 from execution_inbox where execution_id = ${id}`, [], 'no mail is left')
    t.same(await sql`select 1 from execution_leases where execution_id = ${id}`, [])
  })

  await t.test('without waiting, the items name the executions', async t => {
    const workflowId = await site.workflow([{ id: 'call', type: 'subWorkflow', parameters: { workflowId: double, wait: false } }], ['start -> call'])
    const id = await run(workflowId, { n: 4 })
    t.equal(await untilEnded(site, id, [worker]), 'succeeded')
    const [child] = await childrenOf(id)
    t.same(await outputsOf(id, 'call'), { main: [{ executionId: child, workflowId: double }] })
    t.equal(await untilEnded(site, child!, [worker]), 'succeeded')
    t.match(await sql`select origin, trigger from executions where id = ${child!}`, [{ trigger: 'subWorkflow', origin: { parent: { id, nodeId: 'call', run: 0, index: 0, awaited: false }, depth: 1 } }])
  })

  await t.test('a failure is the failure of the step, with what it was', async t => {
    const workflowId = await site.workflow([{ id: 'call', type: 'subWorkflow', parameters: { workflowId: failing } }], ['start -> call'])
    const id = await run(workflowId)
    t.equal(await untilEnded(site, id, [worker]), 'failed')
    const [child] = await childrenOf(id)
    t.match(await errorOf(id), { code: 'WC_SUBWORKFLOW_FAILED', nodeId: 'call', itemIndex: 0, data: { executionId: child, status: 'failed', error: { message: 'No stock', nodeId: 'end' } } })
    const middle = await site.workflow([{ id: 'inner', type: 'subWorkflow', parameters: { workflowId: failing } }], ['start -> inner'], { trigger })
    const outer = await run(await site.workflow([{ id: 'outer', type: 'subWorkflow', parameters: { workflowId: middle } }], ['start -> outer']))
    t.equal(await untilEnded(site, outer, [worker]), 'failed')
    const [second] = await childrenOf(outer)
    const [third] = await childrenOf(second!)
    t.match(await errorOf(outer), {
      message: `The execution ${second} of the sub-workflow failed, because of the execution ${third} inside it: No stock`,
      data: { executionId: second, status: 'failed', error: { code: 'WC_STOPPED', message: 'No stock', nodeId: 'end' }, chain: [{ executionId: second, status: 'failed', nodeId: 'inner' }, { executionId: third, status: 'failed', nodeId: 'end' }] }
    }, 'the cause once, however deep')
    t.equal(JSON.stringify(await errorOf(outer)).split('No stock').length, 3)
    const handled = await site.workflow([{ id: 'call', type: 'subWorkflow', onError: 'errorOutput', parameters: { workflowId: failing } }, { id: 'note', type: 'noOp' }], ['start -> call', 'call.error -> note'])
    const other = await run(handled)
    t.equal(await untilEnded(site, other, [worker]), 'succeeded')
  })

  await t.test('input that does not fit, and workflows that cannot be run, say so', async t => {
    const foreign = await site.workflow([], [], { trigger, organizationId: await site.organization() })
    const draft = await site.workflow([], [], { trigger })
    await sql`update workflows set published_version = null where id = ${draft}`
    const without = await site.workflow([], [])
    for (const [workflowId, input, code] of [
      [double, { n: 'x' }, 'WC_SUBWORKFLOW_FAILED'], [double, 7, 'WC_SUBWORKFLOW_INPUT'], [foreign, {}, 'WC_SUBWORKFLOW_UNKNOWN'],
      [site.nextId(), {}, 'WC_SUBWORKFLOW_UNKNOWN'], ['nonsense', {}, 'WC_SUBWORKFLOW_UNKNOWN'], [draft, {}, 'WC_SUBWORKFLOW_UNPUBLISHED'], [without, {}, 'WC_SUBWORKFLOW_TRIGGER']
    ] as const) {
      const id = await run(await site.workflow([{ id: 'call', type: 'subWorkflow', parameters: { workflowId, input } }], ['start -> call']))
      t.equal(await untilEnded(site, id, [worker]), 'failed')
      t.match(await errorOf(id), { code, nodeId: 'call' })
    }
  })

  await t.test('a step that is retried starts another execution', async t => {
    const slow = await site.workflow([{ id: 'wait', type: 'wait', parameters: { for: '1h' } }], ['start -> wait'], { trigger })
    const workflowId = await site.workflow([{ id: 'call', type: 'subWorkflow', timeout: '300ms', retry: { maxAttempts: 2, delay: '10ms' }, parameters: { workflowId: slow } }], ['start -> call'])
    const id = await run(workflowId)
    t.equal(await untilEnded(site, id, [worker]), 'failed')
    t.match(await errorOf(id), { code: 'WC_STEP_TIMEOUT' })
    const children = await childrenOf(id)
    t.equal(children.length, 2)
    for (const child of children) t.equal(await untilEnded(site, child, [worker]), 'cancelled', 'its step waits no more')
  })

  await t.test('the cancellation of an execution reaches all that stand within it, and nothing that is over', async t => {
    const middle = await site.workflow([{ id: 'call', type: 'subWorkflow', parameters: { workflowId: gated } }], ['start -> call'], { trigger })
    const top = await site.workflow([
      { id: 'done', type: 'subWorkflow', parameters: { workflowId: double, input: { n: 1 } } },
      { id: 'apart', type: 'subWorkflow', parameters: { workflowId: double, input: { n: 1 }, wait: false } },
      { id: 'call', type: 'map', parameters: { workflowId: middle, input: {} } }
    ], ['start -> done', 'done -> apart', 'apart -> call'])
    const before = gate.visits.length
    const id = await run(top)
    await until('the innermost to run', () => gate.visits.length > before)
    const asked = Date.now()
    await cancel(id)
    const tree = [id, ...await childrenOf(id)]
    for (const one of [...tree]) tree.push(...(one === id ? [] : await childrenOf(one)))
    t.equal(tree.length, 5)
    const ends = await Promise.all(tree.map(async one => await untilEnded(site, one, [worker])))
    t.same(ends, ['cancelled', 'succeeded', 'succeeded', 'cancelled', 'cancelled'])
    t.ok(Date.now() - asked < HEARTBEAT, `in ${Date.now() - asked} ms: they were told, not found out`)
    t.ok(gate.visits.at(-1)!.signal.aborted, 'what runs is aborted')
  })

  await t.test('executions stand within each other ten deep', async t => {
    const workflowId = await site.workflow([{ id: 'call', type: 'subWorkflow', parameters: { workflowId: '{{ $workflow.id }}' } }], ['start -> call'], { trigger })
    const top = await run(workflowId)
    t.equal(await untilEnded(site, top, [worker]), 'failed')
    let depth = 0
    for (let [child] = await childrenOf(top); child !== undefined; [child] = await childrenOf(child)) depth++
    t.equal(depth, 10)
    t.match(await errorOf(top), { data: { error: { code: 'WC_SUBWORKFLOW_DEPTH' }, chain: { length: 10 } } })
  })

  await t.test('map runs so many at once, keeps the order, and does with failures what it is told', async t => {
    const picky = await site.workflow([
      { id: 'gate', type: 'gate' }, { id: 'odd', type: 'if', parameters: { condition: '{{ $json.n % 2 === 1 }}' } }, { id: 'end', type: 'stop', parameters: { message: 'Odd' } }, { id: 'even', type: 'noOp' }
    ], ['start -> gate', 'gate -> odd', 'odd.true -> end', 'odd.false -> even'], { trigger })
    const mapped = async (more: object): Promise<string> => await run(await site.workflow([
      { id: 'split', type: 'splitOut', parameters: { field: 'list' } }, { id: 'each', type: 'map', parameters: { workflowId: picky, input: { n: '{{ $json.list }}' }, ...more } }
    ], ['start -> split', 'split -> each']), { list: [2, 4, 5, 6, 8] })
    const first = gate.visits.length
    const id = await mapped({ maxConcurrency: 2, onItemError: 'collect' })
    await until('two to run', () => gate.visits.length === first + 2)
    t.equal((await childrenOf(id)).length, 2)
    gate.open()
    t.equal(await untilEnded(site, id, [worker]), 'succeeded', JSON.stringify(await errorOf(id)))
    t.match(await outputsOf(id, 'each'), { main: [{ n: 2 }, { n: 4 }, { n: 6 }, { n: 8 }], failed: [{ error: { message: 'Odd', status: 'failed' } }] })
    const skipping = await mapped({ onItemError: 'skip' })
    t.equal(await untilEnded(site, skipping, [worker]), 'succeeded')
    t.same(await outputsOf(skipping, 'each'), { main: [{ n: 2 }, { n: 4 }, { n: 6 }, { n: 8 }] })
    const stopping = await mapped({ maxConcurrency: 1 })
    t.equal(await untilEnded(site, stopping, [worker]), 'failed')
    t.equal((await childrenOf(stopping)).length, 3, 'nothing starts behind the one that failed')
  })

  await t.test('many that end at once are all heard of', async t => {
    const workflowId = await site.workflow([
      { id: 'split', type: 'splitOut', parameters: { field: 'list' } }, { id: 'each', type: 'map', parameters: { workflowId: double, maxConcurrency: 30, input: { n: '{{ $json.list }}' } } }
    ], ['start -> split', 'split -> each'])
    const id = await run(workflowId, { list: Array.from({ length: 300 }, (_, n) => n) })
    t.equal(await untilEnded(site, id, [worker]), 'succeeded')
    t.same((await outputsOf(id, 'each'))['main'], Array.from({ length: 300 }, (_, n) => ({ n, twice: 2 * n })))
  })

  await t.test('files and results that are too large for a message go along', async t => {
    const big = await site.workflow([{ id: 'grow', type: 'set', parameters: { fields: { text: "{{ 'x'.repeat($json.size) }}" } } }], ['start -> grow'], { trigger })
    const small = createWorker(t, site, { largeValueSize: 1000, dispatching: true })
    const workflowId = await site.workflow([
      { id: 'split', type: 'splitOut', parameters: { field: 'list' } }, { id: 'each', type: 'map', parameters: { workflowId: big, input: { size: '{{ $json.list }}', pad: "{{ 'y'.repeat(2000) }}" } } },
      { id: 'measure', type: 'set', parameters: { keep: 'none', fields: { length: '{{ $json.text.length }}' } } }
    ], ['start -> split', 'split -> each', 'each -> measure'])
    const execution = site.execution(workflowId, { payload: JSON.stringify({ list: [10, 5000, 20] }) })
    await small.acceptance.accept(execution)
    t.equal(await untilEnded(site, execution.id, [small]), 'succeeded', JSON.stringify(await errorOf(execution.id)))
    t.same(await outputsOf(execution.id, 'measure'), { main: [{ length: 10 }, { length: 5000 }, { length: 20 }] })
    const { rows } = { rows: await sql<Array<{ payload: unknown }>>`select payload from executions where parent_id = ${execution.id}` }
    t.ok(rows.every(({ payload }) => typeof payload === 'string'), 'inputs over the limit are in the file storage')
  })

  await t.test('files go into a sub-workflow and come out of it, and belong to whoever refers to them', async t => {
    const echo = await site.workflow([
      { id: 'read', type: 'extractFromFile', parameters: { format: 'text' } },
      { id: 'shout', type: 'set', parameters: { keep: 'none', fields: { text: '{{ $json.text.toUpperCase() }}' } } },
      { id: 'write', type: 'convertToFile', parameters: { format: 'text', content: '{{ $json.text }}' } }
    ], ['start -> read', 'read -> shout', 'shout -> write'], { trigger })
    const workflowId = await site.workflow([
      { id: 'write', type: 'convertToFile', parameters: { format: 'text', content: '{{ $json.text }}' } },
      { id: 'call', type: 'subWorkflow', parameters: { workflowId: echo } },
      { id: 'read', type: 'extractFromFile', parameters: { format: 'text' } }
    ], ['start -> write', 'write -> call', 'call -> read'])
    const id = await run(workflowId, { text: 'quietly' })
    t.equal(await untilEnded(site, id, [worker]), 'succeeded', JSON.stringify(await errorOf(id)))
    t.match(await outputsOf(id, 'read'), { main: [{ text: 'QUIETLY' }] })
    const [child] = await childrenOf(id)
    const filesOf = async (one: string): Promise<string[]> => (await sql<Array<{ id: string }>>`select id from files where execution_id = ${one} order by id`).map(row => row.id)
    t.equal((await filesOf(id)).length, 2)
    t.same(await filesOf(child!), await filesOf(id))

    const binary = await site.workflow([{ id: 'seen', type: 'set', parameters: { keep: 'none', fields: { names: '{{ Object.keys($binary) }}', text: '{{ $json.text }}' } } }], ['start -> seen'], { trigger })
    const given = async (files?: unknown): Promise<string> => await run(await site.workflow([
      { id: 'a', type: 'convertToFile', parameters: { format: 'text', content: 'a', binaryName: 'a' } },
      { id: 'call', type: 'subWorkflow', parameters: { workflowId: binary, input: { text: 'own' }, ...(files === undefined ? {} : { files }) } }
    ], ['start -> a', 'a -> call']))
    for (const [files, names] of [[undefined, ['a']], [['a'], ['a']], [[], []]] as const) {
      const asked = await given(files)
      t.equal(await untilEnded(site, asked, [worker]), 'succeeded', JSON.stringify(await errorOf(asked)))
      t.same(await outputsOf(asked, 'call'), { main: [{ names, text: 'own' }] })
    }
    const missing = await given(['b'])
    t.equal(await untilEnded(site, missing, [worker]), 'failed')
    t.match(await errorOf(missing), { code: 'WC_PARAMETER', pointer: '/files', message: /called "b"/ })
  })

  await t.test('an empty list as the answer is no item at all, and ends what follows', async t => {
    const none = await site.workflow([{ id: 'say', type: 'respond', parameters: { body: '{{ [] }}' } }], ['start -> say'], { trigger })
    const workflowId = await site.workflow([{ id: 'call', type: 'subWorkflow', parameters: { workflowId: none } }, { id: 'after', type: 'noOp' }], ['start -> call', 'call -> after'])
    const id = await run(workflowId)
    t.equal(await untilEnded(site, id, [worker]), 'succeeded', JSON.stringify(await errorOf(id)))
    t.same(await outputsOf(id, 'call'), {}, 'nothing leaves')
    t.ok((await eventsOf(site, id)).some(event => event.type === 'step.skipped' && event.nodeId === 'after'))
  })

  await t.test('what an error or a line of the log carries is cut where it is too long', async t => {
    const id = await run(await site.workflow([{ id: 'end', type: 'stop', parameters: { message: "{{ 'm'.repeat(50000) }}", data: "{{ { long: 'd'.repeat(200000) } }}" } }], ['start -> end']))
    t.equal(await untilEnded(site, id, [worker]), 'failed')
    const { message, data } = await errorOf(id) as { message: string, data: { beginning: string } }
    t.equal(message.length, 10_001)
    t.match(data, { truncated: true, size: 200_011, beginning: /^\{"long":"ddd/ })
    t.equal(data.beginning.length, 2000)
  })

  await t.test('what they start has the priority of its own workflow', async t => {
    const priorityOf = async (executionId: string): Promise<unknown> => (await sql<Array<{ priority: string | null }>>`select origin ->> 'priority' as priority from executions where id = ${executionId}`)[0]!.priority
    const urgent = await site.workflow([], [], { trigger, settings: { priority: 'high' } })
    const plain = await site.workflow([], [], { trigger })
    for (const [target, type, expected] of [[urgent, 'subWorkflow', 'high'], [urgent, 'map', 'high'], [plain, 'subWorkflow', null]] as const) {
      const id = await run(await site.workflow([{ id: 'call', type, parameters: { workflowId: target } }], ['start -> call'], { settings: { priority: 'low' } }))
      t.equal(await untilEnded(site, id, [worker]), 'succeeded')
      t.equal(await priorityOf((await childrenOf(id))[0]!), expected)
    }
  })

  await t.test('an execution whose worker dies while it waits goes on, and starts nothing twice', async t => {
    const held = gateNode('held')
    const inner = await site.workflow([{ id: 'gate', type: 'held' }], ['start -> gate'], { trigger })
    const workflowId = await site.workflow([
      { id: 'split', type: 'splitOut', parameters: { field: 'list' } }, { id: 'each', type: 'map', parameters: { workflowId: inner, maxConcurrency: 2, input: { n: '{{ $json.list }}' } } }
    ], ['start -> split', 'split -> each'])
    const first = createWorker(t, site, { nodes: [held.type] })
    const execution = site.execution(workflowId, { payload: JSON.stringify({ list: [1, 2, 3, 4, 5] }) })
    await first.acceptance.accept(execution)
    await until('two to run', () => held.visits.length === 2)
    held.visits[0]!.pass()
    await until('a third to run', () => held.visits.length === 3)
    first.die()
    const second = createWorker(t, site, { nodes: [held.type] })
    held.open()
    await until('the end', async () => {
      await sql`update execution_leases set due_at = now() - interval '1 second' where owner is not null`
      await second.sweeper.sweep()
      return (await eventsOf(site, execution.id)).at(-1)?.type === 'execution.succeeded'
    })
    t.same(await outputsOf(execution.id, 'each'), { main: [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }, { n: 5 }] })
    t.equal((await childrenOf(execution.id)).length, 5)
  })
})
