import { and, desc, eq, lt, sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { memberships, organizations } from '../schema/index.ts'
import type { NewOrganization } from './accounts.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'

export interface OrganizationRow {
  readonly id: string
  readonly name: string
  readonly slug: string
  /** Executions that run at once; null without limit. */
  readonly concurrencyLimit: number | null
  /** Null for ever. */
  readonly auditRetentionDays: number | null
  /** Members other than owners come in by an identity provider only. */
  readonly ssoRequired: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface OrganizationChange {
  readonly name?: string
  readonly slug?: string
  readonly concurrencyLimit?: number | null
  readonly auditRetentionDays?: number | null
  readonly ssoRequired?: boolean
}

/** What may change of an organization. */
export type OrganizationSettings = Pick<OrganizationRow, 'name' | 'slug' | 'concurrencyLimit' | 'auditRetentionDays' | 'ssoRequired'>

const columns = {
  id: organizations.id,
  name: organizations.name,
  slug: organizations.slug,
  concurrencyLimit: organizations.concurrencyLimit,
  auditRetentionDays: organizations.auditRetentionDays,
  ssoRequired: organizations.ssoRequired,
  createdAt: organizations.createdAt,
  updatedAt: organizations.updatedAt
}

export async function findOrganization (db: Executor, organizationId: string): Promise<OrganizationRow | undefined> {
  const [row] = await db.select(columns).from(organizations).where(eq(organizations.id, organizationId))
  return row
}

export async function listOrganizationsOfUser (db: Executor, userId: string, limit: number, before?: string): Promise<OrganizationRow[]> {
  return await db.select(columns).from(memberships).innerJoin(organizations, eq(organizations.id, memberships.organizationId))
    .where(and(eq(memberships.userId, userId), before === undefined ? undefined : lt(organizations.id, before)))
    .orderBy(desc(organizations.id)).limit(limit)
}

export async function insertOrganization (db: Executor, organization: NewOrganization, ownerId: string, audit: AuditEntry): Promise<void> {
  await db.execute(sql`
    with organization as (
      insert into organizations (id, name, slug) values (${organization.id}, ${organization.name}, ${organization.slug}) returning id
    ), membership as (
      insert into memberships (organization_id, user_id, role) select id, ${ownerId}::uuid, 'owner' from organization
    ), audit as (${auditInsert(audit, 'organization')})
    select id from organization`)
}

/** With `known`, only where the organization is still as it says; false where it is not. */
export async function updateOrganization (
  db: Executor, organizationId: string, change: OrganizationChange, audit: AuditEntry, known?: OrganizationSettings & Pick<OrganizationRow, 'updatedAt'>
): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      update organizations set name = coalesce(${change.name ?? null}::text, name), slug = coalesce(${change.slug ?? null}::text, slug),
        concurrency_limit = case when ${change.concurrencyLimit !== undefined} then ${change.concurrencyLimit ?? null}::integer else concurrency_limit end,
        audit_retention_days = case when ${change.auditRetentionDays !== undefined} then ${change.auditRetentionDays ?? null}::integer else audit_retention_days end,
        sso_required = coalesce(${change.ssoRequired ?? null}::boolean, sso_required), updated_at = now()
      where id = ${organizationId} ${known === undefined
? sql``
: sql`and name = ${known.name} and slug = ${known.slug} and concurrency_limit is not distinct from ${known.concurrencyLimit}::integer
        and audit_retention_days is not distinct from ${known.auditRetentionDays}::integer and sso_required = ${known.ssoRequired}
        and date_trunc('milliseconds', updated_at) = ${known.updatedAt.toISOString()}::timestamptz`} returning id
    ), audit as (${auditInsert(audit, 'changed')})
    select id from changed`)
  return rows.length > 0
}
