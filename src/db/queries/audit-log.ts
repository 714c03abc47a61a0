import { sql, type SQL } from 'drizzle-orm'
import type { Sql } from '../client.ts'

export interface AuditEntry {
  readonly id: string
  readonly organizationId: string
  readonly actorType: 'user' | 'apiKey' | 'system'
  readonly actorId: string | null
  readonly action: string
  readonly targetType: string
  readonly targetId: string
  readonly before?: unknown
  readonly after?: unknown
  readonly ip: string | null
  readonly requestId: string | null
}

const COLUMNS = sql`audit_log (id, organization_id, actor_type, actor_id, action, target_type, target_id, before, after, ip, request_id)`

/**
 * The insert of one row of the audit log, to stand as a CTE in the statement of the change itself. With `changed`,
 * the name of the change's CTE, the row is written only if that one changed something.
 */
export function auditInsert (entry: AuditEntry, changed?: string): SQL {
  return sql`insert into ${COLUMNS} select ${entry.id}::uuid, ${entry.organizationId}::uuid, ${values(entry)}
    ${changed === undefined ? sql.empty() : sql`where exists (select from ${sql.identifier(changed)})`}`
}

/** The same for statements of the service's own client. */
export function rawAuditInsert (service: Sql, { id, organizationId, actorType, actorId, action, targetType, targetId, before, after, ip, requestId }: AuditEntry, changed: string) {
  return service`
    insert into audit_log (id, organization_id, actor_type, actor_id, action, target_type, target_id, before, after, ip, request_id)
    select ${id}::uuid, ${organizationId}::uuid, ${actorType}::text, ${actorId}::uuid, ${action}::text, ${targetType}::text, ${targetId}::text,
      ${asJson(before)}::text::jsonb, ${asJson(after)}::text::jsonb, ${ip}::text, ${requestId}::text
    where exists (select from ${service(changed)})`
}

// UUIDv7 (RFC 9562) in SQL: one row for each organization, whose number only the database knows.
const NEXT_ID = sql`encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing
  substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid`

/** The same for a change of a person's account: a row in each of the person's organizations. */
export function auditInsertForUser (userId: string | SQL, entry: Omit<AuditEntry, 'id' | 'organizationId'>, changed: string): SQL {
  return sql`insert into ${COLUMNS} select ${NEXT_ID}, memberships.organization_id, ${values(entry)}
    from memberships where memberships.user_id = (${userId})::uuid and exists (select from ${sql.identifier(changed)})`
}

function values (entry: Omit<AuditEntry, 'id' | 'organizationId'>): SQL {
  return sql`${entry.actorType}::text, ${entry.actorId}::uuid, ${entry.action}::text, ${entry.targetType}::text, ${entry.targetId}::text,
    ${asJson(entry.before)}::text::jsonb, ${asJson(entry.after)}::text::jsonb, ${entry.ip}::text, ${entry.requestId}::text`
}

/** A last net: those who write leave secrets out, and this is the log that is kept longest and exported. */
const SECRET = /^(?:.*(?:password|passphrase|secret|private_?key|token|api_?key)|authorization|cookie)$/i

function asJson (value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value, (key, member: unknown) => SECRET.test(key) && typeof member === 'string' ? '[masked]' : member)
}
