import { and, desc, eq, lt, sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { memberships, users } from '../schema/index.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'

export interface MemberRow {
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly role: string
  /** Whether the account is the organization's own, made by its identity provider. */
  readonly managed: boolean
  readonly createdAt: Date
}

export type MemberChange = 'done' | 'lastOwner' | 'unknown'

const columns = { userId: users.id, email: users.email, name: users.name, role: memberships.role, managed: sql<boolean>`${users.managedBy} is not null`, createdAt: memberships.createdAt }

export async function listMembers (db: Executor, organizationId: string, limit: number, before?: string): Promise<MemberRow[]> {
  return await db.select(columns).from(memberships).innerJoin(users, eq(users.id, memberships.userId))
    .where(and(eq(memberships.organizationId, organizationId), before === undefined ? undefined : lt(users.id, before)))
    .orderBy(desc(users.id)).limit(limit)
}

export async function findMember (db: Executor, organizationId: string, userId: string): Promise<MemberRow | undefined> {
  const [row] = await db.select(columns).from(memberships).innerJoin(users, eq(users.id, memberships.userId))
    .where(and(eq(memberships.organizationId, organizationId), eq(memberships.userId, userId)))
  return row
}

export async function listMemberIds (db: Executor, organizationId: string): Promise<string[]> {
  return (await db.select({ userId: memberships.userId }).from(memberships).where(eq(memberships.organizationId, organizationId))).map(({ userId }) => userId)
}

/** The owners are locked, so that two of them cannot leave together what then has none. */
function owners (organizationId: string) {
  return sql`owners as materialized (
    select user_id from memberships where organization_id = ${organizationId} and role = 'owner' order by user_id for update
  )`
}

const another = sql`(m.role <> 'owner' or exists (select from owners o where o.user_id <> m.user_id))`

async function outcome (db: Executor, organizationId: string, userId: string, changed: boolean): Promise<MemberChange> {
  if (changed) return 'done'
  return await findMember(db, organizationId, userId) === undefined ? 'unknown' : 'lastOwner'
}

export async function updateMemberRole (db: Executor, organizationId: string, userId: string, role: string, audit: AuditEntry): Promise<MemberChange> {
  const rows = await db.execute(sql`
    with ${owners(organizationId)}, changed as (
      update memberships m set role = ${role} where m.organization_id = ${organizationId} and m.user_id = ${userId}
        and (${role}::text = 'owner' or ${another}) returning m.user_id
    ), audit as (${auditInsert(audit, 'changed')})
    select user_id from changed`)
  return await outcome(db, organizationId, userId, rows.length > 0)
}

/**
 * Ends a membership, and with it the API keys that the person made: their secrets may have left with the person. An account that is
 * the organization's own ends, too.
 */
export async function deleteMember (db: Executor, organizationId: string, userId: string, audit: AuditEntry): Promise<MemberChange> {
  const rows = await db.execute(sql`
    with ${owners(organizationId)}, changed as (
      delete from memberships m where m.organization_id = ${organizationId} and m.user_id = ${userId} and ${another} returning m.user_id
    ), keys as (
      update api_keys k set revoked_at = now() from changed where k.organization_id = ${organizationId} and k.created_by = changed.user_id and k.revoked_at is null
    ), account as (
      delete from users u using changed where u.id = changed.user_id and u.managed_by = ${organizationId}
    ), tickets as (
      delete from tail_tickets t using changed where t.organization_id = ${organizationId} and t.user_id = changed.user_id
    ), audit as (${auditInsert(audit, 'changed')})
    select user_id from changed`)
  return await outcome(db, organizationId, userId, rows.length > 0)
}
