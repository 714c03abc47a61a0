import { readFile } from 'node:fs/promises'
import t from 'tap'
import type { WorkflowNode } from '../../../src/engine/definition.ts'
import { eventsOf, until, untilEnded } from '../../support/durable-path.ts'
import { setQuota } from '../../../src/services/quotas/set-quota.ts'
import { killBackends } from '../../support/kill-backends.ts'
import { pollSite, SECRET } from '../../support/poll-site.ts'

const { site, worker, answers, server, hurry, startedBy, poller, published, again, stateOf, itemsOf } = await pollSite(t)
const { sql, organizationId } = site

t.test('what is new starts one execution, with an item for each; where nothing is, none starts', async t => {
  let list = [{ id: 1 }, { id: 2 }]
  const asked: Array<string | null> = []
  answers.set('/orders', url => {
    asked.push(url.searchParams.get('since'))
    return { body: { data: { orders: list } } }
  })
  const { id, workflowId } = await published('/orders', { items: 'data.orders', key: 'id', query: { since: '{{ $cursor }}' }, cursor: '{{ $json.id }}', initialCursor: 0 })
  const one = poller()
  await one.poll()
  const [first] = await startedBy(workflowId)
  t.match(first, { trigger: 'poll', payload: { pollId: id, items: [{ id: 1 }, { id: 2 }] } })
  t.equal(await untilEnded(site, first!.id, [worker]), 'succeeded')
  const succeeded = (await eventsOf(site, first!.id)).find(event => event.type === 'step.succeeded' && event.nodeId === 'start') as unknown as { outputs: { main: Array<{ json: unknown }> } }
  t.strictSame(succeeded.outputs.main.map(({ json }) => json), [{ id: 1 }, { id: 2 }])
  t.match(await stateOf(id), { cursor: 2, begun: true, lease: null, last_items: 2, last_execution_id: first!.id })

  await again(id, one)
  t.equal((await startedBy(workflowId)).length, 1, 'both were seen')
  list = [{ id: 2 }, { id: 3 }, { id: 3 }]
  await again(id, one)
  t.strictSame(await itemsOf(workflowId), [1, 2, 3], 'one of the new ones was there twice')
  list = []
  await again(id, one)
  t.match(await stateOf(id), { cursor: 3, last_items: 0 })
  t.strictSame(asked, ['0', '2', '2', '3'])
  t.ok((await stateOf(id)).wait > 3000, 'the next is a tick')
  await one.poll()
  t.equal(asked.length, 4, 'and not before')
})

t.test('the example of its page gives what the page says', async t => {
  const page = await readFile(new URL('../../../docs/nodes/poll.md', import.meta.url), 'utf8')
  const block = <T>(label: string): T => JSON.parse(new RegExp('```' + label + '\\n(.*?)```', 's').exec(page)![1]!) as T
  const { nodes: [trigger, tell, ...others], connections } = block<{ nodes: [WorkflowNode, WorkflowNode], connections: object[] }>('json')
  t.strictSame([others, connections], [[], [{ from: trigger.id, to: tell.id }]], 'as `published` connects them')
  const asked: string[] = []
  answers.set('/example', url => {
    asked.push(url.search)
    return { body: block('json answer') }
  })
  const { id, workflowId } = await published('/example', { ...trigger.parameters, url: `${server.url}/example` }, { trigger: { id: trigger.id }, next: tell })
  const one = poller()
  await again(id, one)
  const [started] = await startedBy(workflowId)
  t.equal(await untilEnded(site, started!.id, [worker]), 'succeeded')
  const told = (await eventsOf(site, started!.id)).find(event => event.type === 'step.succeeded' && event.nodeId === tell.id) as unknown as { outputs: { main: Array<{ json?: unknown }> } }
  t.strictSame(told.outputs.main.map(({ json }) => json), block('json output'))
  await again(id, one)
  t.strictSame(asked.map(search => new URLSearchParams(search).get('updatedSince')), ['2026-01-01T00:00:00Z', '2026-01-31T12:00:00Z'])
  t.equal((await startedBy(workflowId)).length, 1)
})

t.test('one execution for each item, and a first poll that only looks', async t => {
  let list = [{ id: 1 }, { id: 2 }]
  answers.set('/each', () => ({ body: list }))
  const { id, workflowId } = await published('/each', { key: '{{ $json.id }}', firstRun: 'new', start: 'item' })
  const one = poller()
  await one.poll()
  t.equal((await startedBy(workflowId)).length, 0)
  list = [{ id: 1 }, { id: 5 }, { id: 6 }]
  await again(id, one)
  t.strictSame((await startedBy(workflowId)).map(({ payload }) => payload.items), [[{ id: 5 }], [{ id: 6 }]])
})

t.test('all pages, and items that are no objects', async t => {
  answers.set('/pages', url => ({ body: { values: { 1: ['a', 'b'], 2: ['c'] }[url.searchParams.get('page') ?? ''] ?? [] } }))
  const { id, workflowId } = await published('/pages', { items: 'values', key: 'value', pagination: { mode: 'page' }, cursor: '{{ $input.all().length }}' })
  await poller().poll()
  t.match((await startedBy(workflowId))[0], { payload: { items: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] } })
  t.equal((await stateOf(id)).cursor, 3)
})

t.test('what is large goes to the file storage first', async t => {
  answers.set('/large', () => ({ body: [{ id: 1, text: 'x'.repeat(400_000) }] }))
  const { workflowId } = await published('/large', { key: 'id' })
  await poller().poll()
  const [started] = await startedBy(workflowId)
  t.type(started!.payload, 'string')
  t.equal(await untilEnded(site, started!.id, [worker]), 'succeeded')
})

t.test('a memory keeps its newest keys, and whatever is still in the answers', async t => {
  let list = [{ id: 1 }, { id: 2 }]
  answers.set('/memory', () => ({ body: list }))
  const { id, workflowId } = await published('/memory', { key: 'id', maximum: 2 })
  const one = poller({ random: () => 0 })
  await one.poll()
  for (let next = 3; next < 9; next++) {
    list = [{ id: 1 }, { id: next }]
    await again(id, one)
  }
  t.strictSame(await itemsOf(workflowId), [1, 2, 3, 4, 5, 6, 7, 8])
  t.equal((await sql`select from remembered_keys where workflow_id = ${workflowId}`).length, 2)
})

t.test('a key is forgotten after its window, unless it is still seen', async t => {
  answers.set('/window', () => ({ body: [{ id: 1 }] }))
  const { id, workflowId } = await published('/window', { key: 'id', window: '1d' })
  const one = poller()
  const age = async (by: string): Promise<void> => { await sql`update remembered_keys set claimed_at = claimed_at - ${by}::interval, expires_at = expires_at - ${by}::interval where workflow_id = ${workflowId}` }
  await one.poll()
  for (let day = 0; day < 3; day++) {
    await age('13 hours')
    await again(id, one)
  }
  t.strictSame(await itemsOf(workflowId), [1])
  await age('26 hours')
  await again(id, one)
  t.strictSame(await itemsOf(workflowId), [1, 1])
})

t.test('a key is remembered for its whole window after it was last seen, also where the window was made longer', async t => {
  answers.set('/longer', () => ({ body: [{ id: 1 }] }))
  const { id, workflowId } = await published('/longer', { key: 'id', window: '1h' })
  const one = poller()
  const age = async (by: string): Promise<void> => { await sql`update remembered_keys set claimed_at = claimed_at - ${by}::interval, expires_at = expires_at - ${by}::interval where workflow_id = ${workflowId}` }
  await one.poll()
  for (const by of ['29 minutes', '59 minutes']) {
    await age(by)
    await again(id, one)
  }
  t.strictSame(await itemsOf(workflowId), [1], 'seen half an hour after it was written, and an hour later')
  await sql`update remembered_keys set expires_at = now() + interval '2 minutes' where workflow_id = ${workflowId}`
  await again(id, one)
  await age('10 minutes')
  await again(id, one)
  t.strictSame(await itemsOf(workflowId), [1], 'a shorter window had written it')
})

t.test('three processes that race, with connections that die: each item once', async t => {
  let next = 0
  answers.set('/race', () => ({ body: Array.from({ length: 3 }, () => ({ id: ++next })).concat(next > 3 ? [{ id: next - 3 }] : []) }))
  const { id, workflowId } = await published('/race', { key: 'id', cursor: '{{ $input.first().json.id }}' })
  // The embedded database has one session, which nothing ends.
  const storm = process.env['TEST_DATABASE_URL'] === undefined ? undefined : killBackends(site, { share: 0.3, pause: 20 })
  const racers = [1, 2, 3].map(() => poller({ leaseSeconds: 1 }))
  const end = Date.now() + 4000
  await Promise.all(racers.map(async one => {
    while (Date.now() < end) {
      await hurry(id).catch(() => undefined)
      await one.poll().catch(() => undefined)
    }
  }))
  await storm?.stop()
  await until('what was interrupted is over', async () => {
    await again(id, racers[0]!)
    return (await stateOf(id)).failures === 0 && (await stateOf(id)).lease === null
  })
  const items = await itemsOf(workflowId)
  t.equal(new Set(items).size, items.length, 'none twice')
  t.ok(items.length > 6)
  const { cursor, last_execution_id: last } = await stateOf(id)
  t.equal((await startedBy(workflowId)).find(({ id }) => id === last)!.payload.items[0]!.id, cursor, 'the cursor is that of the last execution')
})

t.test('a process that dies while it polls: another does it, and what the dead one finds counts no more', async t => {
  let release = (): void => {}
  let held = true
  answers.set('/dying', async () => {
    if (held) await new Promise<void>(resolve => { release = resolve })
    return { body: [{ id: 1 }] }
  })
  const { id, workflowId } = await published('/dying', { key: 'id', cursor: '{{ $json.id }}' })
  const dead = poller({ leaseSeconds: 1000 })
  const dying = dead.poll()
  await until('it asks', () => server.requests.some(({ url }) => url === '/dying'))
  await poller().poll()
  t.equal(server.requests.filter(({ url }) => url === '/dying').length, 1, 'nobody polls what is polled')
  await sql`update polls set leased_until = now() - interval '1 second' where id = ${id}`
  held = false
  await poller().poll()
  t.strictSame(await itemsOf(workflowId), [1])
  release()
  await dying
  t.strictSame(await itemsOf(workflowId), [1])
  t.match(await stateOf(id), { cursor: 1, failures: 0 })
})

t.test('a poll of a version that is no longer published counts for nothing, and the cursor stays', async t => {
  let release = (): void => {}
  answers.set('/version', async () => {
    await new Promise<void>(resolve => { release = resolve })
    return { body: [{ id: 1 }] }
  })
  const { id, workflowId } = await published('/version', { cursor: '{{ $json.id }}' })
  const polling = poller().poll()
  await until('it asks', () => server.requests.some(({ url }) => url === '/version'))
  await sql`update polls set version = 2, lease = null, leased_until = null where id = ${id}`
  release()
  await polling
  t.equal((await startedBy(workflowId)).length, 0)
  t.match(await stateOf(id), { cursor: null, begun: false })
})

t.test('failures: tried again later and later, no sooner than asked, and told to subscribers once', async t => {
  await sql`insert into event_subscriptions (id, organization_id, url, events, version, key_id, data_key, secret)
    values (${site.nextId()}, ${organizationId}, 'https://example.org', '{poll.failed,poll.recovered}', 1, 'k', ${Buffer.alloc(1)}, ${Buffer.alloc(1)})`
  let answer: { status: number, headers?: Record<string, string>, body: unknown } = { status: 503, body: { error: `no ${SECRET}` } }
  answers.set('/failing', () => answer)
  const { id, workflowId } = await published('/failing', { key: 'id' }, { trigger: { credentialId: site.nextId() } })
  const one = poller({ random: () => 0 })
  await one.poll()
  t.match(await stateOf(id), { failures: 1, lease: null, last_error: { code: 'WC_HTTP_STATUS', message: /answered 503/, data: { status: 503, body: '{"error":"no [secret]"}' } } })
  t.ok((await stateOf(id)).wait < 16)
  await again(id, one)
  t.ok((await stateOf(id)).wait > 20)
  answer = { status: 429, headers: { 'retry-after': '600' }, body: {} }
  for (let failures = 3; failures < 6; failures++) await again(id, one)
  t.match(await stateOf(id), { failures: 5 })
  t.ok((await stateOf(id)).wait > 590)
  answer = { status: 200, body: [{ id: 1 }] }
  await again(id, one)
  t.match(await stateOf(id), { failures: 0, last_error: null })
  t.strictSame(await itemsOf(workflowId), [1])
  t.match([...await sql`select type, data from event_deliveries where workflow_id = ${workflowId} order by id`], [
    { type: 'poll.failed', data: { id, nodeId: 'start', failures: 3, error: { code: 'WC_HTTP_STATUS' } } },
    { type: 'poll.recovered', data: { id, failures: 5 } }
  ])
})

t.test('what is wrong with a poll is said, and nothing starts', async t => {
  const cases: Array<[string, Record<string, unknown>, unknown, string]> = [
    ['no list', { items: 'data', key: 'id' }, { data: 7 }, 'WC_POLL_ITEMS'],
    ['too many', { key: 'id' }, Array.from({ length: 10_001 }, (_, id) => ({ id })), 'WC_POLL_SIZE'],
    ['a cursor that fails', { cursor: '{{ $json.id.foo.bar }}' }, [{ other: 1 }], 'WC_EXPRESSION_UNDEFINED'],
    ['a cursor that is too large', { cursor: '{{ $json.text }}' }, [{ text: 'x'.repeat(20_000) }], 'WC_POLL_CURSOR'],
    ['a secret in the cursor', { cursor: '{{ $json.echo }}' }, [{ echo: `Bearer ${SECRET}` }], 'WC_POLL_CURSOR'],
    ['no such host', { url: 'http://nowhere.invalid', key: 'id' }, [], 'WC_HTTP_NETWORK'],
    ['a private address', { url: 'http://10.0.0.1/', key: 'id' }, [], 'WC_EGRESS_BLOCKED'],
    ['a URL that is none', { url: '{{ $cursor }}', key: 'id' }, [], 'WC_HTTP_URL']
  ]
  const one = poller()
  for (const [index, [name, parameters, body, code]] of cases.entries()) {
    answers.set(`/wrong-${index}`, () => ({ body }))
    const { id, workflowId } = await published(`/wrong-${index}`, parameters, { trigger: { credentialId: site.nextId() } })
    await one.poll()
    const state = await stateOf(id)
    t.match(state, { failures: 1, last_error: { code } }, name)
    t.notMatch(JSON.stringify(state), SECRET, name)
    t.equal((await startedBy(workflowId)).length, 0, name)
  }
})

t.test('no more than half of the places for one organization', async t => {
  const other = await site.organization()
  const releases: Array<() => void> = []
  answers.set('/slow', async () => {
    await new Promise<void>(resolve => { releases.push(resolve) })
    return { body: [] }
  })
  for (let count = 0; count < 4; count++) await published('/slow', { key: 'id' })
  await published('/slow', { key: 'id' }, { owner: other })
  const one = poller({ atOnce: 4 })
  const polling = one.poll()
  await until('they ask', () => releases.length === 3)
  t.strictSame([...await sql`select organization_id as id, count(*)::integer as polling from polls where lease is not null group by 1 order by 2`], [{ id: other, polling: 1 }, { id: organizationId, polling: 2 }])
  for (const release of releases) release()
  await polling
  answers.set('/slow', () => ({ body: [] }))
})

t.test('a poll for which the quota has no room keeps nothing, and finds it again', async t => {
  answers.set('/quota', () => ({ body: [{ id: 1 }] }))
  const { id, workflowId } = await published('/quota', { key: 'id' })
  await setQuota({ sql, nextId: site.nextId }, organizationId, { executionsPerMonth: 0 })
  await poller().poll()
  t.equal((await startedBy(workflowId)).length, 0)
  t.match(await stateOf(id), { failures: 1 })
  await setQuota({ sql, nextId: site.nextId }, organizationId, { executionsPerMonth: null })
  await again(id, poller())
  t.equal((await startedBy(workflowId)).length, 1)
})

t.test('of two polls that find something at once, one gets the last room', async t => {
  let asked = 0
  answers.set('/last', async () => {
    asked++
    await until('both ask', () => asked === 2)
    return { body: [{ id: 1 }] }
  })
  const polls = [await published('/last', { key: 'id' }), await published('/last', { key: 'id' })]
  await setQuota({ sql, nextId: site.nextId }, organizationId, { executionsPerMonth: 1 })
  await poller().poll()
  await setQuota({ sql, nextId: site.nextId }, organizationId, { executionsPerMonth: null })
  t.equal((await Promise.all(polls.map(async ({ workflowId }) => await startedBy(workflowId)))).flat().length, 1)
  const errors = (await Promise.all(polls.map(async ({ id }) => await stateOf(id)))).flatMap(({ last_error: error }) => error ?? [])
  t.match(errors, [{ code: 'WC_QUOTA_EXCEEDED' }])
})
