import { sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { instantText, rowsOf } from './rows.ts'

export interface EnabledPackage extends Record<string, unknown> {
  readonly name: string
  readonly enabledAt: string
}

/** Violated by whoever disables a package that a published workflow uses, and by whoever publishes a use of one that is not enabled. */
export const NODE_PACKAGE_USED = 'node_package_uses_package_fkey'

export async function listEnabledPackages (db: Executor, organizationId: string): Promise<EnabledPackage[]> {
  return rowsOf(await db.execute<EnabledPackage>(sql`
    select p.name, ${instantText('p.enabled_at')} as "enabledAt" from node_packages p where p.organization_id = ${organizationId}`))
}

/** Enabled already, it stays as it is, and nothing is audited. */
export async function enablePackage (db: Executor, organizationId: string, name: string, enabledBy: string | null, audit: AuditEntry): Promise<void> {
  await db.execute(sql`
    with p as (
      insert into node_packages (organization_id, name, enabled_by) values (${organizationId}, ${name}, ${enabledBy}::uuid)
      on conflict do nothing returning name
    ) ${auditInsert(audit, 'p')}`)
}

/** Fails with a violation of NODE_PACKAGE_USED where a published workflow uses it. */
export async function disablePackage (db: Executor, organizationId: string, name: string, audit: AuditEntry): Promise<void> {
  await db.execute(sql`
    with p as (
      delete from node_packages where organization_id = ${organizationId} and name = ${name} returning name
    ) ${auditInsert(audit, 'p')}`)
}

/** Puts the packages that a workflow's published version uses in the place of those before; none where nothing is published. */
export async function replacePackageUses (db: Executor, organizationId: string, workflowId: string, names: readonly string[]): Promise<void> {
  await db.execute(sql`delete from node_package_uses where organization_id = ${organizationId} and workflow_id = ${workflowId}`)
  if (names.length === 0) return
  await db.execute(sql`
    insert into node_package_uses (organization_id, workflow_id, name)
    select ${organizationId}::uuid, ${workflowId}::uuid, value from json_array_elements_text(${JSON.stringify(names)}::text::json)`)
}

export async function findPackageUses (db: Executor, organizationId: string, name: string, limit: number): Promise<Array<{ id: string, name: string }>> {
  return rowsOf(await db.execute<{ id: string, name: string }>(sql`
    select w.id, w.name from node_package_uses u join workflows w on w.id = u.workflow_id and w.organization_id = u.organization_id
    where u.organization_id = ${organizationId} and u.name = ${name} order by w.id limit ${limit}`))
}
