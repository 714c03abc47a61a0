import type { Sql } from '../client.ts'

export interface ScopeRead {
  readonly organizationIds: readonly string[]
  /** Null: all workflows. */
  readonly workflowId: string | null
  /** Rows behind this place, in the order of transaction, execution, seq. */
  readonly after: { readonly xid: number, readonly executionId: string, readonly seq: number }
  /** Transactions looked at, at most: bounds the rows of others that are passed over. */
  readonly window: number
}

export interface ScopeRow {
  readonly organizationId: string
  readonly workflowId: string
  readonly executionId: string
  readonly xid: number
  readonly seq: number
  readonly lastSeq: number
  readonly status: string
  /** JSON text; null for an acceptance row, which has version and trigger. */
  readonly events: string | null
  readonly version: number | null
  readonly trigger: string | null
}

export interface ScopePage {
  readonly rows: readonly ScopeRow[]
  /** All rows of transactions below are in `rows` or before `after`, unless the page is `cut`. */
  readonly horizon: number
  /** There is more below the horizon than what is in `rows`. */
  readonly cut: boolean
  /** Transactions below `open` had ended, those from `begun` on had not begun. */
  readonly open: number
  readonly begun: number
}

const MAX_ROWS = 500
const MAX_BYTES = 4 * 1024 * 1024

interface Row extends Omit<ScopeRow, 'xid'> {
  readonly xid: string | null
  readonly open: string
  readonly begun: string
  readonly horizon: string
  readonly found: number
}

/**
 * A page of what was committed in these organizations, only of transactions that no unfinished one can precede:
 * what commits late comes later in this order too. The organization is compared in a way that no index serves:
 * the one on `xid` must be used, whatever the statistics say.
 */
export async function readScope (sql: Sql, { organizationIds, workflowId, after, window }: ScopeRead): Promise<ScopePage> {
  const organizations = organizationIds.join(',')
  const scope = sql`
    (organization_id = any(string_to_array(${organizations}, ',')::uuid[])) is true
    and (${workflowId}::uuid is null or (workflow_id = ${workflowId}::uuid) is true)
    and xid >= ${after.xid}::bigint and xid < (select horizon from moment)`
  const rows = await sql<Row[]>`
    with moment as materialized (
      select pg_snapshot_xmin(s)::text::bigint as open, pg_snapshot_xmax(s)::text::bigint as begun,
        least(pg_snapshot_xmin(s)::text::bigint, ${after.xid}::bigint + ${window}::bigint) as horizon
      from (select pg_current_snapshot() as s) present
    ), found as (
      (
        select organization_id, workflow_id, id as execution_id, xid, 1 as seq, 1 as last_seq, '' as status, null::json as events, version, trigger, 0 as size
        from executions where ${scope} and (xid > ${after.xid}::bigint or (id, 1) > (${after.executionId}::uuid, ${after.seq}::integer))
        order by xid, id limit ${MAX_ROWS}
      ) union all (
        select organization_id, workflow_id, execution_id, xid, seq, last_seq, coalesce(status, ''), events, null, null,
          case when pg_column_compression(events) is null then pg_column_size(events) else octet_length(events::text) end
        from execution_events where ${scope} and (xid > ${after.xid}::bigint or (execution_id, last_seq) > (${after.executionId}::uuid, ${after.seq}::integer))
        order by xid, execution_id, seq limit ${MAX_ROWS}
      )
      order by xid, execution_id, seq limit ${MAX_ROWS}
    ), measured as (
      select *, sum(size) over w as total, row_number() over w as place, count(*) over () as found
      from found window w as (order by xid, execution_id, seq)
    )
    select m.organization_id as "organizationId", m.workflow_id as "workflowId", m.execution_id as "executionId", m.xid, m.seq, m.last_seq as "lastSeq",
      m.status, m.events::text as events, m.version, m.trigger, moment.open, moment.begun, moment.horizon, coalesce(m.found, 0)::integer as found
    from moment left join measured m on m.total <= ${MAX_BYTES} or m.place = 1
    order by m.xid, m.execution_id, m.seq`
  const { horizon, open, begun, found } = rows[0]!
  const page = rows.flatMap(row => row.xid === null ? [] : [{ ...row, xid: Number(row.xid) }])
  return { rows: page, cut: found === MAX_ROWS || page.length < found, horizon: Number(horizon), open: Number(open), begun: Number(begun) }
}
