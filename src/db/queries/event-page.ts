import { sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'

export interface EventPage {
  readonly workflowId: string
  readonly version: number
  readonly trigger: string
  /** Of the execution, now. */
  readonly lastSeq: number
  readonly segments: ReadonlyArray<{ readonly seq: number, readonly lastSeq: number, readonly status: string, readonly events: string }>
}

interface Row extends Record<string, unknown> {
  readonly workflowId: string
  readonly version: number
  readonly trigger: string
  readonly newest: number
  readonly seq: number | null
  readonly lastSeq: number
  readonly status: string
  readonly events: string
}

/** JSON text that a page brings into memory; a first segment comes in any size. */
const MAX_BYTES = 8 * 1024 * 1024

/** The segments that hold the events behind `after`; each holds one at least. Undefined where there is no such execution. */
export async function loadEventPage (
  db: Executor, organizationId: string, { executionId, after, limit }: { executionId: string, after: number, limit: number }
): Promise<EventPage | undefined> {
  const rows = await db.execute<Row>(sql`
    select x.workflow_id as "workflowId", x.version, x.trigger,
      coalesce((select e.last_seq from execution_events e where e.execution_id = x.id order by e.seq desc limit 1), 1) as newest,
      s.seq, s.last_seq as "lastSeq", coalesce(s.status, '') as status, s.events::text as events
    from executions x left join lateral (
      select *, sum(size) over (order by seq) as total, row_number() over (order by seq) as place from (
        select e.seq, e.last_seq, e.status, e.events,
          case when pg_column_compression(e.events) is null then pg_column_size(e.events) else octet_length(e.events::text) end as size
        from execution_events e where e.execution_id = x.id and e.last_seq > ${after}::integer
          and e.seq >= coalesce((select p.seq from execution_events p where p.execution_id = x.id and p.seq <= ${after}::integer + 1 order by p.seq desc limit 1), 0)
        order by e.seq limit ${limit}
      ) page
    ) s on s.total <= ${MAX_BYTES} or s.place = 1
    where x.organization_id = ${organizationId} and x.id = ${executionId}
    order by s.seq`)
  const [first] = rows
  if (first === undefined) return undefined
  const { workflowId, version, trigger, newest } = first
  const segments = [...rows].flatMap(({ seq, lastSeq, status, events }) => seq === null ? [] : [{ seq, lastSeq, status, events }])
  return { workflowId, version, trigger, lastSeq: newest, segments }
}
