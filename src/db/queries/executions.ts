import { sql, type SQL } from 'drizzle-orm'
import { firstIdAt, idTime } from '../../lib/ids.ts'
import type { Executor, Sql } from '../client.ts'
import { rawAuditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, rowsOf } from './rows.ts'

export interface ExecutionRow extends Record<string, unknown> {
  readonly id: string
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  readonly trigger: string
  readonly parentId: string | null
  /** JSON text, or null */
  readonly origin: string | null
  /** The final status, or null while there is none. */
  readonly finalStatus: string | null
  /** Of a lease, while the execution is unfinished: queued, running, waiting. */
  readonly leaseStatus: string | null
  /** JSON text, or null */
  readonly waitingFor: string | null
  /** Whether its worker has not been heard of for longer than a lease lasts. */
  readonly ownerGone: boolean | null
  /** Milliseconds since the epoch as text, or null */
  readonly startedAt: string | null
  readonly finishedAt: string | null
  /** JSON text of the events of the last segment, where the execution did not succeed. */
  readonly lastEvents: string | null
}

export interface ExecutionFilter {
  readonly workflowId?: string | undefined
  readonly status?: string | undefined
  readonly trigger?: string | undefined
  readonly parentExecutionId?: string | undefined
  /** Milliseconds since the epoch, inclusive. */
  readonly from?: number | undefined
  /** Milliseconds since the epoch, exclusive. */
  readonly to?: number | undefined
  /** Rows before this id. */
  readonly before?: string | undefined
  readonly limit: number
}

const COLUMNS = sql`e.id, e.workflow_id as "workflowId", e.version, e.node_id as "nodeId", e.trigger, e.parent_id as "parentId", e.origin::text as origin,
  t.status as "finalStatus", l.status as "leaseStatus", l.waiting_for::text as "waitingFor",
  l.status = 'running' and (l.owner is null or l.due_at < now()) as "ownerGone",
  (select s.first_at from execution_events s where s.execution_id = e.id and s.seq = 2)::text as "startedAt",
  t.last_at::text as "finishedAt", t.events as "lastEvents"`

// The terminal segment of one execution, by its primary key.
const DETAILS = sql`
  left join lateral (
    select x.status, x.last_at, case when x.status <> 'succeeded' then x.events::text end as events
    from execution_events x where x.execution_id = e.id and x.status is not null
  ) t on true
  left join execution_leases l on l.execution_id = e.id`

/** What is queued or running and has no lease row yet is younger than this, milliseconds: the sweeper's window. */
const WINDOW = 120_000 + 60_000

export async function findExecution (db: Executor, organizationId: string, id: string): Promise<ExecutionRow | undefined> {
  return firstRow(await db.execute<ExecutionRow>(sql`
    select ${COLUMNS} from executions e ${DETAILS} where e.organization_id = ${organizationId} and e.id = ${id}`))
}

/** The newest first. Each status is read where an index has it. */
export async function listExecutions (db: Executor, organizationId: string, filter: ExecutionFilter, now: number): Promise<ExecutionRow[]> {
  const conditions = [sql`e.organization_id = ${organizationId}`]
  if (filter.workflowId !== undefined) conditions.push(sql`e.workflow_id = ${filter.workflowId}`)
  if (filter.trigger !== undefined) conditions.push(sql`e.trigger = ${filter.trigger}`)
  if (filter.parentExecutionId !== undefined) conditions.push(sql`e.parent_id = ${filter.parentExecutionId}`)
  const bounds = idBounds(filter)
  conditions.push(...bounds.map(bound => bound(sql`e.id`)))
  if (filter.status !== undefined) conditions.push(withStatus(organizationId, filter.status, bounds, now))
  return rowsOf(await db.execute<ExecutionRow>(sql`
    select ${COLUMNS} from executions e ${DETAILS}
    where ${sql.join(conditions, sql` and `)} order by e.id desc limit ${filter.limit}`))
}

type Bound = (id: SQL) => SQL

function idBounds ({ from, to, before }: ExecutionFilter): Bound[] {
  return [
    ...(from === undefined ? [] : [(id: SQL) => sql`${id} >= ${firstIdAt(from)}`]),
    ...(to === undefined ? [] : [(id: SQL) => sql`${id} < ${firstIdAt(to)}`]),
    ...(before === undefined ? [] : [(id: SQL) => sql`${id} < ${before}`])
  ]
}

function withStatus (organizationId: string, status: string, bounds: readonly Bound[], now: number): SQL {
  if (status === 'running' || status === 'waiting') {
    return sql`l.status = ${status} and l.organization_id = ${organizationId}`
  }
  if (status === 'queued') return sql`t.status is null and e.id in (${queuedIds(organizationId, bounds, now)})`
  const within = bounds.map(bound => sql` and ${bound(sql`x.execution_id`)}`)
  return sql`t.status = ${status} and e.id in (
    select x.execution_id from execution_events x
    where x.organization_id = ${organizationId} and x.status = ${status}${sql.join(within)}
    order by x.execution_id desc)`
}

/** Those that wait in the database, and those of the sweeper's window that nobody has begun: each from its own index. */
function queuedIds (organizationId: string, bounds: readonly Bound[], now: number): SQL {
  const within = (id: SQL): SQL => sql.join(bounds.map(bound => sql` and ${bound(id)}`))
  return sql`
    select q.execution_id from execution_leases q
    where q.organization_id = ${organizationId} and q.status = 'queued'${within(sql`q.execution_id`)}
    union all
    select r.id from executions r
    where r.organization_id = ${organizationId} and r.id >= ${firstIdAt(now - WINDOW)}${within(sql`r.id`)}
      and not exists (select from execution_events x where x.execution_id = r.id and x.status is not null)
      and not exists (select from execution_leases o where o.execution_id = r.id)`
}

export interface ExecutionHistory {
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  /** JSON text */
  readonly payload: string
  /** JSON texts of the segments' events, in order */
  readonly segments: readonly string[]
}

interface HistoryRow extends Record<string, unknown> {
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  readonly payload: string | null
  readonly events: string | null
  readonly tooLarge: boolean
}

/** JSON text of events that is brought into memory. */
const LARGEST_HISTORY = 64 * 1024 * 1024
/** Those of pure steps take little text, and as much memory as others once they are read. */
const LONGEST_HISTORY = 750_000

/** All that happened in an execution, if it is not too much; undefined where the organization has none with this id. */
export async function loadHistory (db: Executor, organizationId: string, id: string): Promise<ExecutionHistory | 'tooLarge' | undefined> {
  // The payload comes once, with the first segment: it may be large.
  const rows = rowsOf(await db.execute<HistoryRow>(sql`
    select "workflowId", version, "nodeId", payload, case when not excessive then events::text end as events, excessive as "tooLarge"
    from (
      select e.workflow_id as "workflowId", e.version, e.node_id as "nodeId",
        case when x.seq is null or x.seq = 2 then e.payload::text end as payload, x.seq, x.events,
        coalesce(sum(octet_length(x.events::text)) over () > ${LARGEST_HISTORY} or max(x.last_seq) over () > ${LONGEST_HISTORY}, false) as excessive
      from executions e left join execution_events x on x.execution_id = e.id
      where e.organization_id = ${organizationId} and e.id = ${id}
    ) h order by seq`))
  const [first] = rows
  if (first === undefined) return undefined
  if (first.tooLarge) return 'tooLarge'
  const { workflowId, version, nodeId, payload } = first
  return { workflowId, version, nodeId, payload: payload ?? '{}', segments: rows.flatMap(({ events }) => events === null ? [] : [events]) }
}

export interface LogRow extends Record<string, unknown> {
  readonly seq: number
  readonly at: string
  readonly level: string
  readonly nodeId: string | null
  readonly run: number | null
  readonly message: string
  readonly data: unknown
}

export async function listLogs (db: Executor, organizationId: string, executionId: string, afterSeq: number, limit: number): Promise<LogRow[]> {
  return rowsOf(await db.execute<LogRow>(sql`
    select seq, at::text as at, level, node_id as "nodeId", run, message, data from execution_logs
    where organization_id = ${organizationId} and execution_id = ${executionId} and seq > ${afterSeq} order by seq limit ${limit}`))
}

/** Deletes a finished execution and what belongs to it, in one statement. */
export async function deleteExecution (service: Sql, organizationId: string, id: string, audit?: AuditEntry): Promise<'deleted' | 'unfinished' | 'unknown'> {
  const [row] = await service<Array<{ known: boolean, deleted: boolean }>>`
    with target as (
      select e.id, exists (select from execution_events x where x.execution_id = e.id and x.status is not null) as terminal
      from executions e where e.id = ${id} and e.organization_id = ${organizationId}
    ), gone as (
      delete from executions e using target t where e.id = t.id and t.terminal returning e.id
    ), events as (
      delete from execution_events x using target t where x.execution_id = t.id and t.terminal
    ), logs as (
      delete from execution_logs x using target t where x.execution_id = t.id and t.terminal
    ), leases as (
      delete from execution_leases x using target t where x.execution_id = t.id and t.terminal
    ), mail as (
      delete from execution_inbox x using target t where x.execution_id = t.id and t.terminal
    ), files as (
      -- Their rows go with their bytes.
      update files x set due_at = now() from target t where x.execution_id = t.id and t.terminal
    ) ${audit === undefined ? service`` : service`, audit as (${rawAuditInsert(service, audit, 'gone')})`}
    select exists (select from target) as known, exists (select from gone) as deleted`
  if (row?.known !== true) return 'unknown'
  return row.deleted ? 'deleted' : 'unfinished'
}

export function createdAt (id: string): string {
  return new Date(idTime(id)).toISOString()
}
