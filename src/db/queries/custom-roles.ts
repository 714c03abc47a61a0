import { and, desc, eq, sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { customRoles } from '../schema/index.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'

export interface CustomRoleRow {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly permissions: readonly string[]
  readonly createdAt: Date
  readonly updatedAt: Date
}

export type NewCustomRole = Pick<CustomRoleRow, 'id' | 'name' | 'description' | 'permissions'>

const { id, name, description, permissions, createdAt, updatedAt } = customRoles
const columns = { id, name, description, permissions, createdAt, updatedAt }

export async function listCustomRoles (db: Executor, organizationId: string): Promise<CustomRoleRow[]> {
  return await db.select(columns).from(customRoles).where(eq(customRoles.organizationId, organizationId)).orderBy(desc(customRoles.id))
}

export async function findCustomRole (db: Executor, organizationId: string, name: string): Promise<CustomRoleRow | undefined> {
  const [row] = await db.select(columns).from(customRoles).where(and(eq(customRoles.organizationId, organizationId), eq(customRoles.name, name)))
  return row
}

/** False where the organization has `most` already. */
export async function insertCustomRole (db: Executor, organizationId: string, added: NewCustomRole, most: number, audit: AuditEntry): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      insert into roles (id, organization_id, name, description, permissions)
      select ${added.id}::uuid, ${organizationId}::uuid, ${added.name}::text, ${added.description}::text, string_to_array(${added.permissions.join('\n')}, E'\n')
      where (select count(*) from roles where organization_id = ${organizationId}) < ${most}
      returning name
    ), audit as (${auditInsert(audit, 'changed')})
    select name from changed`)
  return rows.length > 0
}

/** Only where it is still as it was read; false where it is not. */
export async function updateCustomRole (
  db: Executor, organizationId: string, known: CustomRoleRow, change: Pick<CustomRoleRow, 'description' | 'permissions'>, audit: AuditEntry
): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      update roles set description = ${change.description}, permissions = string_to_array(${change.permissions.join('\n')}, E'\n'), updated_at = now()
      where organization_id = ${organizationId} and id = ${known.id} and description = ${known.description} and permissions = string_to_array(${known.permissions.join('\n')}, E'\n')
      returning name
    ), audit as (${auditInsert(audit, 'changed')})
    select name from changed`)
  return rows.length > 0
}

/** Invitations that can no more be accepted do not keep it. Memberships and the others do, by their foreign keys. */
export async function deleteCustomRole (db: Executor, organizationId: string, name: string, now: Date, audit: AuditEntry): Promise<boolean> {
  const rows = await db.execute(sql`
    with past as (
      update invitations set revoked_at = ${now.toISOString()}
      where organization_id = ${organizationId} and custom_role = ${name} and expires_at <= ${now.toISOString()}
    ), changed as (
      delete from roles where organization_id = ${organizationId} and name = ${name} returning name
    ), audit as (${auditInsert(audit, 'changed')})
    select name from changed`)
  return rows.length > 0
}

/** Whoever has a role, and whoever was invited as it, by their addresses. */
export async function holdersOfRole (db: Executor, organizationId: string, name: string, limit: number): Promise<Array<{ email: string, invited: boolean }>> {
  return await db.execute<{ email: string, invited: boolean }>(sql`
    select u.email, false as invited from memberships m join users u on u.id = m.user_id where m.organization_id = ${organizationId} and m.custom_role = ${name}
    union all
    select i.email, true from invitations i where i.organization_id = ${organizationId} and i.custom_role = ${name}
    order by invited, email limit ${limit}`)
}
