import { mock } from 'node:test'
import t from 'tap'
import type { Sql } from '../../src/db/client.ts'
import { QUERY_DEADLINE } from '../../src/lib/deadline.ts'
import { createLog } from '../../src/log.ts'
import { loadStandings } from '../../src/db/queries/quotas.ts'
import { monthOf } from '../../src/services/quotas/month.ts'
import { createQuotas } from '../../src/services/quotas/quotas.ts'
import { readQuota, setQuota, type QuotaChange } from '../../src/services/quotas/set-quota.ts'
import { sha256 } from '../../src/services/identity/tokens.ts'
import { hookSite, type Organization } from '../support/hook-site.ts'

const { app, runtime, join } = await hookSite(t)
const { database: { service: sql }, quotas, nextId } = runtime
const log = createLog('silent')

/** One that is under way already may have begun before what is to be seen: the next has not. */
async function synchronise (): Promise<void> {
  await quotas.synchronise()
  await quotas.synchronise()
}

/** What the operator says counts at once in this process, since it reads it now. */
async function limit (organizationId: string | null, change: QuotaChange): Promise<void> {
  await setQuota({ sql, nextId }, organizationId, change)
  await synchronise()
}

interface Usage { executions: { used: number, limit: number | null, refused: number }, storedBytes: { used: number, measuredAt: string | null }, members: object }
async function usage ({ call, organizationId }: Organization): Promise<Usage> {
  await synchronise()
  return (await call('GET', `/organizations/${organizationId}/usage`)).json()
}

t.test('what is used is visible, limited or not', async t => {
  const site = await join()
  const { id } = (await site.publish({ method: 'POST', path: 'in' }))
  await Promise.all(Array.from({ length: 20 }, async () => await site.hook('in', { n: 1 })))
  await site.call('POST', `/workflows/${id}/executions`, { startNode: 'in', input: {} })
  const shown = await usage(site)
  const { first, begin, end } = monthOf(runtime.clock.now())
  t.match(shown, { period: { from: new Date(begin).toISOString(), to: new Date(end).toISOString() }, executions: { used: await site.count(id), limit: null, refused: 0 }, storedBytes: { used: 0, limit: null }, members: { used: 1, limit: null }, requestsPerMinute: { limit: null } })
  t.ok(shown.executions.used >= 20)
  t.match(await sql`select executions from organization_usage where organization_id = ${site.organizationId} and month = ${first}`, [{ executions: String(shown.executions.used) }])
})

t.test('executions: as many as may are accepted, and the rest is told when to come back', async t => {
  const site = await join()
  const { id } = await site.publish({ method: 'POST', path: 'in' })
  await site.publish({ method: 'POST', path: 'once', deduplicate: { key: '{{ $json.body.key }}', window: '1h' } })
  await limit(site.organizationId, { executionsPerMonth: 10 })
  const answers = await Promise.all(Array.from({ length: 50 }, async () => await site.hook('in', { n: 1 })))
  t.equal(answers.filter(({ statusCode }) => statusCode === 202).length, 10)
  t.equal(await site.count(id), 10, 'never more than the limit')
  const refused = answers.find(({ statusCode }) => statusCode !== 202)!
  const { end } = monthOf(runtime.clock.now())
  t.match(refused.json(), { status: 429, code: 'WC_QUOTA_EXCEEDED', quota: 'executionsPerMonth', limit: 10, used: 10, resetsAt: new Date(end).toISOString(), detail: /operator/ })
  t.ok(Math.abs(Number(refused.headers['retry-after']) - (end - runtime.clock.now()) / 1000) < 60)
  t.match((await usage(site)).executions, { used: 10, limit: 10, refused: 40 })

  const told = { status: 429, code: 'WC_QUOTA_EXCEEDED', used: 10 }
  t.match((await site.hook('once', { key: 1 })).json(), told, 'one with a key')
  t.match((await site.call('POST', `/workflows/${id}/executions`, { startNode: 'in', input: {} })).json(), told, 'by hand')
  const [{ id: execution }] = (await site.call('GET', `/executions?workflowId=${id}&limit=1`)).json<{ data: [{ id: string }] }>().data
  t.match((await site.call('POST', `/deliveries/${execution}/replay`, {})).json(), told, 'a replay')
  const lines = await app.inject({ method: 'POST', url: `/hooks/${site.slug}/in?batch=true`, headers: { 'content-type': 'application/x-ndjson' }, payload: '{"n":1}\n{"n":2}\n' })
  t.ok(lines.body.trim().split('\n').every(line => line.includes('WC_QUOTA_EXCEEDED')), lines.body.slice(0, 300))
  t.equal(await site.count(id), 10)

  await limit(site.organizationId, { executionsPerMonth: 12 })
  const [first, second, third] = [await site.hook('in', {}), await site.hook('in', {}), await site.hook('in', {})]
  t.same([first.statusCode, second.statusCode, third.statusCode], [202, 202, 429], 'from then on')
  await limit(site.organizationId, { executionsPerMonth: null })
  t.equal((await site.hook('in', {})).statusCode, 202)
})

t.test('an event starts all that wait for it, or none', async t => {
  const site = await join()
  for (const name of ['a', 'b']) {
    const { id } = (await site.call('POST', '/workflows', { name, nodes: [{ id: 'on', type: 'event', parameters: { name: 'order.paid' } }], connections: [] })).json<{ id: string }>()
    await site.call('POST', `/workflows/${id}/publish`, {})
  }
  await limit(site.organizationId, { executionsPerMonth: 1 })
  t.match((await site.call('POST', '/events', { name: 'order.paid', payload: {} })).json(), { status: 429, quota: 'executionsPerMonth', used: 0 })
  t.equal((await sql`select 1 from executions where organization_id = ${site.organizationId}`).length, 0)
  await limit(site.organizationId, { executionsPerMonth: 2 })
  t.equal((await site.call('POST', '/events', { name: 'order.paid', payload: {} })).json<{ executionIds: string[] }>().executionIds.length, 2)
})

t.test('processes hear of each other each second; one that dies leaves no more than that uncounted', async t => {
  const site = await join()
  await limit(site.organizationId, { executionsPerMonth: 10 })
  const [one, other] = [createQuotas({ sql, now: runtime.clock.now, log }), createQuotas({ sql, now: runtime.clock.now, log })]
  const start = async (through: typeof one, times: number) => (await Promise.allSettled(Array.from({ length: times }, async () => await through.within(site.organizationId, async () => { through.settle(site.organizationId, 1) })))).filter(({ status }) => status === 'fulfilled').length
  t.equal(await start(one, 6), 6)
  t.equal(await start(other, 50), 10, 'one that has not heard of them holds to the limit itself')
  for (const process of [one, other, one]) await process.synchronise()
  t.same([await start(one, 50), await start(other, 50)], [0, 0], 'both know now')
  const [standing] = await loadStandings(sql, [site.organizationId], monthOf(runtime.clock.now()).first)
  t.equal(standing?.executions, 16, 'everything is counted')
  await limit(site.organizationId, { executionsPerMonth: 20 })
  const dying = createQuotas({ sql, now: runtime.clock.now, log })
  t.equal(await start(dying, 2), 2)
  const next = createQuotas({ sql, now: runtime.clock.now, log })
  t.equal(await start(next, 50), 4, 'what it started since it wrote last is not counted, and no more')
})

t.test('a write that fails is made up for once, and one whose answer is lost is not made twice', async t => {
  const site = await join()
  await limit(site.organizationId, { executionsPerMonth: 100 })
  type Query = (...query: Parameters<Sql>) => PromiseLike<unknown>
  let fault: Query | undefined
  const failing = ((...query: Parameters<Sql>) => fault === undefined ? sql(...query) : fault(...query)) as unknown as Sql
  const mine = createQuotas({ sql: failing, now: runtime.clock.now, log })
  const start = async () => { await mine.within(site.organizationId, async () => { mine.settle(site.organizationId, 1) }) }
  const written = async () => (await loadStandings(sql, [site.organizationId], monthOf(runtime.clock.now()).first))[0]?.executions

  const refused = Object.assign(new Error('no right to write'), { code: '42501' })
  for (let second = 0; second < 3; second++) {
    await start()
    fault = async () => { throw refused }
    await t.rejects(mine.synchronise(), refused)
    fault = undefined
  }
  t.equal(await written(), 0)
  await start()
  await mine.synchronise()
  t.equal(await written(), 4, 'all of it, though the month was counted again and again')
  await limit(site.organizationId, { executionsPerMonth: 5 })
  await mine.synchronise()
  await start()
  await t.rejects(start(), { code: 'WC_QUOTA_EXCEEDED' }, 'and it hears of changes again')

  fault = async (...query) => {
    await sql(...query)
    throw Object.assign(new Error('the connection died'), { code: 'CONNECTION_CLOSED' })
  }
  await t.rejects(mine.synchronise(), /died/)
  fault = undefined
  await mine.synchronise()
  t.equal(await written(), 5, 'it was written, and is not added again')

  // Nothing else runs while time is wound on: all of it is within one turn of this process.
  mine.count(site.organizationId, 1)
  fault = async () => await new Promise(() => {})
  mock.timers.enable({ apis: ['setTimeout'] })
  const stuck = mine.synchronise()
  mock.timers.tick(QUERY_DEADLINE)
  mock.timers.reset()
  await t.rejects(stuck, { name: 'DeadlineError' }, 'a query that is never answered is given up')
  fault = undefined
  await mine.close()
})

t.test('what many start at once is reserved for them until it is committed', async t => {
  const site = await join()
  await limit(site.organizationId, { executionsPerMonth: 10 })
  const { id: workflowId } = (await site.call('POST', '/workflows', { name: 'daily', nodes: [{ id: 'on', type: 'schedule', parameters: { cron: '0 0 * * *' } }], connections: [] })).json<{ id: string }>()
  t.equal((await site.call('POST', `/workflows/${workflowId}/publish`, {})).statusCode, 200)
  const [{ id }] = (await site.call('GET', `/schedules?workflowId=${workflowId}`)).json<{ data: [{ id: string }] }>().data
  const day = 86_400_000
  // Four days each, of ranges that have none in common.
  const backfills = await Promise.all(Array.from({ length: 5 }, async (_, n) => {
    const to = runtime.clock.now() - 10 * n * day
    return await site.call('POST', `/schedules/${id}/backfill`, { from: new Date(to - 4 * day + 1).toISOString(), to: new Date(to).toISOString() })
  }))
  t.same(backfills.map(({ statusCode }) => statusCode).sort(), [202, 202, 429, 429, 429])
  t.equal(await site.count(workflowId), 8, 'never more than the limit')
  t.match((await usage(site)).executions, { used: 8, refused: 12 })

  let release = (): void => {}
  const held = quotas.within(site.organizationId, async () => { await new Promise<void>(resolve => { release = resolve }) }, 2)
  await t.rejects(quotas.within(site.organizationId, async () => {}), { code: 'WC_QUOTA_EXCEEDED' })
  release()
  await held
  await quotas.within(site.organizationId, async () => {}, 2)
})

t.test('where the quota is used up, no file of what is refused is stored', async t => {
  const site = await join()
  const { id } = await site.publish({ method: 'POST', path: 'in' })
  const send = async () => await site.hook('in', Buffer.from([0, 1, 2]), { headers: { 'content-type': 'image/png' } })
  const files = async () => (await sql`select 1 from files where organization_id = ${site.organizationId}`).length
  const { executionId } = (await send()).json<{ executionId: string }>()
  t.equal((await site.call('POST', `/deliveries/${executionId}/replay`, {})).statusCode, 202)
  t.equal(await files(), 2, 'the replay refers to the same file')
  await limit(site.organizationId, { storedBytes: 100 })
  t.match((await usage(site)).storedBytes, { used: 3 }, 'which is stored once')
  await limit(site.organizationId, { storedBytes: 3 })
  t.match((await send()).json(), { status: 429, code: 'WC_QUOTA_EXCEEDED', quota: 'storedBytes' })
  t.match((await site.call('POST', `/deliveries/${executionId}/replay`, {})).json(), { code: 'WC_QUOTA_EXCEEDED' })
  await limit(site.organizationId, { storedBytes: null, executionsPerMonth: 2 })
  t.match((await send()).json(), { quota: 'executionsPerMonth' })
  t.equal(await files(), 2)
  t.equal(await site.count(id), 2)
})

t.test('what failed to start takes no room, and a new month has all of it', async t => {
  const site = await join()
  await limit(site.organizationId, { executionsPerMonth: 1 })
  let now = Date.UTC(2026, 0, 31, 23, 59, 59)
  const mine = createQuotas({ sql, now: () => now, log })
  const start = async () => { await mine.within(site.organizationId, async () => { mine.settle(site.organizationId, 1) }) }
  await t.rejects(mine.within(site.organizationId, async () => { throw new Error('the database is away') }), /away/)
  await start()
  t.match(await start().catch((error: unknown) => error), { status: 429, extensions: { resetsAt: '2026-02-01T00:00:00.000Z', used: 1 } })
  now += 2000
  await start()
  await mine.synchronise()
  const rows = await sql`select month::text, executions::integer, refused::integer from organization_usage where organization_id = ${site.organizationId} and month < '2026-03-01' order by month`
  t.same([...rows], [{ month: '2026-01-01', executions: 1, refused: 1 }, { month: '2026-02-01', executions: 1, refused: 0 }], 'each month has its own')
})

t.test('members: of fifty who join at once as many as there is room for', async t => {
  const site = await join()
  const people = Array.from({ length: 50 }, () => ({ userId: nextId(), token: nextId() }))
  for (const { userId, token } of people) {
    const email = `${userId}@example.org`
    await sql`insert into users (id, email, name, password_hash) values (${userId}, ${email}, 'Somebody', 'none')`
    await sql`insert into invitations (id, organization_id, email, role, token_hash, expires_at) values (${nextId()}, ${site.organizationId}, ${email}, 'viewer', ${sha256(token)}, now() + interval '1 day')`
  }
  await limit(site.organizationId, { members: 5 })
  const joined = await Promise.allSettled(people.map(async ({ userId, token }) => await runtime.identity.invitations.accept(token, userId, { actor: { type: 'user', id: userId }, ip: null, requestId: null })))
  t.equal(joined.filter(({ status }) => status === 'fulfilled').length, 4)
  for (const one of joined) if (one.status === 'rejected') t.match(one.reason, { status: 403, code: 'WC_MEMBER_QUOTA_EXCEEDED', extensions: { quota: 'members', limit: 5, used: 5, resetsAt: null } })
  t.equal((await sql`select 1 from memberships where organization_id = ${site.organizationId}`).length, 5)
  t.match((await usage(site)).members, { used: 5, limit: 5 })
  t.match((await site.call('POST', `/organizations/${site.organizationId}/invitations`, { email: 'late@example.org', role: 'viewer' })).json(), { status: 403, code: 'WC_MEMBER_QUOTA_EXCEEDED' }, 'nobody is invited in vain')
  await limit(site.organizationId, { members: 6 })
  t.equal((await site.call('POST', `/organizations/${site.organizationId}/invitations`, { email: 'late@example.org', role: 'viewer' })).statusCode, 201)
})

t.test('stored bytes: when the files are too large, nothing is started', async t => {
  const site = await join()
  const { id } = await site.publish({ method: 'POST', path: 'in' })
  await sql`insert into files (id, execution_id, organization_id, kind, media_type, size) values (${nextId()}, ${nextId()}, ${site.organizationId}, 'binary', 'text/plain', 1000)`
  await limit(site.organizationId, { storedBytes: 1000 })
  await site.hook('in', {})
  await quotas.synchronise()
  const before = await site.count(id)
  t.match((await site.hook('in', {})).json(), { status: 429, code: 'WC_QUOTA_EXCEEDED', quota: 'storedBytes', limit: 1000, used: 1000, resetsAt: null })
  t.equal(await site.count(id), before)
  t.match((await usage(site)).storedBytes, { used: 1000, limit: 1000, measuredAt: /Z$/ })
})

t.test('requests: the hooks and the API each have what an organization may ask', async t => {
  const site = await join()
  await site.publish({ method: 'POST', path: 'in' })
  await site.hook('in', {})
  await limit(site.organizationId, { requestsPerMinute: 3 })
  for (let n = 0; n < 3; n++) t.equal((await site.hook('in', {})).statusCode, 202)
  t.equal((await site.hook('in', {})).statusCode, 429)
  t.equal((await site.call('GET', '/workflows')).headers['ratelimit-policy'], '"organization";q=3;w=60', 'whoever floods a webhook locks nobody out of the API')
  for (let n = 0; n < 2; n++) t.equal((await site.call('GET', '/workflows')).statusCode, 200)
  for (const answer of [await site.hook('in', {}), await site.call('GET', '/workflows')]) {
    t.match(answer.json(), { status: 429, code: 'WC_TOO_MANY_REQUESTS' })
    t.match(answer.headers, { 'retry-after': /^\d+$/, ratelimit: /"organization";r=0/ })
  }
  t.equal((await site.call('GET', `/organizations/${site.organizationId}/usage`)).statusCode, 200, 'one still sees why')
})

t.test('only the operator sets a quota; one of its own takes the place of the default', async t => {
  const [site, other] = [await join(), await join()]
  await limit(null, { executionsPerMonth: 1000, members: 50 })
  t.match((await usage(site)).executions, { limit: 1000 })
  await limit(site.organizationId, { executionsPerMonth: 5000 })
  t.same(await readQuota(sql, site.organizationId), { executionsPerMonth: 5000, storedBytes: null, members: 50, requestsPerMinute: null }, 'it starts as a copy')
  t.match([(await usage(site)).executions, (await usage(other)).executions], [{ limit: 5000 }, { limit: 1000 }])
  for (const body of [{ executionsPerMonth: null }, { quotas: { members: null } }, { members: 1000 }]) t.equal((await site.call('PATCH', `/organizations/${site.organizationId}`, body)).statusCode, 422)
  const tenant = runtime.database.tenant(site.organizationId)
  for (const statement of ['update organization_quotas set members = null', 'delete from organization_quotas', 'update organization_usage set executions = 0', 'insert into organization_quotas (members) values (99)']) {
    await t.rejects(tenant.run(async tx => await tx.execute(statement)), { cause: { code: '42501' } }, statement)
  }
  t.equal((await other.call('GET', `/organizations/${site.organizationId}/usage`)).statusCode, 404)
  const rows = await sql`select actor_type, before, after from audit_log where organization_id = ${site.organizationId} and action = 'quota.set'`
  t.match([...rows], [{ actor_type: 'system', before: { executionsPerMonth: 1000 }, after: { executionsPerMonth: 5000, members: 50 } }])
  await limit(null, { executionsPerMonth: null, members: null })
})
