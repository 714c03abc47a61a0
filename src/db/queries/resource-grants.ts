import { sql, type SQL } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, rowsOf } from './rows.ts'

export type GrantKind = 'workflow' | 'credential'

/** A grant as its holder has it. */
export interface HeldGrantRow extends Record<string, unknown> {
  readonly organizationId: string
  readonly kind: GrantKind
  readonly resourceId: string
  /** One a line. */
  readonly permissions: string
}

export interface GrantRow extends Record<string, unknown> {
  readonly userId: string
  readonly email: string
  readonly name: string
  /** One a line. */
  readonly permissions: string
  readonly grantedBy: string | null
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** Which resource, of one organization. */
export interface GrantTarget {
  readonly kind: GrantKind
  readonly resourceId: string
}

/** In all organizations that the person belongs to: with the session, before any is chosen. */
export async function grantsOfUser (db: Executor, userId: string): Promise<HeldGrantRow[]> {
  return rowsOf(await db.execute<HeldGrantRow>(sql`
    select organization_id as "organizationId", kind, resource_id as "resourceId", array_to_string(permissions, E'\n') as permissions
    from resource_grants where user_id = ${userId} and organization_id in (select m.organization_id from memberships m where m.user_id = ${userId})`))
}

const table = (kind: GrantKind): SQL => kind === 'workflow' ? sql`workflows` : sql`credentials`

export async function resourceExists (db: Executor, organizationId: string, { kind, resourceId }: GrantTarget): Promise<boolean> {
  return rowsOf(await db.execute(sql`select 1 from ${table(kind)} where organization_id = ${organizationId} and id = ${resourceId}`)).length > 0
}

const MILLISECONDS = (column: SQL): SQL => sql`floor(extract(epoch from ${column}) * 1000)::float8`
const GRANTS = sql`
  select u.id as "userId", u.email, u.name, array_to_string(g.permissions, E'\n') as permissions, g.granted_by as "grantedBy",
    ${MILLISECONDS(sql`g.created_at`)} as "createdAt", ${MILLISECONDS(sql`g.updated_at`)} as "updatedAt"
  from resource_grants g join users u on u.id = g.user_id`

export async function listGrants (db: Executor, organizationId: string, { resourceId }: GrantTarget, limit: number, before?: string): Promise<GrantRow[]> {
  return rowsOf(await db.execute<GrantRow>(sql`
    ${GRANTS} where g.organization_id = ${organizationId} and g.resource_id = ${resourceId} ${before === undefined ? sql`` : sql`and u.id < ${before}`}
    order by u.id desc limit ${limit}`))
}

export async function findGrant (db: Executor, organizationId: string, { resourceId }: GrantTarget, userId: string): Promise<GrantRow | undefined> {
  return firstRow(await db.execute<GrantRow>(sql`${GRANTS} where g.organization_id = ${organizationId} and g.resource_id = ${resourceId} and g.user_id = ${userId}`))
}

/** Takes the place of what `known` says is there; false where something else is. */
export async function putGrant (
  db: Executor, organizationId: string, { kind, resourceId }: GrantTarget, grant: { userId: string, permissions: readonly string[], grantedBy: string | null }, known: string | undefined, audit: AuditEntry
): Promise<boolean> {
  const permissions = sql`string_to_array(${grant.permissions.join('\n')}, E'\n')`
  const rows = await db.execute(sql`
    with changed as (
      insert into resource_grants as g (organization_id, user_id, kind, resource_id, permissions, granted_by)
      values (${organizationId}, ${grant.userId}, ${kind}, ${resourceId}, ${permissions}, ${grant.grantedBy}::uuid)
      on conflict (organization_id, user_id, resource_id) do update set permissions = excluded.permissions, granted_by = excluded.granted_by, updated_at = now()
        where g.permissions = string_to_array(${known ?? null}::text, E'\n')
      returning g.user_id
    ), audit as (${auditInsert(audit, 'changed')})
    select user_id from changed`)
  return rows.length > 0
}

/** False where it is gone, or not what was known. */
export async function deleteGrant (db: Executor, organizationId: string, { resourceId }: GrantTarget, userId: string, known: string, audit: AuditEntry): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      delete from resource_grants where organization_id = ${organizationId} and resource_id = ${resourceId} and user_id = ${userId}
        and permissions = string_to_array(${known}, E'\n') returning user_id
    ), audit as (${auditInsert(audit, 'changed')})
    select user_id from changed`)
  return rows.length > 0
}

/** What belongs to a workflow: where its workflow's id is. */
const WORKFLOW_OF = {
  workflow: sql`select id as workflow_id, id, organization_id from workflows`,
  credential: sql`select id as workflow_id, id, organization_id from credentials`,
  execution: sql`select workflow_id, id, organization_id from executions`,
  schedule: sql`select workflow_id, id, organization_id from schedules`,
  poll: sql`select workflow_id, id, organization_id from polls`,
  delivery: sql`select workflow_id, id, organization_id from executions union all select workflow_id, id, organization_id from refused_deliveries`,
  file: sql`select e.workflow_id, f.id, f.organization_id from files f join executions e on e.id = f.execution_id and e.organization_id = f.organization_id`
} as const

export type GrantedThing = keyof typeof WORKFLOW_OF

/** The workflows (or the credential) whose grants count for something: of a file as many as its executions have; none where it does not exist, or belongs to none. */
export async function resourcesOf (db: Executor, organizationId: string, thing: GrantedThing, id: string): Promise<string[]> {
  const rows = rowsOf(await db.execute<{ resource: string }>(sql`
    select distinct t.workflow_id as resource from (${WORKFLOW_OF[thing]}) t where t.organization_id = ${organizationId} and t.id = ${id} and t.workflow_id is not null`))
  return rows.map(({ resource }) => resource)
}
