import t from 'tap'
import { appendEvents, type LeaseChange, type Segment } from '../../../src/db/queries/append-events.ts'
import { sendMessage } from '../../../src/db/queries/inbox.ts'
import { claimLease } from '../../../src/db/queries/leases.ts'
import { acceptExecutions } from '../../../src/db/queries/accept-executions.ts'
import { createSite, createWorker, eventsOf, expireLeases } from '../../support/durable-path.ts'

const HOLD: LeaseChange = { kind: 'hold', progress: false }

t.test('the fence', async t => {
  const site = await createSite(t)
  const { sql, nextId } = site
  const workflowId = await site.workflow([], [])

  async function accepted (): Promise<string> {
    const execution = site.execution(workflowId)
    await acceptExecutions(sql, [execution])
    return execution.id
  }

  function segment (executionId: string, seq: number, writer: string, more: Partial<Segment> = {}): Segment {
    return {
      executionId, seq, lastSeq: seq, organizationId: site.organizationId, workflowId, writer, firstAt: 1, lastAt: 1, status: '',
      events: '[{"type":"execution.started","at":1}]', lease: { kind: 'none' }, logs: [], ...more
    }
  }

  await t.test('a segment goes in once, behind its predecessor only', async t => {
    const id = await accepted()
    const writer = nextId()
    t.same([...(await appendEvents(sql, [segment(id, 3, writer)], 30)).inserted], [], 'nothing stands before it')
    t.same([...(await appendEvents(sql, [segment(id, 2, writer)], 30)).inserted], [id])
    t.same([...(await appendEvents(sql, [segment(id, 2, writer)], 30)).inserted], [])
    t.same([...(await appendEvents(sql, [segment(id, 4, writer)], 30)).inserted], [])
    t.same([...(await appendEvents(sql, [segment(id, 3, writer, { status: 'succeeded' })], 30)).inserted], [id])
    t.same([...(await appendEvents(sql, [segment(id, 4, writer)], 30)).inserted], [], 'nothing comes after the end')
    t.same([...(await appendEvents(sql, [segment(nextId(), 2, writer)], 30)).inserted], [], 'an execution that does not exist')
  })

  await t.test('of a batch of whole executions those go in that may, and all of them are known again', async t => {
    const [first, taken, last, unknown] = [await accepted(), await accepted(), await accepted(), nextId()]
    const writer = nextId()
    const whole = [first, taken, last, unknown].map(id => segment(id, 2, writer, { status: 'succeeded' }))
    await appendEvents(sql, [segment(first, 2, nextId())], 30)
    t.same([...(await appendEvents(sql, whole, 30)).inserted].sort(), [taken, last], 'a place that is taken does not hinder the others')
    const free = [await accepted(), await accepted()]
    await appendEvents(sql, [segment(free[0]!, 2, nextId(), { lease: HOLD })], 30)
    const leased = await accepted()
    t.same([...(await appendEvents(sql, [segment(leased, 2, writer), segment(nextId(), 2, writer)], 30)).inserted], [leased], 'nor does an execution that does not exist')
    t.same([...(await appendEvents(sql, free.map(id => segment(id, 2, writer)), 30)).inserted], [free[1]], 'nor one that another holds')
  })

  await t.test('a zombie cannot write after the take-over, nor a second segment behind its first', async t => {
    const id = await accepted()
    const [zombie, heir] = [nextId(), nextId()]
    await appendEvents(sql, [segment(id, 2, zombie, { lease: HOLD })], 30)
    await expireLeases(site)
    t.match(await claimLease(sql, id, heir, 30), { takeovers: 1 })
    t.same([...(await appendEvents(sql, [segment(id, 3, zombie, { lease: HOLD })], 30)).inserted], [], 'before the heir wrote')
    t.same([...(await appendEvents(sql, [segment(id, 3, heir, { lease: HOLD })], 30)).inserted], [id])
    t.same([...(await appendEvents(sql, [segment(id, 3, zombie)], 30)).inserted], [])
    t.same([...(await appendEvents(sql, [segment(id, 4, zombie)], 30)).inserted], [])
    t.same([...(await appendEvents(sql, [segment(id, 3, heir, { status: 'succeeded', lease: { kind: 'drop' } })], 30)).inserted], [])
    t.equal((await eventsOf(site, id)).length, 2)
  })

  await t.test('two segments of one execution in one batch: one is written, the other refused, and its batch-mates too are written', async t => {
    const worker = createWorker(t, site)
    for (const lease of [{ kind: 'none' } as const, HOLD]) {
      const [id, other] = [await accepted(), await accepted()]
      const [first, second, third] = [nextId(), nextId(), nextId()]
      const results = await Promise.all([
        worker.writer.append(segment(id, 2, first, { lease })), worker.writer.append(segment(id, 2, second, { lease })),
        worker.writer.append(segment(other, 2, third, { lease })), worker.writer.append(segment(id, 2, third, { lease }))
      ])
      t.same(results, ['written', 'refused', 'written', 'refused'])
      const [row] = await sql<Array<{ writer: string }>>`select writer from execution_events where execution_id = ${id}`
      t.equal(row!.writer, first)
    }
  })

  await t.test('a row whose answer was lost is known again as our own', async t => {
    const worker = createWorker(t, site)
    const id = await accepted()
    const writer = nextId()
    await appendEvents(sql, [segment(id, 2, writer)], 30)
    t.equal(await worker.writer.append(segment(id, 2, writer)), 'written')
    t.equal(await worker.writer.append(segment(id, 2, nextId())), 'refused')
  })

  await t.test('a cancel stands before every other end and before the beginning, but lets results in, alone or in a batch', async t => {
    const [begun, other, fresh] = [await accepted(), await accepted(), await accepted()]
    const writer = nextId()
    await appendEvents(sql, [segment(begun, 2, writer, { lease: HOLD }), segment(other, 2, writer, { lease: HOLD })].sort((a, b) => a.executionId < b.executionId ? -1 : 1), 30)
    for (const id of [begun, other, fresh]) t.match(await sendMessage(sql, site.organizationId, id, { messageId: nextId(), kind: 'cancel', body: {} }), { outcome: 'sent' })
    t.same([...(await appendEvents(sql, [segment(begun, 3, writer, { status: 'succeeded' })], 30)).inserted], [])
    t.same([...(await appendEvents(sql, [segment(begun, 3, writer)], 30)).inserted], [begun])
    t.same([...(await appendEvents(sql, [segment(other, 3, writer, { lease: HOLD })], 30)).inserted], [other])
    t.same([...(await appendEvents(sql, [segment(fresh, 2, writer)], 30)).inserted], [], 'what was cancelled while queued does not begin')
    t.same([...(await appendEvents(sql, [segment(fresh, 2, writer, { status: 'cancelled' })], 30)).inserted], [fresh])
    t.match(await sendMessage(sql, site.organizationId, fresh, { messageId: nextId(), kind: 'cancel', body: {} }), { outcome: 'terminal' })
    t.match(await sendMessage(sql, await site.organization(), begun, { messageId: nextId(), kind: 'cancel', body: {} }), { outcome: 'unknown' })
  })

  await t.test('log lines are kept, whatever they hold', async t => {
    const id = await accepted()
    const lines = ['plain', 'nul \u0000 and backslash \\u0000', 'half \ud83d', 'whole \ud83d\ude00', 'line\nbreak']
    const logs = lines.map((message, index) => ({ seq: index + 2, at: 1, level: 'info', nodeId: undefined, run: undefined, message, data: { [message]: message } }))
    t.same([...(await appendEvents(sql, [segment(id, 2, nextId(), { lastSeq: 6, logs })], 30)).inserted], [id])
    const rows = await sql<Array<{ message: string, data: unknown }>>`select message, data from execution_logs where execution_id = ${id} order by seq`
    const kept = ['plain', 'nul \ufffd and backslash \\u0000', 'half \ufffd', 'whole \ud83d\ude00', 'line\nbreak']
    t.same(rows.map(row => row.message), kept)
    t.same(rows.map(row => row.data), kept.map(line => ({ [line]: line })))
  })

  await t.test('events hold any text', async t => {
    const id = await accepted()
    const worker = createWorker(t, site)
    const events = JSON.stringify([{ type: 'execution.failed', at: 1, error: { code: 'X', message: '\u0000 \ud800 \u2028 \n \\' } }])
    t.equal(await worker.writer.append(segment(id, 2, nextId(), { events, status: 'failed' })), 'written')
    t.same((await eventsOf(site, id))[0], JSON.parse(events)[0])
  })
})
