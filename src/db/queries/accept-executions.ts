import type { Sql } from '../client.ts'
import { isDuplicate } from '../failure.ts'
import type { QueuedExecution } from '../../lib/queued-execution.ts'
import { executionColumns } from './execution-columns.ts'
import { settle } from '../settle.ts'
import { lines } from './lines.ts'

/** One accepted request: event 1 of a new execution. `payload` and `origin` are JSON text on one line. */
export interface NewExecution extends QueuedExecution {
  /** Whether `version` must be the published one at the time of the commit. */
  readonly published: boolean
}

/**
 * Accepts all in one statement. It may be repeated with the same ids: rows that are there already count as accepted.
 * @returns the ids that were accepted; one is missing where its workflow is gone or no longer published in that version
 */
export async function acceptExecutions (sql: Sql, rows: readonly NewExecution[]): Promise<Set<string>> {
  if (await insertAll(sql, rows)) return new Set(rows.map(row => row.id))
  const accepted = await sql<Array<{ id: string }>>`
    insert into executions ${acceptable(sql, rows)} or exists (select from executions e where e.id = d.id)
    on conflict (id) do update set version = excluded.version
    returning id`
  return new Set(accepted.map(row => row.id))
}

/**
 * The usual case: all are new, and may be accepted. Looking for each row first (`on conflict`) and naming it afterwards
 * is a third of what the statement costs.
 */
async function insertAll (sql: Sql, rows: readonly NewExecution[]): Promise<boolean> {
  try {
    const { count } = await settle(sql`insert into executions ${acceptable(sql, rows)}`)
    return count === rows.length
  } catch (error) {
    if (isDuplicate(error)) return false
    throw error
  }
}

/** Columns and rows, up to a condition, to which more may be added. The transaction's id is asked for once, not for each row. */
function acceptable (sql: Sql, rows: readonly NewExecution[]) {
  const first = rows[0]!
  return rows.every(row => isAlike(row, first)) ? acceptableAlike(sql, rows, first) : acceptableMixed(sql, rows)
}

/** Whether two differ in their ids and payloads only, as what comes in at one webhook does. */
function isAlike (a: NewExecution, b: NewExecution): boolean {
  return a.workflowId === b.workflowId && a.version === b.version && a.nodeId === b.nodeId && a.trigger === b.trigger &&
    a.origin === b.origin && a.published === b.published && a.organizationId === b.organizationId
}

/** The workflow is looked at once, and nothing is sent twice: a tenth less work for the database than with a column each, or more. */
function acceptableAlike (sql: Sql, rows: readonly NewExecution[], { organizationId, workflowId, version, nodeId, trigger, origin, published }: NewExecution) {
  return sql`
    (id, organization_id, workflow_id, version, node_id, trigger, payload, origin, xid)
    select d.id, ${organizationId}::uuid, ${workflowId}::uuid, ${version}::integer, ${nodeId}::text, ${trigger}::text, d.payload::json, nullif(${origin}::text, '')::json,
      (select pg_current_xact_id()::text::bigint)
    from unnest(
      string_to_array(${lines(rows, row => row.id)}, E'\n')::uuid[],
      string_to_array(${lines(rows, row => row.payload)}, E'\n')
    ) as d (id, payload)
    where exists (
      select from workflows w
      where w.id = ${workflowId}::uuid and w.organization_id = ${organizationId}::uuid and (not ${published}::boolean or w.published_version = ${version}::integer)
    )`
}

function acceptableMixed (sql: Sql, rows: readonly NewExecution[]) {
  return sql`
    (id, organization_id, workflow_id, version, node_id, trigger, payload, origin, xid)
    select d.id, d.organization_id, d.workflow_id, d.version, d.node_id, d.trigger, d.payload::json, nullif(d.origin, '')::json,
      (select pg_current_xact_id()::text::bigint)
    from unnest(
      ${executionColumns(sql, rows)},
      string_to_array(${lines(rows, row => row.published ? 't' : 'f')}, E'\n')::boolean[]
    ) as d (id, organization_id, workflow_id, version, node_id, trigger, payload, origin, published)
    where exists (
      select from workflows w
      where w.id = d.workflow_id and w.organization_id = d.organization_id and (not d.published or w.published_version = d.version)
    )`
}
