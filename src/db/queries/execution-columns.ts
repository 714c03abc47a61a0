import type { QueuedExecution } from '../../lib/queued-execution.ts'
import type { Sql } from '../client.ts'
import { lines } from './lines.ts'

/** Arguments of `unnest`: id, organization_id, workflow_id, version, node_id, trigger, payload, origin. */
export function executionColumns (sql: Sql, rows: readonly QueuedExecution[]) {
  return sql`
      string_to_array(${lines(rows, row => row.id)}, E'\n')::uuid[],
      string_to_array(${lines(rows, row => row.organizationId)}, E'\n')::uuid[],
      string_to_array(${lines(rows, row => row.workflowId)}, E'\n')::uuid[],
      string_to_array(${lines(rows, row => row.version)}, E'\n')::integer[],
      string_to_array(${lines(rows, row => row.nodeId)}, E'\n'),
      string_to_array(${lines(rows, row => row.trigger)}, E'\n'),
      string_to_array(${lines(rows, row => row.payload)}, E'\n'),
      string_to_array(${lines(rows, row => row.origin)}, E'\n')`
}
