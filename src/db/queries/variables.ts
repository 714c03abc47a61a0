import { sql, type SQL } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export interface VariableRow extends Record<string, unknown> {
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly value: string
  readonly createdAt: string
  readonly updatedAt: string
}

const COLUMNS = sql`v.id, v.name, v.value::text as value, ${instantText('v.created_at')} as "createdAt", ${instantText('v.updated_at')} as "updatedAt"`

/** Of the organization itself where `workflowId` is null. */
function ownedBy (organizationId: string, workflowId: string | null): SQL {
  const owner = workflowId === null ? sql`v.workflow_id is null` : sql`v.workflow_id = ${workflowId}`
  return sql`v.organization_id = ${organizationId} and ${owner}`
}

/** Newest first; those before the id `before`, where it is given. */
export async function listVariables (db: Executor, organizationId: string, workflowId: string | null, before: string | undefined, limit: number): Promise<VariableRow[]> {
  return rowsOf(await db.execute<VariableRow>(sql`
    select ${COLUMNS} from variables v where ${ownedBy(organizationId, workflowId)} ${before === undefined ? sql.empty() : sql`and v.id < ${before}`}
    order by v.id desc limit ${limit}`))
}

export async function findVariable (db: Executor, organizationId: string, workflowId: string | null, name: string): Promise<VariableRow | undefined> {
  return firstRow(await db.execute<VariableRow>(sql`
    select ${COLUMNS} from variables v where ${ownedBy(organizationId, workflowId)} and v.name = ${name}`))
}

/** Undefined where the organization has no such workflow: a foreign key alone would accept another's. */
export async function putVariable (db: Executor, organizationId: string, workflowId: string | null, variable: { id: string, name: string, value: string }, audit: AuditEntry): Promise<VariableRow & { inserted: boolean } | undefined> {
  const owner = workflowId === null
    ? sql`(select null::uuid as id) o`
    : sql`(select id from workflows where organization_id = ${organizationId} and id = ${workflowId}) o`
  const target = workflowId === null ? sql`(organization_id, name) where workflow_id is null` : sql`(workflow_id, name) where workflow_id is not null`
  return firstRow(await db.execute<VariableRow & { inserted: boolean }>(sql`
    with v as (
      insert into variables as v (id, organization_id, workflow_id, name, value)
      select ${variable.id}::uuid, ${organizationId}::uuid, o.id, ${variable.name}, ${variable.value}::text::jsonb from ${owner}
      on conflict ${target} do update set value = excluded.value, updated_at = now()
      returning v.*, v.xmax = 0 as inserted
    ), audit as (${auditInsert(audit, 'v')})
    select ${COLUMNS}, v.inserted from v`))
}

export async function deleteVariable (db: Executor, organizationId: string, workflowId: string | null, name: string, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with v as (
      delete from variables v where ${ownedBy(organizationId, workflowId)} and v.name = ${name} returning v.id
    ), audit as (${auditInsert(audit, 'v')})
    select id from v`)) !== undefined
}
