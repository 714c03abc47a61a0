import { and, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { invitations } from '../schema/index.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'

export interface InvitationRow {
  readonly id: string
  readonly email: string
  readonly role: string
  readonly invitedBy: string | null
  readonly createdAt: Date
  readonly expiresAt: Date
}

export interface NewInvitation extends InvitationRow {
  readonly tokenHash: Buffer
}

const columns = {
  id: invitations.id, email: invitations.email, role: invitations.role, invitedBy: invitations.invitedBy, createdAt: invitations.createdAt, expiresAt: invitations.expiresAt
}

/** Which invitation, while it can still be accepted. */
export type Pending = { readonly id: string } | { readonly email: string }

export async function findPendingRole (db: Executor, organizationId: string, pending: Pending, now: Date): Promise<string | undefined> {
  const [row] = await db.select({ role: invitations.role }).from(invitations).where(and(
    eq(invitations.organizationId, organizationId), isNull(invitations.acceptedAt), isNull(invitations.revokedAt), gt(invitations.expiresAt, now),
    'id' in pending ? eq(invitations.id, pending.id) : eq(sql`lower(${invitations.email})`, sql`lower(${pending.email})`)
  ))
  return row?.role
}

/**
 * Takes the place of a pending one to the same address, if that is for the role `known` or past. False where another one is pending, or
 * somebody of that address belongs to the organization.
 */
export async function insertInvitation (db: Executor, organizationId: string, invitation: NewInvitation, known: string | undefined, audit: AuditEntry): Promise<boolean> {
  const { id, email, role, tokenHash, invitedBy, createdAt, expiresAt } = invitation
  const rows = await db.execute(sql`
    with created as (
      insert into invitations (id, organization_id, email, role, token_hash, invited_by, created_at, expires_at)
      select ${id}::uuid, ${organizationId}::uuid, ${email}::text, ${role}::text, ${tokenHash}::bytea, ${invitedBy}::uuid, ${createdAt.toISOString()}::timestamptz, ${expiresAt.toISOString()}::timestamptz
      where not exists (
        select from memberships m join users u on u.id = m.user_id where m.organization_id = ${organizationId} and lower(u.email) = lower(${email})
      )
      on conflict (organization_id, lower(email)) where accepted_at is null and revoked_at is null do update
        set id = excluded.id, email = excluded.email, role = excluded.role, token_hash = excluded.token_hash, invited_by = excluded.invited_by,
          created_at = excluded.created_at, expires_at = excluded.expires_at
        where invitations.role = ${known ?? null}::text or invitations.expires_at <= excluded.created_at
      returning id
    ), audit as (${auditInsert(audit, 'created')})
    select id from created`)
  return rows.length > 0
}

export async function listInvitations (db: Executor, organizationId: string, now: Date, limit: number, before?: string): Promise<InvitationRow[]> {
  return await db.select(columns).from(invitations)
    .where(and(
      eq(invitations.organizationId, organizationId), isNull(invitations.acceptedAt), isNull(invitations.revokedAt), gt(invitations.expiresAt, now),
      before === undefined ? undefined : lt(invitations.id, before)
    ))
    .orderBy(desc(invitations.id)).limit(limit)
}

/** False where it is not pending, or another role's than `role`. */
export async function revokeInvitation (db: Executor, organizationId: string, id: string, role: string, audit: AuditEntry): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      update invitations set revoked_at = now() where id = ${id} and organization_id = ${organizationId} and role = ${role} and accepted_at is null and revoked_at is null returning id
    ), audit as (${auditInsert(audit, 'changed')})
    select id from changed`)
  return rows.length > 0
}

export interface Acceptance {
  readonly tokenHash: Buffer
  readonly userId: string
  readonly now: Date
}

/** What an invitation that can be accepted leads to; by its token alone, which nobody else has. */
export async function findInvitation (db: Executor, { tokenHash, userId, now }: Acceptance): Promise<{ id: string, organizationId: string, role: string } | undefined> {
  const [row] = await db.execute<{ id: string, organizationId: string, role: string }>(sql`
    select i.id, i.organization_id as "organizationId", i.role from invitations i join users u on u.id = ${userId} and u.managed_by is null and lower(u.email) = lower(i.email)
    where i.token_hash = ${tokenHash} and i.accepted_at is null and i.revoked_at is null and i.expires_at > ${now.toISOString()}`)
  return row
}

/** Makes the person a member, once. False where the invitation was used or taken back meanwhile. */
export async function acceptInvitation (db: Executor, organizationId: string, { tokenHash, userId, now }: Acceptance, audit: AuditEntry): Promise<boolean> {
  const rows = await db.execute(sql`
    with accepted as (
      update invitations set accepted_at = ${now.toISOString()}
      where token_hash = ${tokenHash} and organization_id = ${organizationId} and accepted_at is null and revoked_at is null and expires_at > ${now.toISOString()}
      returning organization_id, role
    ), member as (
      insert into memberships (organization_id, user_id, role) select organization_id, ${userId}::uuid, role from accepted on conflict do nothing
    ), audit as (${auditInsert(audit, 'accepted')})
    select organization_id from accepted`)
  return rows.length > 0
}
