import type { Sql } from '../client.ts'
import { lines } from './lines.ts'

/** Where a reader of one execution stands: the event that it needs next. */
export interface WantedEvents {
  readonly organizationId: string
  readonly executionId: string
  readonly next: number
}

export interface WantedRow {
  /** Position in the list that was asked for, from 1. */
  readonly n: number
  readonly version: number | null
  readonly workflowId: string | null
  readonly trigger: string | null
  /** Of the newest segment in the table. */
  readonly tableLastSeq: number | null
  readonly tableStatus: string | null
  readonly seq: number | null
  readonly lastSeq: number | null
  readonly status: string | null
  readonly events: string | null
}

const SEGMENTS_OF_ONE = 50
/** JSON text that one read brings into memory; a first row comes in any size. */
const MAX_BYTES = 4 * 1024 * 1024

/**
 * For each reader a row a segment, in order, from the one that holds `next`; a row without segment where there is none.
 * Foreign and unknown executions have no version. Not all segments may come: `tableLastSeq` tells.
 */
export async function readExecutions (sql: Sql, wanted: readonly WantedEvents[]): Promise<WantedRow[]> {
  return await sql<WantedRow[]>`
    with found as (
      select d.n::integer as n, x.version, x.workflow_id, x.trigger, t.last_seq as table_last_seq, t.status as table_status, s.seq, s.last_seq, s.status, s.events,
        sum(s.size) over (order by d.n, s.seq) as total, row_number() over (order by s.seq is null, d.n, s.seq) as place
      from unnest(
        string_to_array(${lines(wanted, one => one.executionId)}, E'\n')::uuid[],
        string_to_array(${lines(wanted, one => one.organizationId)}, E'\n')::uuid[],
        string_to_array(${lines(wanted, one => one.next)}, E'\n')::integer[]
      ) with ordinality as d (id, organization_id, next, n)
      left join executions x on x.id = d.id and x.organization_id = d.organization_id
      left join lateral (
        select e.last_seq, e.status from execution_events e where e.execution_id = x.id order by e.seq desc limit 1
      ) t on true
      left join lateral (
        select e.seq, e.last_seq, e.status, e.events, ${sizeOf(sql)} as size from execution_events e
        where e.execution_id = x.id and e.last_seq >= d.next
          and e.seq >= coalesce((select p.seq from execution_events p where p.execution_id = x.id and p.seq <= d.next order by p.seq desc limit 1), 0)
        order by e.seq limit ${SEGMENTS_OF_ONE}
      ) s on t.last_seq >= d.next
    )
    select n, version, workflow_id as "workflowId", trigger, table_last_seq as "tableLastSeq", table_status as "tableStatus",
      case when fits then seq end as seq, last_seq as "lastSeq", coalesce(status, '') as status, case when fits then events::text end as events
    from (select *, total is null or total <= ${MAX_BYTES} or place = 1 as fits from found) f
    order by n, f.seq`
}

/** Bytes of the events in memory; what is stored compressed says so without being unpacked. */
function sizeOf (sql: Sql) {
  return sql`case when pg_column_compression(e.events) is null then pg_column_size(e.events) else octet_length(e.events::text) end`
}

/** What transactions had ended at a moment. */
export interface Snapshot {
  /** Every transaction below has ended. */
  readonly xmin: number
  /** None from here on had begun. */
  readonly xmax: number
  /** Those between that were still running. */
  readonly running: ReadonlySet<number>
}

/** The present moment, if the workflow (or else the organization as a whole) exists. */
export async function startOfScope (sql: Sql, organizationId: string, workflowId: string | null): Promise<Snapshot | undefined> {
  const [row] = await sql<Array<{ snapshot: string, found: boolean }>>`
    select pg_current_snapshot()::text as snapshot,
      ${workflowId}::uuid is null or exists (select from workflows where organization_id = ${organizationId} and id = ${workflowId}) as found`
  return row?.found === true ? parseSnapshot(row.snapshot) : undefined
}

/** `xmin:xmax:running,…`, as PostgreSQL writes it. */
function parseSnapshot (text: string): Snapshot {
  const [xmin = '', xmax = '', running = ''] = text.split(':')
  return { xmin: Number(xmin), xmax: Number(xmax), running: new Set(running.split(',').filter(xid => xid !== '').map(Number)) }
}
