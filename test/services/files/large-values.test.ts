import t from 'tap'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { builtinNodes } from '../../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../../src/engine/nodes/registry.ts'
import { foldSteps } from '../../../src/engine/steps.ts'
import { decodeEvents } from '../../../src/engine/stored-events.ts'
import { deleteExecution } from '../../../src/db/queries/executions.ts'
import { shareFiles } from '../../../src/db/queries/files.ts'
import { loadOne, loadSegments } from '../../../src/db/queries/load-executions.ts'
import { createAnswerWaiter } from '../../../src/services/await-answer.ts'
import { createFileReaper } from '../../../src/services/files/reaper.ts'
import { createPlans } from '../../../src/services/plans.ts'
import { publicEvent } from '../../../src/services/tail/public-event.ts'
import { StorageError, type FileStorage } from '../../../src/storage/port.ts'
import { createFilesOn, createSite, createWorker, statusOf, until, untilEnded, untilTakenOver } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

const LARGE = 20_000
const site = await createSite(t)
const { sql, organizationId } = site
const silent = pino({ level: 'silent' })
const plans = createPlans(sql, new NodeRegistry(builtinNodes))
const { values } = createFilesOn(site, { largeValueSize: LARGE })
const reaper = createFileReaper({ sql, storage: site.storage, log: silent })
const text = 'é€😀'.repeat(10_000)

async function stored (): Promise<string[]> {
  return await readdir(join(site.storageDirectory, organizationId)).catch(() => [])
}

async function filesOf (executionId: string) {
  return await sql<Array<{ id: string, kind: string, size: string, due: boolean }>>`
    select id, kind, size, due_at is not null as due from files where execution_id = ${executionId} order by id`
}

async function stepsOf (executionId: string, workflowId: string) {
  const [execution, segments] = [(await loadOne(sql, executionId))!, await loadSegments(sql, executionId)]
  const plan = (await plans.get(organizationId, workflowId, 1))!
  const events = await values.complete(organizationId, segments.flatMap(segment => decodeEvents(JSON.parse(segment.events))))
  return { execution, segments, steps: foldSteps(plan, execution.nodeId, await values.payload(organizationId, execution.payload), events).steps }
}

t.test('large values', async t => {
  const worker = createWorker(t, site, { largeValueSize: LARGE })
  const copying = await site.workflow([
    { id: 'one', type: 'set', parameters: { fields: { a: '{{ $json.text }}' }, keep: 'none' } },
    { id: 'two', type: 'set', parameters: { fields: { b: '{{ $json.a + "!" }}' } } },
    { id: 'small', type: 'set', parameters: { fields: { c: 1 }, keep: 'none' } }
  ], ['start -> one', 'one -> two', 'two -> small'])

  await t.test('go to the storage, and their rows stay small', async t => {
    const execution = site.execution(copying, { payload: JSON.stringify({ text }) })
    t.ok(await worker.acceptance.accept(execution))
    t.equal(await untilEnded(site, execution.id, [worker]), 'succeeded')
    const { execution: row, segments, steps } = await stepsOf(execution.id, copying)
    t.ok(row.payload.length < 100)
    for (const segment of segments) t.ok(segment.events.length < LARGE)
    t.same(steps.map(step => step.outputs['main']![0]!.json), [{ text }, { a: text }, { a: text, b: text + '!' }, { c: 1 }])
    const files = await filesOf(execution.id)
    t.equal(files.length, 2, 'one for the payload, one for all of the segment')
    t.same(await stored(), files.map(file => file.id))

    const shown = segments.flatMap(segment => decodeEvents(JSON.parse(segment.events))).map(publicEvent)
    t.same(shown.filter(event => event['type'] === 'step.succeeded').map(event => event['itemCounts']), Array(4).fill({ main: 1 }))
  })

  await t.test('are there again for whoever takes over', async t => {
    const gate = gateNode('gate')
    const first = createWorker(t, site, { largeValueSize: LARGE, nodes: [gate.type] })
    const second = createWorker(t, site, { largeValueSize: LARGE, nodes: [gate.type], dispatching: false })
    const workflow = await site.workflow([
      { id: 'one', type: 'set', parameters: { fields: { a: '{{ $json.text }}' }, keep: 'none' } },
      { id: 'gate', type: 'gate' },
      { id: 'length', type: 'set', parameters: { fields: { length: "{{ $('one').item.json.a.length }}" }, keep: 'none' } }
    ], ['start -> one', 'one -> gate', 'gate -> length'])
    const execution = site.execution(workflow, { payload: JSON.stringify({ text }) })
    await first.acceptance.accept(execution)
    await until('the gate is reached', () => gate.visits.length > 0)
    first.die()
    await untilTakenOver('the gate is reached again', site, second, () => gate.visits.length > 1)
    gate.open()
    t.equal(await untilEnded(site, execution.id, [second]), 'succeeded')
    const segments = await loadSegments(sql, execution.id)
    t.match(segments.at(-1)!.events, `"length":${text.length}`)
  })

  await t.test('make a large answer', async t => {
    const workflow = await site.workflow([{ id: 'reply', type: 'respond', parameters: { body: '{{ $json.text }}' } }], ['start -> reply'])
    const waiter = createAnswerWaiter({ sql, plans, values, hints: worker.hints, log: silent })
    t.teardown(() => { waiter.close() })
    const execution = site.execution(workflow, { payload: JSON.stringify({ text }) })
    const waiting = waiter.wait({ organizationId, executionId: execution.id, until: 'answer', timeout: 30_000 })
    await worker.acceptance.accept(execution)
    t.match(await waiting.answer, { status: 200, body: text })
    t.ok((await loadSegments(sql, execution.id)).every(segment => segment.events.length < LARGE))
  })

  await t.test('are gone with their execution, unless another needs them', async t => {
    const accept = async () => {
      const execution = site.execution(copying, { payload: JSON.stringify({ text }) })
      await worker.acceptance.accept(execution)
      await untilEnded(site, execution.id, [worker])
      return execution.id
    }
    const [gone, shared, heir] = [await accept(), await accept(), await accept()]
    await shareFiles(sql, organizationId, shared, heir)
    const [lost, kept] = [await filesOf(gone), await filesOf(shared)]
    t.equal((await filesOf(heir)).length, 4)

    for (const id of [gone, shared]) t.equal(await deleteExecution(sql, organizationId, id), 'deleted')
    await reaper.reap()
    const present = await stored()
    for (const { id } of lost) t.notOk(present.includes(id))
    for (const { id } of kept) t.ok(present.includes(id))
    t.same([await filesOf(gone), await filesOf(shared)], [[], []])

    await deleteExecution(sql, organizationId, heir)
    await reaper.reap()
    for (const { id } of kept) t.notOk((await stored()).includes(id))
    t.same(await filesOf(heir), [])
  })

  await t.test('of no execution are removed after a day; those of one stay', async t => {
    const stray = site.nextId()
    await values.storePayload({ organizationId, executionId: stray }, JSON.stringify({ text }))
    const execution = site.execution(copying, { payload: JSON.stringify({ text }) })
    await worker.acceptance.accept(execution)
    await untilEnded(site, execution.id, [worker])
    const [file] = await filesOf(stray)
    await reaper.reap()
    t.ok((await stored()).includes(file!.id), 'it is young: its execution may be about to be accepted')
    await sql`update files set due_at = now() where execution_id in ${sql([stray, execution.id])}`
    await reaper.reap()
    t.notOk((await stored()).includes(file!.id))
    t.same((await filesOf(execution.id)).map(file => file.due), [false, false])
  })
})

t.test('a storage that is away', async t => {
  let away = true
  const flaky: FileStorage = {
    ...site.storage,
    async write (key, source) {
      if (away) throw new StorageError('away')
      await site.storage.write(key, source)
    }
  }
  const doubling = await site.workflow([{ id: 'one', type: 'set', parameters: { fields: { a: '{{ $json.text.repeat(20) }}' } } }], ['start -> one'])

  await t.test('keeps a large payload from being accepted, and nothing else', async t => {
    const worker = createWorker(t, site, { largeValueSize: LARGE, storage: flaky })
    const execution = site.execution(doubling, { payload: JSON.stringify({ text }) })
    await t.rejects(worker.acceptance.accept(execution), { code: 'WC_STORAGE_UNAVAILABLE', status: 503 })
    t.equal(await loadOne(sql, execution.id), undefined)
    const small = site.execution(doubling, { payload: '{"text":"x"}' })
    t.ok(await worker.acceptance.accept(small))
    t.equal(await untilEnded(site, small.id, [worker]), 'succeeded')
  })

  await t.test('lets an execution wait that has something to store', async t => {
    const worker = createWorker(t, site, { largeValueSize: LARGE, storage: flaky })
    const execution = site.execution(doubling, { payload: JSON.stringify({ text: 'x'.repeat(2000) }) })
    await worker.acceptance.accept(execution)
    await until('it ran in vain', () => worker.runner.running === 0)
    t.equal(await statusOf(site, execution.id), undefined)
    away = false
    await sql`insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at) values (${execution.id}, ${organizationId}, ${doubling}, 'queued', now()) on conflict do nothing`
    t.equal(await untilEnded(site, execution.id, [worker]), 'succeeded')
  })

  await t.test('or one whose payload is there, and one that lost its files fails', async t => {
    const worker = createWorker(t, site, { largeValueSize: LARGE, dispatching: false })
    const execution = site.execution(doubling, { payload: JSON.stringify({ text }) })
    await worker.acceptance.accept(execution)
    const [file] = await filesOf(execution.id)
    await site.storage.remove({ organizationId, fileId: file!.id })
    await sql`insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at) values (${execution.id}, ${organizationId}, ${doubling}, 'queued', now())`
    t.equal(await untilEnded(site, execution.id, [worker]), 'failed')
    t.match((await loadSegments(sql, execution.id)).at(-1)!.events, /WC_FILE_MISSING/)
  })
})
