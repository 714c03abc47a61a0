import type { Sql } from '../client.ts'
import type { QueuedExecution } from '../../lib/queued-execution.ts'
import { lines } from './lines.ts'

interface Row { id: string, organization_id: string, workflow_id: string, version: number, node_id: string, trigger: string, payload: string, origin: string | null }

/** Those of these executions that nobody has begun: no segment, no lease. */
export async function loadFresh (sql: Sql, ids: readonly string[]): Promise<QueuedExecution[]> {
  const rows = await sql<Row[]>`
    select e.id, e.organization_id, e.workflow_id, e.version, e.node_id, e.trigger, e.payload::text as payload, e.origin::text as origin
    from unnest(string_to_array(${lines(ids, id => id)}, E'\n')::uuid[]) as d (id) join executions e using (id)
    where not exists (select from execution_events x where x.execution_id = e.id)
      and not exists (select from execution_leases l where l.execution_id = e.id)`
  return rows.map(fromRow)
}

export async function loadOne (sql: Sql, id: string): Promise<QueuedExecution | undefined> {
  const [row] = await sql<Row[]>`
    select id, organization_id, workflow_id, version, node_id, trigger, payload::text as payload, origin::text as origin
    from executions where id = ${id}`
  return row === undefined ? undefined : fromRow(row)
}

function fromRow (row: Row): QueuedExecution {
  return {
    id: row.id, organizationId: row.organization_id, workflowId: row.workflow_id, version: row.version,
    nodeId: row.node_id, trigger: row.trigger, payload: row.payload, origin: row.origin ?? ''
  }
}

export interface StoredSegment {
  readonly seq: number
  readonly lastSeq: number
  readonly status: string | null
  /** JSON text of the events */
  readonly events: string
}

/** The segments of an execution in order, from the one that holds event `fromSeq`. */
export async function loadSegments (sql: Sql, executionId: string, fromSeq = 0): Promise<StoredSegment[]> {
  return await sql<StoredSegment[]>`
    select seq, last_seq as "lastSeq", status, events::text as events
    from execution_events where execution_id = ${executionId} and last_seq >= ${fromSeq} order by seq`
}
