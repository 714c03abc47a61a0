import t from 'tap'
import { acceptExecutions } from '../../src/db/queries/accept-executions.ts'
import { textOf } from '../../src/services/files/json-bytes.ts'
import { createSite, createWorker, makePartitions } from '../support/durable-path.ts'

/** The embedded database has one session: nothing can be held up or ended there alone. */
const SERVER_ONLY = { skip: process.env['TEST_DATABASE_URL'] === undefined && 'needs a server' }

t.test('acceptance', async t => {
  const site = await createSite(t)
  const { sql } = site
  const workflowId = await site.workflow([], [])
  const worker = createWorker(t, site, { dispatching: false })
  const { acceptance } = worker

  async function stored (ids: readonly string[]): Promise<number> {
    return (await sql`select id from executions where id = any(string_to_array(${ids.join()}, ',')::uuid[])`).length
  }

  await t.test('what was accepted is committed when the promise resolves', async t => {
    const executions = Array.from({ length: 700 }, () => site.execution(workflowId))
    const seen = await Promise.all(executions.map(async execution => {
      t.equal(await acceptance.accept(execution), true)
      return await stored([execution.id])
    }).slice(0, 20))
    t.ok(seen.every(count => count === 1))
    await acceptance.drained()
    t.equal(await stored(executions.map(execution => execution.id)), 700)
    t.same(acceptance.backlog, { rows: 0, bytes: 0 })
  })

  await t.test('the same statement repeated inserts once and answers the same, also when the workflow was unpublished in between', async t => {
    const other = await site.workflow([], [])
    const rows = [site.execution(workflowId), site.execution(other)]
    const ids = rows.map(row => row.id)
    for (let time = 0; time < 3; time++) {
      t.same([...await acceptExecutions(sql, rows)].sort(), ids)
      await sql`update workflows set published_version = null where id = ${other}`
    }
    t.equal(await stored(ids), 2)
    t.equal((await acceptExecutions(sql, [site.execution(other)])).size, 0)
  })

  await t.test('so does a batch whose rows differ in nothing but their ids and payloads', async t => {
    const only = await site.workflow([], [])
    const rows = [site.execution(only), site.execution(only), site.execution(only)]
    const ids = rows.map(row => row.id)
    t.same([...await acceptExecutions(sql, rows.slice(1))].sort(), ids.slice(1))
    t.same([...await acceptExecutions(sql, rows)].sort(), ids, 'one of them is new')
    await sql`update workflows set published_version = null where id = ${only}`
    t.same([...await acceptExecutions(sql, [...rows, site.execution(only)])].sort(), ids, 'what is there stays accepted, what is new is not taken')
    t.equal(await stored(ids), 3)
    const [row] = await sql`select version, node_id, trigger, origin, organization_id, workflow_id from executions where id = ${ids[0]!}`
    const { version, nodeId, trigger, organizationId, workflowId } = rows[0]!
    t.same(row, { version, node_id: nodeId, trigger, origin: null, organization_id: organizationId, workflow_id: workflowId })
  })

  await t.test('a workflow that is gone, of another organization, or no longer published in that version takes nothing', async t => {
    const refused = [
      site.execution(workflowId, { version: 2 }),
      site.execution(site.nextId()),
      site.execution(workflowId, { organizationId: await site.organization() })
    ]
    const fine = site.execution(workflowId)
    t.same(await Promise.all([...refused, fine].map(async row => await acceptance.accept(row))), [false, false, false, true])
    t.equal(await stored(refused.map(row => row.id)), 0)
    t.equal(await acceptance.accept(site.execution(workflowId, { version: 2, published: false })), true)
  })

  await t.test('payloads are kept to the byte, whatever is in them', async t => {
    const payloads = ['{"a":"\\u0000"}', '{"a":"\\ud800"}', '{"a":"\u2028 \ud83d\ude00 \\n \\\\ \\" , \\r"}', '{"big":12345678901234567890.10}', ' { "spaces" : [ 1 , 2 ] } ', '{"a":1,"a":2}', 'null',
      JSON.stringify({ long: 'ä'.repeat(3_000_000) })]
    const rows = payloads.map(payload => site.execution(workflowId, { payload }))
    t.same(new Set(await Promise.all(rows.map(async row => await acceptance.accept(row)))), new Set([true]))
    for (const [index, row] of rows.entries()) {
      const [found] = await sql<Array<{ payload: string }>>`select payload::text as payload from executions where id = ${row.id}`
      const [file] = await sql<Array<{ id: string }>>`select id from files where execution_id = ${row.id}`
      const kept = file === undefined ? found!.payload : await textOf(await site.storage.read({ organizationId: row.organizationId, fileId: file.id }))
      t.ok(kept === row.payload, `payload ${index}`)
      t.equal(file !== undefined, index === payloads.length - 1, 'only the large one is a file')
    }
  })

  await t.test('a bad row fails alone', async t => {
    const rows = [...Array.from({ length: 9 }, () => site.execution(workflowId)), site.execution(workflowId, { payload: '{broken' }), ...Array.from({ length: 9 }, () => site.execution(workflowId))]
    const results = await Promise.allSettled(rows.map(async row => await acceptance.accept(row)))
    t.same(results.map(result => result.status === 'fulfilled' && result.value), rows.map(row => row.payload !== '{broken'))
    t.equal(await stored(rows.map(row => row.id)), 18)
  })

  await t.test('two processes that accept the same rows in opposite order neither deadlock nor double them', async t => {
    const rows = Array.from({ length: 200 }, () => site.execution(workflowId))
    const second = createWorker(t, site, { dispatching: false })
    const both = await Promise.all([...rows.map(async row => await acceptance.accept(row)), ...[...rows].reverse().map(async row => await second.acceptance.accept(row))])
    t.ok(both.every(accepted => accepted))
    t.equal(await stored(rows.map(row => row.id)), 200)
  })

  await t.test('a missing partition is made, and the rows go in', async t => {
    const owner = site.database.owner()
    for (const table of ['executions', 'execution_events', 'execution_logs']) {
      const day = new Date().toISOString().slice(0, 10).replaceAll('-', '')
      await owner.unsafe(`drop table ${table}_${day}`)
    }
    await owner.end()
    const rows = Array.from({ length: 5 }, () => site.execution(workflowId))
    t.ok((await Promise.all(rows.map(async row => await acceptance.accept(row)))).every(accepted => accepted))
    t.equal(await stored(rows.map(row => row.id)), 5)
    await makePartitions(site)
  })

  await t.test('a database that does not answer: 503 with Retry-After, in bounded time, and the next one is accepted', SERVER_ONLY, async t => {
    const blocker = site.database.owner()
    let release = (): void => {}
    const blocked = blocker.begin(async tx => {
      await tx`lock table executions in access exclusive mode`
      await new Promise<void>(resolve => { release = resolve })
    })
    await new Promise(resolve => setTimeout(resolve, 100))
    const before = Date.now()
    t.match(await acceptance.accept(site.execution(workflowId)).catch((error: unknown) => error), { status: 503, headers: { 'retry-after': '2' } })
    t.ok(Date.now() - before < 20_000, 'the lock would never be free')
    release()
    await blocked
    await blocker.end()
    t.equal(await acceptance.accept(site.execution(workflowId)), true)
  })
})
