import type { Sql } from '../client.ts'
import { isDuplicate } from '../failure.ts'
import type { NewExecution } from './accept-executions.ts'

/**
 * Accepts an execution that begins with more than its trigger's item. May be repeated with the same id.
 * @param beginning JSON text
 * @returns false where the workflow is gone
 */
export async function acceptPrepared (sql: Sql, execution: NewExecution, beginning: string): Promise<boolean> {
  const { id, organizationId, workflowId, version, nodeId, trigger, payload, origin } = execution
  try {
    const { count } = await sql`
      insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload, origin, beginning)
      select ${id}::uuid, ${organizationId}::uuid, ${workflowId}::uuid, ${version}::integer, ${nodeId}::text, ${trigger}::text, ${payload}::text::json, nullif(${origin}::text, '')::json, ${beginning}::text::json
      where exists (select from workflows w where w.id = ${workflowId} and w.organization_id = ${organizationId})`
    return count === 1
  } catch (error) {
    // It stands there from a statement whose answer was lost.
    if (isDuplicate(error)) return true
    throw error
  }
}

/** JSON text; undefined where an execution has none. */
export async function loadBeginning (sql: Sql, executionId: string): Promise<string | undefined> {
  const [row] = await sql<Array<{ beginning: string | null }>>`select beginning::text as beginning from executions where id = ${executionId}`
  return row?.beginning ?? undefined
}
