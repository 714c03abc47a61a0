import type { Sql } from '../client.ts'
import { isDuplicate } from '../failure.ts'
import { settle } from '../settle.ts'
import { lines } from './lines.ts'
import { alarmed, alarmsOf, alarmStarted, type Alarm } from './segment-alarms.ts'
import { born, correspondenceOf, getsLetter, letters, posted, taken, told, type Letter, type NewChild } from './segment-children.ts'
import { closed, closingsOf, hasUnreadMail, readMail, unanswered } from './segment-mail.ts'
import { outbox } from './segment-outbox.ts'

/** What becomes of the execution's lease with an append. */
export type LeaseChange =
  | { readonly kind: 'none' }
  /** Held by the writer from now on. `progress`: a step ended, so earlier crashes no longer count. */
  | { readonly kind: 'hold', readonly progress: boolean }
  /**
   * Nobody's until `dueAt` (milliseconds since the epoch), or until there is mail other than these messages, which the
   * writer has read: they wake it no more.
   */
  | { readonly kind: 'park', readonly dueAt: number, readonly waitingFor: string, readonly read: readonly string[] }
  /** The execution is over. */
  | { readonly kind: 'drop' }

export interface LogLine {
  readonly seq: number
  readonly at: number
  readonly level: string
  readonly nodeId: string | undefined
  readonly run: number | undefined
  readonly message: string
  readonly data: unknown
}

/** What changes elsewhere with a segment; few have any. */
export interface Consequences {
  /** Ids of messages that would come too late from now on. Where one has come already, it must be read first. */
  readonly closed: readonly string[]
  /** Ids of messages that were acted upon, and are not needed any more. */
  readonly taken?: readonly string[]
  /** Executions that start with it. */
  readonly children?: readonly NewChild[]
  readonly letters?: readonly Letter[]
  /** The execution ends, and the children that its steps wait for are to stop. */
  readonly endsChildren?: boolean
  readonly alarm?: Alarm | undefined
}

/** One segment: events `seq` to `lastSeq`. */
export interface Segment {
  readonly executionId: string
  readonly seq: number
  readonly lastSeq: number
  readonly organizationId: string
  readonly workflowId: string
  readonly writer: string
  readonly firstAt: number
  readonly lastAt: number
  /** The final status, on the last segment; else empty. */
  readonly status: string
  /** JSON text on one line. */
  readonly events: string
  readonly lease: LeaseChange
  readonly logs: readonly LogLine[]
  readonly consequences?: Consequences | undefined
  /** The execution ends, and its organization has subscriptions: the outbox gets what they want of it. */
  readonly announced?: boolean
}

export interface Appended {
  /** The executions whose segment was inserted. */
  readonly inserted: ReadonlySet<string>
  /** Parked executions that somebody should take up at once: there is mail for them. */
  readonly due: readonly Affected[]
  /** Executions that somebody runs, and that got mail. */
  readonly mail: readonly Affected[]
  /** New executions. */
  readonly started: readonly Affected[]
}

export interface Affected {
  readonly executionId: string
  readonly organizationId: string
}

const NONE: readonly Affected[] = []

/**
 * The fence: a segment goes in only behind its predecessor, once, only while nobody else holds the lease, and
 * a beginning or an ending only if nobody asked for another end.
 * The call may be repeated as it is. It takes one segment of an execution at most.
 */
export async function appendEvents (sql: Sql, segments: readonly Segment[], leaseSeconds: number): Promise<Appended> {
  const whole = segments.every(isWhole) ? await appendAllWhole(sql, segments) : undefined
  if (whole !== undefined) return { inserted: new Set(whole), due: NONE, mail: NONE, started: NONE }
  const rows = await appendWithLeases(sql, segments, leaseSeconds)
  const of = (kind: Row['kind']): Affected[] => rows.filter(row => row.kind === kind).map(row => ({ executionId: row.execution_id, organizationId: row.organization_id }))
  return { inserted: new Set(of('segment').map(({ executionId }) => executionId)), due: of('due'), mail: of('mail'), started: of('started') }
}

interface Row {
  readonly kind: 'segment' | 'due' | 'mail' | 'started'
  readonly execution_id: string
  readonly organization_id: string
}

/** The first and mostly the only segment of an execution, and nothing beside it. */
function isWhole ({ seq, lease, logs, consequences, announced }: Segment): boolean {
  return seq === 2 && lease.kind === 'none' && logs.length === 0 && consequences === undefined && announced !== true
}

/** The ids of those that went in; undefined where a place was taken, and so none was. */
async function appendAllWhole (sql: Sql, segments: readonly Segment[]): Promise<string[] | undefined> {
  const count = await appendWhole(sql, segments)
  if (count === segments.length) return segments.map(segment => segment.executionId)
  if (count === 0 || count === undefined) return count === 0 ? [] : undefined
  // None of these places was taken, so what stands there by the same writer came with this call.
  const writers = await findWriters(sql, segments)
  return segments.filter(({ executionId, writer }) => writers.get(executionId) === writer).map(segment => segment.executionId)
}

function unpacked (sql: Sql, segments: readonly Segment[]) {
  return sql`unnest(
      string_to_array(${lines(segments, one => one.executionId)}, E'\n')::uuid[],
      string_to_array(${lines(segments, one => one.seq)}, E'\n')::integer[],
      string_to_array(${lines(segments, one => one.lastSeq)}, E'\n')::integer[],
      string_to_array(${lines(segments, one => one.organizationId)}, E'\n')::uuid[],
      string_to_array(${lines(segments, one => one.workflowId)}, E'\n')::uuid[],
      string_to_array(${lines(segments, one => one.writer)}, E'\n')::uuid[],
      string_to_array(${lines(segments, one => one.firstAt)}, E'\n')::bigint[],
      string_to_array(${lines(segments, one => one.lastAt)}, E'\n')::bigint[],
      string_to_array(${lines(segments, one => one.status)}, E'\n', ''),
      string_to_array(${lines(segments, one => one.events)}, E'\n')
    )`
}

function fenced (sql: Sql) {
  return sql`
    case when d.seq = 2
      then exists (select from executions e where e.id = d.execution_id)
      else d.seq - 1 = (
        select case when p.status is null then p.last_seq end from execution_events p
        where p.execution_id = d.execution_id and p.seq < d.seq order by p.seq desc limit 1
      )
    end
    and ${unhindered(sql)}`
}

/** Nobody else holds the execution, and no cancellation must be read first. */
function unhindered (sql: Sql) {
  return sql`
    not exists (select from execution_leases l where l.execution_id = d.execution_id and l.owner <> d.writer)
    and (d.status = 'cancelled' or (d.status is null and d.seq > 2)
      or not exists (select from execution_inbox i where i.execution_id = d.execution_id and i.kind = 'cancel'))`
}

/**
 * The usual case, all of them where nothing stands yet: looking for each row first (`on conflict`), naming it afterwards
 * and opening partitions that hold none of them is a third of what the statement costs.
 * @returns how many were inserted; undefined where a place was taken, and so none was
 */
async function appendWhole (sql: Sql, segments: readonly Segment[]): Promise<number | undefined> {
  const ids = segments.map(segment => segment.executionId).sort()
  try {
    const { count } = await settle(sql`
      insert into execution_events (execution_id, seq, last_seq, organization_id, workflow_id, writer, first_at, last_at, status, events, xid)
      select d.execution_id, d.seq, d.last_seq, d.organization_id, d.workflow_id, d.writer, d.first_at, d.last_at, d.status, d.events::json,
        (select pg_current_xact_id()::text::bigint)
      from ${unpacked(sql, segments)} as d (execution_id, seq, last_seq, organization_id, workflow_id, writer, first_at, last_at, status, events)
      where (select true from executions e where e.id = d.execution_id and e.id between ${ids[0]!} and ${ids.at(-1)!})
      and ${unhindered(sql)}`)
    return count
  } catch (error) {
    if (isDuplicate(error)) return undefined
    throw error
  }
}

async function appendWithLeases (sql: Sql, segments: readonly Segment[], leaseSeconds: number): Promise<readonly Row[]> {
  const logs = storableText(segments.flatMap(segment => segment.logs.map(line => ({
    execution_id: segment.executionId, organization_id: segment.organizationId, seq: line.seq, at: line.at, level: line.level,
    node_id: line.nodeId, run: line.run, message: line.message, data: line.data
  }))))
  const leases = segments.filter(segment => segment.lease.kind !== 'none').map(({ executionId, lease }) => ({
    execution_id: executionId,
    kind: lease.kind,
    progress: lease.kind === 'hold' && lease.progress,
    due: lease.kind === 'park' ? lease.dueAt : null,
    waiting_for: lease.kind === 'park' ? lease.waitingFor : null
  }))
  const closings = closingsOf(segments)
  const correspondence = correspondenceOf(segments)
  const alarms = alarmsOf(segments)
  return await sql`
    with d as materialized (
      select * from ${unpacked(sql, segments)} as d (execution_id, seq, last_seq, organization_id, workflow_id, writer, first_at, last_at, status, events)
    ), ok as (
      insert into execution_events (execution_id, seq, last_seq, organization_id, workflow_id, writer, first_at, last_at, status, events)
      select d.execution_id, d.seq, d.last_seq, d.organization_id, d.workflow_id, d.writer, d.first_at, d.last_at, d.status, d.events::json
      from d where ${fenced(sql)} ${unanswered(sql, closings)}
      on conflict do nothing
      returning execution_id, organization_id, workflow_id, writer
    ), ${letters(sql, correspondence)} ${readMail(sql, segments)}, change as materialized (
      select ok.*, c.kind, c.progress, c.due, c.waiting_for, c.kind = 'park' and (${hasUnreadMail(sql)} ${getsLetter(sql, correspondence)}) as mail
      from ok join json_to_recordset(${JSON.stringify(leases)}::text::json) as c (execution_id uuid, kind text, progress boolean, due bigint, waiting_for text) using (execution_id)
    ), held as (
      insert into execution_leases (execution_id, organization_id, workflow_id, status, owner, due_at, waiting_for)
      select execution_id, organization_id, workflow_id,
        case kind when 'hold' then 'running' else 'waiting' end,
        case kind when 'hold' then writer end,
        case when kind = 'hold' then now() + make_interval(secs => ${leaseSeconds}) when mail then now() else to_timestamp(due / 1000.0) end,
        waiting_for::json
      from change where kind in ('hold', 'park')
      on conflict (execution_id) do update set status = excluded.status, owner = excluded.owner, due_at = excluded.due_at, waiting_for = excluded.waiting_for,
        takeovers = case when excluded.status = 'waiting' or (select c.progress from change c where c.execution_id = excluded.execution_id) then 0 else execution_leases.takeovers end
    ), dropped as (
      delete from execution_leases l using change c where c.kind = 'drop' and l.execution_id = c.execution_id
    ), read as (
      delete from execution_inbox i using change c where c.kind = 'drop' and i.execution_id = c.execution_id
    ), ${closed(sql, closings)} ${taken(sql, correspondence)} ${born(sql, correspondence)} ${posted(sql, correspondence)} ${alarmed(sql, alarms)} ${outbox(sql, segments.some(({ announced }) => announced === true))} logged as (
      insert into execution_logs (execution_id, seq, organization_id, at, level, node_id, run, message, data)
      select x.execution_id, x.seq, x.organization_id, x.at, x.level, x.node_id, x.run, x.message, x.data
      from json_to_recordset(${logs}::text::json) as x (execution_id uuid, seq integer, organization_id uuid, at bigint, level text, node_id text, run integer, message text, data json)
      join ok using (execution_id)
      on conflict do nothing
    )
    select 'segment' as kind, execution_id, organization_id from ok union all select 'due', execution_id, organization_id from change where mail
      ${told(sql, correspondence)} ${alarmStarted(sql, alarms)}`
}

/** An escaped backslash, or an escape that json takes and text does not: NUL, or half of a surrogate pair. */
const ESCAPES = /\\\\|\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/** JSON text that may be taken apart. A whole pair is never escaped by `JSON.stringify`. */
function storableText (value: unknown): string {
  return JSON.stringify(value).replace(ESCAPES, escape => escape === '\\\\' ? escape : '\\ufffd')
}

/** Who wrote the segment that stands where these were to go: the answer to an append that inserted nothing. */
export async function findWriters (sql: Sql, segments: ReadonlyArray<Pick<Segment, 'executionId' | 'seq'>>): Promise<Map<string, string>> {
  const rows = await sql<Array<{ execution_id: string, writer: string }>>`
    select e.execution_id, e.writer
    from unnest(
      string_to_array(${lines(segments, one => one.executionId)}, E'\n')::uuid[],
      string_to_array(${lines(segments, one => one.seq)}, E'\n')::integer[]
    ) as d (execution_id, seq)
    join execution_events e using (execution_id, seq)`
  return new Map(rows.map(row => [row.execution_id, row.writer]))
}
