import type { Sql } from '../client.ts'
import type { Consequences, Segment } from './append-events.ts'

/** Parts of the statement that appends segments: the executions that they start, and what they tell others. `ok` are the segments that went in. */

/** An execution that starts with a segment of another. `payload`, `origin` and `beginning` are JSON text. */
export interface NewChild {
  readonly id: string
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  readonly payload: string
  readonly origin: string
  readonly beginning: string | null
}

/** A message to an execution; `body` is JSON text. */
export interface Letter {
  readonly to: string
  readonly messageId: string
  readonly kind: 'child' | 'cancel'
  readonly body: string
}

export interface Correspondence {
  readonly children: readonly object[]
  readonly letters: readonly object[]
  /** Executions that end and whose open children are to stop. */
  readonly ending: readonly object[]
  /** Messages that were acted upon, and are not needed any more. */
  readonly taken: readonly object[]
}

const NOTHING: Correspondence = { children: [], letters: [], ending: [], taken: [] }

/** What the segments have to say to others; mostly nothing. */
export function correspondenceOf (segments: readonly Segment[]): Correspondence {
  const some = segments.filter(({ consequences }) => consequences !== undefined)
  if (some.length === 0) return NOTHING
  const of = (read: (consequences: Consequences) => readonly object[] | undefined): object[] => some.flatMap(({ executionId, consequences }) =>
    (read(consequences!) ?? []).map(one => ({ ...one, execution_id: executionId })))
  return {
    children: of(({ children }) => children?.map(({ id, workflowId, version, nodeId, payload, origin, beginning }) => ({ id, workflow_id: workflowId, version, node_id: nodeId, payload, origin, beginning }))),
    letters: of(({ letters }) => letters?.map(({ to, messageId, kind, body }) => ({ to_id: to, message_id: messageId, kind, body }))),
    ending: of(({ endsChildren }) => endsChildren === true ? [{}] : []),
    taken: of(({ taken }) => taken?.map(id => ({ message_id: id })))
  }
}

export function sendsLetters ({ letters, ending }: Correspondence): boolean {
  return letters.length > 0 || ending.length > 0
}

/** The children, accepted with the step that starts them. */
export function born (sql: Sql, { children }: Correspondence) {
  if (children.length === 0) return sql``
  return sql`born as (
      insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload, origin, beginning, parent_id)
      select c.id, ok.organization_id, c.workflow_id, c.version, c.node_id, 'subWorkflow', c.payload::json, c.origin::json, c.beginning::json, ok.execution_id
      from ok join json_to_recordset(${JSON.stringify(children)}::text::json)
        as c (execution_id uuid, id uuid, workflow_id uuid, version integer, node_id text, payload text, origin text, beginning text) using (execution_id)
      on conflict do nothing
      returning id, organization_id
    ),`
}

/** What is sent, as `letter`: also to the children of what ends, as far as a step waits for them. */
export function letters (sql: Sql, correspondence: Correspondence) {
  if (!sendsLetters(correspondence)) return sql``
  return sql`letter as materialized (
      select m.to_id, m.message_id, ok.organization_id, m.kind, m.body
      from ok join json_to_recordset(${JSON.stringify(correspondence.letters)}::text::json) as m (execution_id uuid, to_id uuid, message_id uuid, kind text, body text) using (execution_id)
      union all
      select c.id, ok.execution_id, ok.organization_id, 'cancel', '{}'
      from ok join json_to_recordset(${JSON.stringify(correspondence.ending)}::text::json) as o (execution_id uuid) using (execution_id)
      join executions c on c.parent_id = ok.execution_id and c.organization_id = ok.organization_id and (c.origin -> 'parent' ->> 'awaited')::boolean
    ),`
}

/** Delivers them, and wakes the parked. What is over is told nothing. */
export function posted (sql: Sql, correspondence: Correspondence) {
  if (!sendsLetters(correspondence)) return sql``
  return sql`posted as (
      insert into execution_inbox (execution_id, message_id, organization_id, kind, body)
      select n.to_id, n.message_id, n.organization_id, n.kind, n.body::json from letter n
      where exists (select from executions e where e.id = n.to_id)
        and not exists (select from execution_events x where x.execution_id = n.to_id and x.status is not null)
      on conflict do nothing
      returning execution_id, organization_id, kind
    ), addressed as materialized (
      -- Locked, so that one that parks at this moment is seen as it is after that.
      select l.execution_id, l.owner is null and (l.blocked_on is null or p.kind = 'cancel') as idle
      from posted p join execution_leases l using (execution_id)
      where not exists (select from d where d.execution_id = l.execution_id)
      order by l.execution_id for update of l
    ), woken as (
      update execution_leases l set due_at = now() from addressed a where l.execution_id = a.execution_id and a.idle
      returning l.execution_id
    ),`
}

/** Whether `ok` gets a letter by the same statement, which its own look into the inbox does not see. */
export function getsLetter (sql: Sql, correspondence: Correspondence) {
  return sendsLetters(correspondence) ? sql`or exists (select from letter n where n.to_id = ok.execution_id)` : sql``
}

export function taken (sql: Sql, correspondence: Correspondence) {
  if (correspondence.taken.length === 0) return sql``
  return sql`taken as (
      delete from execution_inbox i using ok join json_to_recordset(${JSON.stringify(correspondence.taken)}::text::json) as t (execution_id uuid, message_id uuid) using (execution_id)
      where i.execution_id = ok.execution_id and i.message_id = t.message_id
    ),`
}

/** What the caller is to see to: executions that start, the woken, and those that are told and run somewhere. */
export function told (sql: Sql, correspondence: Correspondence) {
  const started = correspondence.children.length === 0 ? sql`` : sql` union all select 'started', id, organization_id from born`
  if (!sendsLetters(correspondence)) return started
  return sql`${started} union all select case when exists (select from woken w where w.execution_id = p.execution_id) then 'due' else 'mail' end, p.execution_id, p.organization_id from posted p`
}
