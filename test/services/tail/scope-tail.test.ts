import t from 'tap'
import { LocalHintBus } from '../../../src/queue/local-hint-bus.ts'
import { createMetrics } from '../../../src/services/metrics.ts'
import { createTailHub } from '../../../src/services/tail/index.ts'
import { testDatabase } from '../../support/database.ts'
import { accept, append, Collector, nextId, runWhole, segmentsOf, silentLog, type Started } from './history.ts'

const database = await testDatabase(t)
const sql = database.service
const hints = new LocalHintBus()
const hub = createTailHub({ sql, hints, now: Date.now, log: silentLog, metrics: createMetrics() })
t.teardown(() => { hub.close() })

/** An organization with two workflows, each test its own. */
async function organization () {
  const id = nextId()
  const workflows = [nextId(), nextId()] as const
  await sql`insert into organizations (id, name, slug) values (${id}, 'Acme', ${`acme-${id}`})`
  for (const workflow of workflows) await sql`insert into workflows (id, organization_id, name, version) values (${workflow}, ${id}, 'W', 1)`
  return { id, workflows }
}

async function follow (organizationId: string, { workflowId = null, cursor = null }: { workflowId?: string | null, cursor?: string | null } = {}) {
  const sink = new Collector()
  const subscription = hub.followScope({ organizationId, workflowId, cursor }, sink)
  await sink.until(one => one.opened || one.problem !== undefined)
  return Object.assign(sink, { subscription })
}

const keysOf = ({ executionId }: Started, last: number): string[] => Array.from({ length: last }, (_, index) => `${executionId} ${index + 1}`)

t.test('everything of an organization from now on, and of a workflow its own', async t => {
  const { id, workflows: [one, two] } = await organization()
  const before = await accept(sql, id, one)
  await runWhole(sql, before, segmentsOf(1))
  const wide = await follow(id)
  const narrow = await follow(id, { workflowId: two })
  const stranger = await follow((await organization()).id)
  const [first, second] = [await accept(sql, id, one), await accept(sql, id, two)]
  hints.control({ type: 'accepted', organizationId: id })
  for (const started of [first, second]) await runWhole(sql, started, segmentsOf(3), hint => { hints.publish([hint]) })
  await wide.until(sink => sink.events.length >= 18)
  await narrow.until(sink => sink.events.length >= 9)
  // Acceptances in the order of their commits, then the segments.
  t.strictSame(new Set(wide.keys), new Set([...keysOf(first, 9), ...keysOf(second, 9)]))
  t.strictSame(wide.seqs, [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5, 6, 7, 8, 9])
  t.strictSame(narrow.keys, keysOf(second, 9))
  t.strictSame(stranger.keys, [])
  for (const { subscription } of [wide, narrow, stranger]) subscription.close()
})

t.test('without any hint the tables are asked each second', async t => {
  const { id, workflows: [one] } = await organization()
  const sink = await follow(id)
  const started = await accept(sql, id, one)
  await runWhole(sql, started, segmentsOf(2))
  await sink.until(one => one.events.length === 7)
  t.strictSame(sink.keys, keysOf(started, 7))
  sink.subscription.close()
})

t.test('what commits late is neither lost nor out of order', { skip: database.embedded ? 'one session: no two transactions at once' : false }, async t => {
  const { id, workflows: [one] } = await organization()
  const sink = await follow(id)
  const slow = await accept(sql, id, one)
  await sink.until(all => all.events.length === 1)
  const connection = await sql.reserve()
  await connection`begin`
  await append(connection, slow, 2, [{ type: 'execution.started', at: 1 }], nextId())
  const quick = await accept(sql, id, one)
  await runWhole(sql, quick, segmentsOf(2), hint => { hints.publish([hint]) })
  const meanwhile = await follow(id)
  await new Promise(resolve => setTimeout(resolve, 1300))
  t.equal(sink.events.length, 1, 'nothing passes a transaction that is still open')
  await connection`commit`
  connection.release()
  await sink.until(all => all.events.length === 9)
  t.strictSame(sink.keys, [`${slow.executionId} 1`, `${slow.executionId} 2`, ...keysOf(quick, 7)])
  await meanwhile.until(all => all.events.length === 1)
  t.strictSame(meanwhile.keys, [`${slow.executionId} 2`], 'what had ended when it began is not for it')
  t.notOk(meanwhile.events.some(event => event.executionId === quick.executionId))
  for (const { subscription } of [sink, meanwhile]) subscription.close()
})

t.test('the cursor of any event leads to exactly the rest', async t => {
  const { id, workflows: [one, two] } = await organization()
  const whole = await follow(id)
  const mine: Started[] = []
  await Promise.all(Array.from({ length: 12 }, async (_, index) => {
    const started = await accept(sql, id, index % 2 === 0 ? one : two)
    mine.push(started)
    await runWhole(sql, started, segmentsOf(1 + index, 1 + index % 4), hint => { if (index % 3 !== 0) hints.publish([hint]) })
  }))
  const total = Array.from({ length: 12 }, (_, index) => 5 + 2 * index).reduce((sum, count) => sum + count, 0)
  await whole.until(sink => sink.events.length >= total)
  t.equal(new Set(whole.keys).size, total, 'each event once')
  for (let at = 0; at < total; at += 7) {
    const rest = await follow(id, { cursor: whole.events[at]!.cursor })
    await rest.until(sink => sink.events.length >= total - at - 1)
    t.strictSame(rest.keys, whole.keys.slice(at + 1))
    rest.subscription.close()
  }
  const narrow = await follow(id, { workflowId: two, cursor: whole.events[0]!.cursor })
  const expected = whole.events.slice(1).filter(event => mine.some(one => one.workflowId === two && one.executionId === event.executionId))
  await narrow.until(sink => sink.events.length >= expected.length)
  t.strictSame(narrow.keys, expected.map(event => `${event.executionId} ${event.seq}`))
  narrow.subscription.close()
  whole.subscription.close()
})

t.test('who leaves and comes back while much happens misses nothing and sees nothing twice', async t => {
  const { id, workflows: [one] } = await organization()
  const witness = await follow(id)
  const seen: string[] = []
  let cursor: string | null = null
  let done = false
  const producing = Promise.all(Array.from({ length: 6 }, async () => {
    for (let index = 0; index < 15; index++) {
      const started = await accept(sql, id, one)
      await runWhole(sql, started, segmentsOf(3, 3), hint => { hints.publish([hint]) })
    }
  })).then(() => { done = true })
  let visitor = await follow(id, { cursor: witness.subscription.position as string })
  while (!done || seen.length + visitor.events.length < 6 * 15 * 9) {
    await new Promise(resolve => setTimeout(resolve, Math.random() * 40))
    visitor.subscription.close()
    seen.push(...visitor.keys)
    cursor = visitor.subscription.position as string
    visitor = await follow(id, { cursor })
    if (done) await visitor.until(sink => seen.length + sink.events.length >= 6 * 15 * 9)
  }
  seen.push(...visitor.keys)
  await producing
  await witness.until(sink => sink.events.length >= 6 * 15 * 9)
  t.strictSame(seen, witness.keys)
  visitor.subscription.close()
  witness.subscription.close()
})

t.test('more than a page at once, and large segments', async t => {
  const { id, workflows: [one] } = await organization()
  const sink = await follow(id)
  const from = sink.subscription.position as string
  await Promise.all(Array.from({ length: 1300 }, async () => await accept(sql, id, one)))
  const large = await accept(sql, id, one)
  for (let index = 0; index < 8; index++) {
    await append(sql, large, 2 + index, [{ type: 'log', at: 1, level: 'info', message: 'm'.repeat(1_500_000) }], nextId())
  }
  const again = await follow(id, { cursor: from })
  for (const one of [sink, again]) {
    await one.until(all => all.events.length >= 1309, 20_000)
    t.equal(new Set(one.keys).size, 1309)
    t.strictSame(one.keys.slice(-9), keysOf(large, 9))
    one.subscription.close()
  }
})

t.test('what is not there, and cursors that are none', async t => {
  const { id, workflows: [one] } = await organization()
  const other = await organization()
  for (const workflowId of [nextId(), other.workflows[0]]) {
    t.match(await follow(id, { workflowId }), { problem: { code: 'WC_NOT_FOUND' }, opened: false })
  }
  const sink = await follow(id)
  await accept(sql, id, one)
  await sink.until(all => all.events.length === 1)
  const { cursor } = sink.events[0]!
  const flipped = `${cursor.slice(0, 10)}${cursor[10] === 'A' ? 'B' : 'A'}${cursor.slice(11)}`
  for (const bad of ['', 'x', 'garbage'.repeat(9), flipped, `${cursor}A`, ` ${cursor}`]) {
    t.throws(() => hub.followScope({ organizationId: id, workflowId: null, cursor: bad }, new Collector()), { code: 'WC_CURSOR_INVALID' })
  }
  const single = new Collector()
  hub.followExecution({ organizationId: id, executionId: sink.events[0]!.executionId, after: null }, single)
  await single.until(all => all.events.length === 1)
  t.throws(() => hub.followScope({ organizationId: id, workflowId: null, cursor: single.events[0]!.cursor }, new Collector()), { code: 'WC_CURSOR_INVALID' })
  // Valid, but of another organization: it names a place, not whose.
  const foreign = await follow(other.id, { cursor })
  await accept(sql, other.id, other.workflows[0])
  await foreign.until(all => all.events.length === 1)
  t.strictSame(foreign.events.map(event => event.seq), [1])
  for (const { subscription } of [sink, foreign]) subscription.close()
})
