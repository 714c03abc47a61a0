import { and, eq, sql, type SQL } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { memberships, organizations, users } from '../schema/index.ts'
import { auditInsert, auditInsertForUser, type AuditEntry } from './audit-log.ts'
import { sessionInsert, type NewSession } from './sessions.ts'

export interface UserRow {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly createdAt: Date
}

export interface NewUser {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly passwordHash: string
}

export interface NewOrganization {
  readonly id: string
  readonly name: string
  readonly slug: string
}

export interface MembershipRow {
  readonly id: string
  readonly name: string
  readonly slug: string
  readonly role: string
}

const userColumns = { id: users.id, email: users.email, name: users.name, createdAt: users.createdAt }

export async function findUser (db: Executor, userId: string): Promise<UserRow | undefined> {
  const [row] = await db.select(userColumns).from(users).where(eq(users.id, userId))
  return row
}

export async function findUserWithPassword (db: Executor, by: { email: string } | { id: string }): Promise<UserRow & { passwordHash: string | null } | undefined> {
  const condition = 'email' in by ? sql`lower(${users.email}) = lower(${by.email}) and ${users.managedBy} is null` : eq(users.id, by.id)
  const [row] = await db.select({ ...userColumns, passwordHash: users.passwordHash }).from(users).where(condition)
  return row
}

export async function hasUsers (db: Executor): Promise<boolean> {
  return (await db.select({ id: users.id }).from(users).limit(1)).length > 0
}

/** @param reach the one organization that is asked about; null: all */
export async function organizationsOfUser (db: Executor, userId: string, reach: string | null): Promise<MembershipRow[]> {
  return await db.select({ id: organizations.id, name: organizations.name, slug: organizations.slug, role: memberships.role })
    .from(memberships).innerJoin(organizations, eq(organizations.id, memberships.organizationId))
    .where(and(eq(memberships.userId, userId), reach === null ? undefined : eq(organizations.id, reach))).orderBy(organizations.id)
}

export interface NewAccount {
  readonly user: NewUser
  readonly organization: NewOrganization
  readonly session: NewSession | null
  readonly apiKey: { readonly id: string, readonly name: string, readonly secretHash: Buffer } | null
  readonly audit: AuditEntry
  /** Only on a database without any user: what creates the first owner must not do so twice. */
  readonly onlyFirst: boolean
}

/** A user with an organization of its own, in one statement. False if `onlyFirst` and there is a user already. */
export async function insertAccount (db: Executor, { user, organization, session, apiKey, audit, onlyFirst }: NewAccount): Promise<boolean> {
  const rows = await db.execute(sql`
    with account as (
      insert into users (id, email, name, password_hash)
      select ${user.id}::uuid, ${user.email}::text, ${user.name}::text, ${user.passwordHash}::text
      ${onlyFirst ? sql`where not exists (select from users)` : sql.empty()} returning id
    ), organization as (
      insert into organizations (id, name, slug)
      select ${organization.id}::uuid, ${organization.name}::text, ${organization.slug}::text from account returning id
    ), membership as (
      insert into memberships (organization_id, user_id, role) select organization.id, account.id, 'owner' from organization, account
    ), ${session === null ? sql.empty() : sql`session as (${sessionInsert(session)}),`}
    ${apiKey === null ? sql.empty() : apiKeyInsert(apiKey)} audit as (${auditInsert(audit, 'account')})
    select id from account`)
  return rows.length > 0
}

/** A CTE beside `organization` and `account`. */
function apiKeyInsert ({ id, name, secretHash }: NonNullable<NewAccount['apiKey']>): SQL {
  return sql`key as (
    insert into api_keys (id, organization_id, name, secret_hash, created_by)
    select ${id}::uuid, organization.id, ${name}::text, ${secretHash}::bytea, account.id from organization, account
  ),`
}

export async function updateUserName (db: Executor, userId: string, name: string, audit: Omit<AuditEntry, 'id' | 'organizationId'>): Promise<void> {
  await db.execute(sql`
    with changed as (update users set name = ${name}, updated_at = now() where id = ${userId} returning id),
      audit as (${auditInsertForUser(userId, audit, 'changed')})
    select id from changed`)
}

/** Sets the password and ends every session but the one that asked for it. */
export async function updatePassword (
  db: Executor, userId: string, passwordHash: string, keepSessionId: string, audit: Omit<AuditEntry, 'id' | 'organizationId'>
): Promise<void> {
  await db.execute(sql`
    with changed as (update users set password_hash = ${passwordHash}, updated_at = now() where id = ${userId} returning id),
      ended as (update sessions set revoked_at = now() where user_id = ${userId} and id <> ${keepSessionId} and revoked_at is null),
      audit as (${auditInsertForUser(userId, audit, 'changed')})
    select id from changed`)
}
