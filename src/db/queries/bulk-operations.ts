import { sql, type SQL } from 'drizzle-orm'
import { firstIdAt } from '../../lib/ids.ts'
import type { Executor, Sql } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export type BulkKind = 'retry' | 'replay'

/** Which executions; all of them older than the operation. */
export interface BulkFilter {
  readonly workflowId?: string
  /** Final statuses; all executions where there is none. */
  readonly statuses?: readonly string[]
  readonly trigger?: string
  /** Milliseconds since the epoch, inclusive. */
  readonly from?: number
  /** Milliseconds since the epoch, exclusive. */
  readonly to?: number
}

export interface BulkOptions {
  readonly from: 'failedStep' | 'start'
  readonly version: 'same' | 'newest'
}

export type BulkOperationRow = {
  readonly id: string
  readonly kind: BulkKind
  readonly filter: BulkFilter
  readonly options: BulkOptions
  readonly status: string
  readonly total: number
  readonly started: number
  readonly failed: number
  readonly createdAt: string
  readonly finishedAt: string | null
} & Record<string, unknown>

const COLUMNS = sql`b.id, b.kind, b.filter, b.options, b.status, b.total, b.started, b.failed, ${instantText('b.created_at')} as "createdAt", ${instantText('b.finished_at')} as "finishedAt"`
const NONE = '00000000-0000-0000-0000-000000000000'

/** The ids of what an operation is about, behind one of them and before another, in the order of their ids. */
function sources (organizationId: string, { workflowId, statuses, trigger, from, to }: BulkFilter, after: string, before: string): SQL {
  const bounds = [
    sql`e.organization_id = ${organizationId}`, sql`e.id > ${after}`, sql`e.id < ${before}`,
    ...(workflowId === undefined ? [] : [sql`e.workflow_id = ${workflowId}`]),
    ...(trigger === undefined ? [] : [sql`e.trigger = ${trigger}`]),
    ...(from === undefined ? [] : [sql`e.id >= ${firstIdAt(from)}`]),
    ...(to === undefined ? [] : [sql`e.id < ${firstIdAt(to)}`]),
    ...(statuses === undefined ? [] : [endedAs(organizationId, statuses, after, before)])
  ]
  return sql`select e.id from executions e where ${sql.join(bounds, sql` and `)}`
}

function endedAs (organizationId: string, statuses: readonly string[], after: string, before: string): SQL {
  return sql`e.id in (
    select x.execution_id from execution_events x
    where x.organization_id = ${organizationId} and x.status in (${sql.join(statuses.map(status => sql`${status}`), sql`, `)}) and x.execution_id > ${after} and x.execution_id < ${before})`
}

/** Undefined where as many as may are running. */
export async function insertBulkOperation (db: Executor, organizationId: string, id: string, kind: BulkKind, filter: BulkFilter, options: BulkOptions, most: number, audit: AuditEntry): Promise<BulkOperationRow | undefined> {
  return firstRow(await db.execute<BulkOperationRow>(sql`
    with b as (
      insert into bulk_operations (id, organization_id, kind, filter, options, total, position)
      select ${id}::uuid, ${organizationId}::uuid, ${kind}, ${JSON.stringify(filter)}::text::json, ${JSON.stringify(options)}::text::json,
        (select count(*)::integer from (${sources(organizationId, filter, NONE, id)}) s), ${NONE}::uuid
      where (select count(*) from bulk_operations o where o.organization_id = ${organizationId} and o.status = 'running') < ${most}
      returning *
    ), audit as (${auditInsert(audit, 'b')})
    select ${COLUMNS} from b`))
}

/** Newest first. */
export async function listBulkOperations (db: Executor, organizationId: string, limit: number, before?: string): Promise<BulkOperationRow[]> {
  return rowsOf(await db.execute<BulkOperationRow>(sql`
    select ${COLUMNS} from bulk_operations b
    where b.organization_id = ${organizationId} ${before === undefined ? sql.empty() : sql`and b.id < ${before}`} order by b.id desc limit ${limit}`))
}

export async function findBulkOperation (db: Executor, organizationId: string, id: string): Promise<BulkOperationRow | undefined> {
  return firstRow(await db.execute<BulkOperationRow>(sql`select ${COLUMNS} from bulk_operations b where b.organization_id = ${organizationId} and b.id = ${id}`))
}

export type BulkItemRow = { readonly sourceId: string, readonly executionId: string | null, readonly code: string | null, readonly error: string | null } & Record<string, unknown>

/** In the order in which they were dealt with. */
export async function listBulkItems (db: Executor, organizationId: string, id: string, { failed, after, limit }: { failed: boolean, after: string | undefined, limit: number }): Promise<BulkItemRow[]> {
  return rowsOf(await db.execute<BulkItemRow>(sql`
    select i.source_id as "sourceId", case when i.error is null then i.execution_id end as "executionId", i.code, i.error from bulk_operation_items i
    where i.organization_id = ${organizationId} and i.operation_id = ${id} ${failed ? sql`and i.error is not null` : sql.empty()} ${after === undefined ? sql.empty() : sql`and i.source_id > ${after}`}
    order by i.source_id limit ${limit}`))
}

/** What has started stays. */
export async function cancelBulkOperation (db: Executor, organizationId: string, id: string): Promise<boolean> {
  return firstRow(await db.execute(sql`
    update bulk_operations set status = 'cancelled', finished_at = now() where organization_id = ${organizationId} and id = ${id} and status = 'running' returning id`)) !== undefined
}

export interface ClaimedOperation {
  readonly id: string
  readonly organizationId: string
  readonly kind: BulkKind
  readonly filter: BulkFilter
  readonly options: BulkOptions
  readonly position: string
}

/** One that nobody works on; whoever dies leaves it after that many seconds. */
export async function claimBulkOperation (db: Sql, seconds: number): Promise<ClaimedOperation | undefined> {
  const [row] = await db<ClaimedOperation[]>`
    update bulk_operations b set due_at = now() + make_interval(secs => ${seconds})
    where b.id = (select o.id from bulk_operations o where o.status = 'running' and o.due_at <= now() order by o.due_at limit 1 for update skip locked)
    returning b.id, b.organization_id as "organizationId", b.kind, b.filter, b.options, b.position`
  return row
}

export async function nextSources (db: Executor, organizationId: string, filter: BulkFilter, after: string, before: string, limit: number): Promise<string[]> {
  return rowsOf(await db.execute<{ id: string }>(sql`${sources(organizationId, filter, after, before)} order by e.id limit ${limit}`)).map(({ id }) => id)
}

/** The execution that is to start for this one: the one that was named first, whoever asks. */
export async function nameExecution (db: Sql, operationId: string, organizationId: string, sourceId: string, executionId: string): Promise<string> {
  const [row] = await db<Array<{ id: string }>>`
    insert into bulk_operation_items as i (operation_id, organization_id, source_id, execution_id) values (${operationId}, ${organizationId}, ${sourceId}, ${executionId})
    on conflict (operation_id, source_id) do update set execution_id = i.execution_id returning i.execution_id as id`
  return row!.id
}

export async function recordFailure (db: Sql, operationId: string, sourceId: string, code: string, error: string): Promise<void> {
  await db`update bulk_operation_items set code = ${code}, error = ${error} where operation_id = ${operationId} and source_id = ${sourceId}`
}

/** How far it has come; whoever is the next goes on from there, at once or after that many seconds. False where it was cancelled. */
export async function recordProgress (db: Sql, operationId: string, position: string, { done, pause }: { done: boolean, pause: number }): Promise<boolean> {
  const rows = await db`
    update bulk_operations b set position = ${position}, due_at = now() + make_interval(secs => ${pause}),
      status = case when ${done}::boolean then 'completed' else b.status end, finished_at = case when ${done}::boolean then now() end, started = i.started, failed = i.failed
    from (
      select count(*) filter (where error is null)::integer as started, count(*) filter (where error is not null)::integer as failed
      from bulk_operation_items where operation_id = ${operationId} and source_id <= ${position}
    ) i
    where b.id = ${operationId} and b.status = 'running' returning b.id`
  return rows.length > 0
}

export async function deleteOldOperations (db: Sql, before: number): Promise<void> {
  await db`delete from bulk_operations where status <> 'running' and id < ${firstIdAt(before)}`
}
