import { sql as template } from 'drizzle-orm'
import t, { type Test } from 'tap'
import type { Executor, Sql } from '../../src/db/client.ts'
import { acceptExecutions } from '../../src/db/queries/accept-executions.ts'
import { appendEvents, findWriters } from '../../src/db/queries/append-events.ts'
import { findExecution, listExecutions, loadHistory, type ExecutionFilter } from '../../src/db/queries/executions.ts'
import { admit, blockExecutions, findForgottenSlots, findScopesWithRoom, releaseSlots } from '../../src/db/queries/concurrency.ts'
import { findAnswers } from '../../src/db/queries/find-answers.ts'
import { dropDeadMail, readMessages, sendMessage } from '../../src/db/queries/inbox.ts'
import { claimLease, findDue, prolongLeases, queueExecutions, releaseLeases, wakeForMail } from '../../src/db/queries/leases.ts'
import { loadFresh, loadOne, loadSegments } from '../../src/db/queries/load-executions.ts'
import { findOrphans, raiseLowWater } from '../../src/db/queries/sweep.ts'
import { firstIdAt, NIL_ID } from '../../src/lib/ids.ts'
import { createSite, type Site } from '../support/durable-path.ts'

interface PlanNode { 'Node Type': string, 'Relation Name'?: string, 'Actual Rows': number, 'Actual Loops': number, 'Rows Removed by Filter'?: number, Plans?: PlanNode[] }
/** Blocks count for the whole of what is below a node. */
interface Explained { Plan: PlanNode & { 'Shared Hit Blocks': number, 'Shared Read Blocks': number } }

const EXPLAIN = 'explain (analyze, buffers, format json) '
/** Some 20 ms of a quiet machine; a count of blocks is the same on a busy one. */
const MOST_BLOCKS = 20_000
/** A sequential scan of more rows than this is one of something that grows. */
const SMALL = 3000
const COUNT = 200_000
const DAY = 86_400_000

/** A handle that explains each statement, as it runs, instead of answering with its rows. */
function explaining (sql: Sql, plans: Explained[]): Sql {
  return ((strings: TemplateStringsArray, ...values: never[]) => {
    if (!/^\s*(select|insert|update|delete|with)\b/.test(strings[0]!)) return sql(strings, ...values)
    const prefixed = [EXPLAIN + strings[0]!, ...strings.slice(1)]
    return sql(Object.assign(prefixed, { raw: prefixed }) as unknown as TemplateStringsArray, ...values).then(rows => {
      plans.push((rows[0] as unknown as { 'QUERY PLAN': Explained[] })['QUERY PLAN'][0]!)
      return Object.assign([], { count: 0 })
    })
  }) as unknown as Sql
}

function scans (node: PlanNode): string[] {
  const rows = (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
  const own = rows > SMALL && ['Seq Scan', 'Sort', 'Hash'].includes(node['Node Type']) ? [`${node['Node Type']} of ${rows} rows${node['Relation Name'] === undefined ? '' : ` of ${node['Relation Name']}`}`] : []
  return [...own, ...(node.Plans ?? []).flatMap(scans)]
}

function checkBlocks (t: Test, what: string, { Plan: { 'Shared Hit Blocks': hit, 'Shared Read Blocks': read } }: Explained): void {
  t.ok(hit + read < MOST_BLOCKS, `${what}: ${hit + read} blocks`)
}

async function checkPlans (t: Test, what: string, run: (sql: Sql) => PromiseLike<unknown>, sql: Sql): Promise<void> {
  const plans: Explained[] = []
  await run(explaining(sql, plans))
  t.ok(plans.length > 0, what)
  for (const plan of plans) {
    t.same(scans(plan.Plan), [], what)
    checkBlocks(t, what, plan)
  }
}

/** Executions of two days, most of them over; the last are younger than a minute. */
async function fill ({ database, organizationId }: Site, workflowIds: readonly string[], other: string): Promise<void> {
  const owner = database.owner()
  const now = Date.now()
  // Yesterday's partition is the oldest there is.
  const from = Math.max(now - 1.5 * DAY, Math.floor(now / DAY) * DAY - DAY)
  await owner`
    insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload)
    select (left(h, 8) || '-' || right(h, 4) || '-7' || lpad(to_hex(n % 4096), 3, '0') || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
      case when n % 4 = 0 then ${other}::uuid else ${organizationId}::uuid end,
      case when n % 4 = 0 then ${workflowIds[2]!}::uuid when n % 1000 = 1 then ${workflowIds[1]!}::uuid else ${workflowIds[0]!}::uuid end, 1, 'start', case when n % 3 = 0 then 'manual' else 'webhook' end, '{}'
    from generate_series(1, ${COUNT}::integer) n, lpad(to_hex((${from}::bigint + n::bigint * ${Math.floor(now - from)}::bigint / ${COUNT})::bigint), 12, '0') h`
  await owner`
    insert into execution_events (execution_id, seq, last_seq, organization_id, workflow_id, writer, first_at, last_at, status, events)
    select id, 2, 9, organization_id, workflow_id, id, 1, 2,
      case when right(id::text, 3) = '777' then 'failed' when right(id::text, 4) = '1888' then 'cancelled' when right(id::text, 4) = '1889' then 'timedOut' else 'succeeded' end, '[]'
    from executions where right(id::text, 2) <> '99'`
  await owner`
    insert into execution_leases (execution_id, organization_id, workflow_id, status, owner, due_at)
    select id, organization_id, workflow_id, case right(id::text, 3) when '199' then 'waiting' when '299' then 'running' else 'queued' end,
      case right(id::text, 3) when '299' then id end, now() + case when right(id::text, 3) in ('199', '299') then interval '1 hour' else interval '-1 second' end
    from executions where right(id::text, 2) = '99' and id < ${firstIdAt(now - 120_000)}`
  await owner`update sweep_marks set low_water = ${firstIdAt(now - 120_000)}`
  for (const table of ['executions', 'execution_events', 'execution_leases']) await owner.unsafe(`analyze ${table}`)
  await owner.end()
}

t.test('queries at 200,000 executions', { skip: process.env['TEST_DATABASE_URL'] === undefined && 'the embedded database takes too long to be filled' }, async t => {
  const site = await createSite(t)
  const { sql, organizationId, database } = site
  const other = await site.organization()
  const workflowIds = [await site.workflow([], []), await site.workflow([], []), await site.workflow([], [], { organizationId: other })]
  await fill(site, workflowIds, other)
  const now = Date.now()
  const ids = (await sql<Array<{ id: string }>>`select id from executions order by id desc limit 200`).map(row => row.id)
  const leased = (await sql<Array<{ id: string }>>`select execution_id as id from execution_leases order by 1 limit 100`).map(row => row.id)
  const held = leased.map(executionId => ({ executionId, writer: executionId }))

  await t.test('of the sweeper and the runners', async t => {
    const cases: Record<string, (sql: Sql) => PromiseLike<unknown>> = {
      findDue: async sql => await findDue(sql, 50),
      wakeForMail: async sql => await wakeForMail(sql),
      dropDeadMail: async sql => await dropDeadMail(sql),
      'findOrphans of the last moments': async sql => await findOrphans(sql, firstIdAt(now - 15_000), now, 2000),
      'findOrphans of the window': async sql => await findOrphans(sql, NIL_ID, now, 2000),
      prolongLeases: async sql => await prolongLeases(sql, held, 30),
      claimLease: async sql => await claimLease(sql, leased[0]!, site.nextId(), 30),
      releaseLeases: async sql => { await releaseLeases(sql, held) },
      queueExecutions: async sql => { await queueExecutions(sql, ids.slice(0, 50), false, 1) },
      loadFresh: async sql => await loadFresh(sql, ids),
      loadOne: async sql => await loadOne(sql, ids[0]!),
      loadSegments: async sql => await loadSegments(sql, ids[0]!),
      findWriters: async sql => await findWriters(sql, ids.map(executionId => ({ executionId, seq: 2 }))),
      findAnswers: async sql => await findAnswers(sql, ids),
      readMessages: async sql => await readMessages(sql, ids[0]!),
      sendMessage: async sql => await sendMessage(sql, organizationId, leased[0]!, { messageId: site.nextId(), kind: 'cancel', body: {} }),
      acceptExecutions: async sql => await acceptExecutions(sql, Array.from({ length: 200 }, () => site.execution(workflowIds[0]!))),
      blockExecutions: async sql => { await blockExecutions(sql, ids.slice(0, 50).map(executionId => ({ executionId, needs: [{ scope: 'organization', kind: 'organization', limit: 100 }], priority: 0 })), null) },
      admit: async sql => await admit(sql, { organizationId, scope: 'organization' }),
      releaseSlots: async sql => await releaseSlots(sql, ids[0]!),
      findForgottenSlots: async sql => await findForgottenSlots(sql, 200),
      findScopesWithRoom: async sql => await findScopesWithRoom(sql, 200),
      raiseLowWater: async sql => await raiseLowWater(sql, now - 100_000, 2000)
    }
    for (const [what, run] of Object.entries(cases)) await checkPlans(t, what, run, sql)
  })

  await t.test('of the writer, plain and with leases', async t => {
    for (const kind of ['none', 'drop'] as const) {
      const rows = Array.from({ length: 200 }, () => site.execution(workflowIds[0]!))
      await acceptExecutions(sql, rows)
      await checkPlans(t, `appendEvents, ${kind}`, async sql => await appendEvents(sql, rows.map(({ id }) => ({
        executionId: id, seq: 2, lastSeq: 3, organizationId, workflowId: workflowIds[0]!, writer: id, firstAt: 1, lastAt: 2, status: 'succeeded', events: '[]', lease: { kind }, logs: []
      })), 30), sql)
    }
  })

  await t.test('of the lists, as a tenant', async t => {
    const lists: Record<string, Partial<ExecutionFilter>> = {
      all: {},
      'a page further down': { before: ids.at(-1)! },
      'between two times': { from: now - DAY, to: now - DAY / 2 },
      'a workflow with many': { workflowId: workflowIds[0]! },
      'a workflow with few': { workflowId: workflowIds[1]! },
      'a workflow with few, failed': { workflowId: workflowIds[1]!, status: 'failed' },
      'manual ones': { trigger: 'manual' },
      ...Object.fromEntries(['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'timedOut'].flatMap(status => [
        [status, { status }], [`${status}, further down`, { status, before: ids.at(-1)! }], [`${status}, of a time`, { status, from: now - DAY, to: now - DAY / 2 }]
      ]))
    }
    const queries: Record<string, (db: Executor) => Promise<unknown>> = {
      findExecution: async db => await findExecution(db, organizationId, ids[1]!),
      loadHistory: async db => await loadHistory(db, organizationId, ids[1]!),
      ...Object.fromEntries(Object.entries(lists).map(([what, filter]) => [`list: ${what}`, async (db: Executor) => await listExecutions(db, organizationId, { limit: 51, ...filter }, now)]))
    }
    for (const [what, run] of Object.entries(queries)) {
      const plans: Explained[] = []
      await database.tenant(organizationId).run(async tx => {
        const execute = async (query: never) => {
          const rows = await tx.execute<{ 'QUERY PLAN': Explained[] }>(template`${template.raw(EXPLAIN)}${query}`)
          plans.push([...rows][0]!['QUERY PLAN'][0]!)
          return []
        }
        await run({ execute } as unknown as Executor)
      })
      t.equal(plans.length, 1, what)
      t.same(scans(plans[0]!.Plan), [], what)
      checkBlocks(t, what, plans[0]!)
    }
  })
})

t.test('the sweeper in the middle of a burst that no statistics know of', { skip: process.env['TEST_DATABASE_URL'] === undefined && 'the embedded database takes too long to be filled' }, async t => {
  const site = await createSite(t)
  const { sql, organizationId, database } = site
  const workflowId = await site.workflow([], [])
  const owner = database.owner()
  const now = Date.now()
  const seconds = 170
  for (const table of ['executions', 'execution_events']) await owner.unsafe(`alter table ${table}_${new Date(now).toISOString().slice(0, 10).replaceAll('-', '')} set (autovacuum_enabled = false)`)
  await owner`
    with made as (
      insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload)
      select (left(h, 8) || '-' || right(h, 4) || '-7' || lpad(to_hex(n % 4096), 3, '0') || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ${organizationId}::uuid, ${workflowId}::uuid, 1, 'start', 'webhook', '{}'
      from generate_series(1, 400000) n, lpad(to_hex((${now - seconds * 1000}::bigint + n::bigint * ${seconds * 1000}::bigint / 400000)::bigint), 12, '0') h
      returning id
    )
    insert into execution_events (execution_id, seq, last_seq, organization_id, workflow_id, writer, first_at, last_at, status, events)
    select id, 2, 9, ${organizationId}::uuid, ${workflowId}::uuid, id, 1, 2, 'succeeded', '[]' from made`
  await owner`update sweep_marks set low_water = ${firstIdAt(now - 150_000)}`
  await owner.end()
  await checkPlans(t, 'raiseLowWater', async sql => await raiseLowWater(sql, now - 100_000, 2000), sql)
  await checkPlans(t, 'findOrphans', async sql => await findOrphans(sql, NIL_ID, now, 2000), sql)
})
