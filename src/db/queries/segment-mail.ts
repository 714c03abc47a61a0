import type { Sql } from '../client.ts'
import type { Segment } from './append-events.ts'

/** Parts of the statement that appends segments: what it does to the inboxes. `ok` are the segments that went in. */

interface Closing {
  readonly execution_id: string
  readonly message_id: string
}

export function closingsOf (segments: readonly Segment[]): Closing[] {
  return segments.flatMap(({ executionId, consequences }) => (consequences?.closed ?? []).map(id => ({ execution_id: executionId, message_id: id })))
}

/** Of the fence: an answer that came in time is not passed over. */
export function unanswered (sql: Sql, closings: readonly Closing[]) {
  if (closings.length === 0) return sql``
  return sql`and not exists (
    select from json_to_recordset(${JSON.stringify(closings)}::text::json) as c (execution_id uuid, message_id uuid)
    join execution_inbox i using (execution_id, message_id) where c.execution_id = d.execution_id
  )`
}

/** What stands for an answer that would come too late, so that it is turned away like a second one. */
export function closed (sql: Sql, closings: readonly Closing[]) {
  if (closings.length === 0) return sql``
  return sql`closed as (
      insert into execution_inbox (execution_id, message_id, organization_id, kind, body, seen)
      select ok.execution_id, c.message_id, ok.organization_id, 'closed', '{}', true
      from ok join json_to_recordset(${JSON.stringify(closings)}::text::json) as c (execution_id uuid, message_id uuid) using (execution_id)
      on conflict do nothing
    ),`
}

/** Marks what the writers have read by the time they park: it wakes their executions no more. */
export function readMail (sql: Sql, segments: readonly Segment[]) {
  const read = segments.flatMap(({ executionId, lease, consequences }) => lease.kind === 'park' ? lease.read.map(id => ({ execution_id: executionId, message_id: id, taken: consequences?.taken?.includes(id) === true })) : [])
  return sql`noted as materialized (
      select n.execution_id, n.message_id, n.taken from json_to_recordset(${JSON.stringify(read)}::text::json) as n (execution_id uuid, message_id uuid, taken boolean) join ok using (execution_id)
    ), marked as (
      update execution_inbox i set seen = true from noted n where i.execution_id = n.execution_id and i.message_id = n.message_id and not i.seen and not n.taken
    )`
}

/** Whether `ok` has mail that its writer has not read. */
export function hasUnreadMail (sql: Sql) {
  return sql`exists (
        select from execution_inbox i where i.execution_id = ok.execution_id and not i.seen
          and not exists (select from noted n where n.execution_id = i.execution_id and n.message_id = i.message_id)
      )`
}
