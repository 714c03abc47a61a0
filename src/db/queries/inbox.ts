import type { Sql } from '../client.ts'
import { rawAuditInsert, type AuditEntry } from './audit-log.ts'

export interface Message {
  readonly messageId: string
  readonly kind: string
  readonly body: unknown
}

export interface Sent {
  /** 'sent'; 'repeated': a message with this id is there already; 'terminal' once the execution is over; or 'unknown'. */
  readonly outcome: 'sent' | 'repeated' | 'terminal' | 'unknown'
  readonly organizationId: string | undefined
  /** Whether the execution was parked: somebody may take it up now. */
  readonly due: boolean
}

/**
 * Leaves a message for an execution; of the organization, where one is given. May be repeated with the same message id.
 */
export async function sendMessage (sql: Sql, organizationId: string | undefined, executionId: string, message: Message, audit?: AuditEntry): Promise<Sent> {
  const [row] = await sql<Array<{ organization_id: string | null, terminal: boolean, sent: boolean, woken: boolean }>>`
    with target as (
      select e.id, e.organization_id, exists (select from execution_events x where x.execution_id = e.id and x.status is not null) as terminal
      from executions e where e.id = ${executionId} and (${organizationId ?? null}::uuid is null or e.organization_id = ${organizationId ?? null}::uuid)
    ), sent as (
      insert into execution_inbox (execution_id, message_id, organization_id, kind, body)
      select id, ${message.messageId}, organization_id, ${message.kind}, ${JSON.stringify(message.body)}::text::json from target where not terminal
      on conflict do nothing returning execution_id
    ), woken as (
      update execution_leases l set due_at = least(l.due_at, now()) from sent
      where l.execution_id = sent.execution_id and l.owner is null and (l.blocked_on is null or ${message.kind} = 'cancel')
      returning 1
    ) ${audit === undefined ? sql`` : sql`, audit as (${rawAuditInsert(sql, audit, 'sent')})`}
    select (select organization_id from target), coalesce((select terminal from target), false) as terminal,
      exists (select from sent) as sent, exists (select from woken) as woken`
  if (row === undefined || row.organization_id === null) return { outcome: 'unknown', organizationId: undefined, due: false }
  return { outcome: row.terminal ? 'terminal' : row.sent ? 'sent' : 'repeated', organizationId: row.organization_id, due: row.woken }
}

/**
 * How it stands with what a message would answer: over, if that was answered before, its time is up or the execution is
 * over. Undefined where there is no such execution any more.
 */
export async function readAnswerable (sql: Sql, executionId: string, messageId: string): Promise<{ readonly isOver: boolean, readonly waitingFor: unknown } | undefined> {
  const [row] = await sql<Array<{ isOver: boolean, waitingFor: unknown }>>`
    select exists (select from execution_events x where x.execution_id = e.id and x.status is not null)
        or exists (select from execution_inbox i where i.execution_id = e.id and i.message_id = ${messageId}) as "isOver",
      (select l.waiting_for from execution_leases l where l.execution_id = e.id) as "waitingFor"
    from executions e where e.id = ${executionId}`
  return row
}

export async function readMessages (sql: Sql, executionId: string): Promise<Message[]> {
  return await sql<Message[]>`
    select message_id as "messageId", kind, body from execution_inbox where execution_id = ${executionId} order by created_at, message_id`
}

/** Mail that came when its execution had just ended. */
export async function dropDeadMail (sql: Sql): Promise<number> {
  const { count } = await sql`
    delete from execution_inbox i where exists (select from execution_events e where e.execution_id = i.execution_id and e.status is not null)`
  return count
}
