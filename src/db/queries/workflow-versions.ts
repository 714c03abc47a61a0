import { sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export interface VersionRow extends Record<string, unknown> {
  readonly version: number
  readonly name: string
  readonly createdBy: string | null
  readonly createdAt: string
}

export interface VersionWithDefinition extends VersionRow {
  readonly definition: string
}

const COLUMNS = sql`v.version, v.name, v.created_by as "createdBy", ${instantText('v.created_at')} as "createdAt"`

export async function findVersion (db: Executor, organizationId: string, workflowId: string, version: number): Promise<VersionWithDefinition | undefined> {
  return firstRow(await db.execute<VersionWithDefinition>(sql`
    select ${COLUMNS}, v.definition::text as definition from workflow_versions v
    where v.organization_id = ${organizationId} and v.workflow_id = ${workflowId} and v.version = ${version}`))
}

/** Newest first; those below `before`, where it is given. */
export async function listVersions (db: Executor, organizationId: string, workflowId: string, before: number | undefined, limit: number): Promise<VersionRow[]> {
  return rowsOf(await db.execute<VersionRow>(sql`
    select ${COLUMNS} from workflow_versions v
    where v.organization_id = ${organizationId} and v.workflow_id = ${workflowId} and v.version < ${before ?? 2_147_483_647}
    order by v.version desc limit ${limit}`))
}

/** The newest version older than `version` that was published at some time, as the audit log tells. */
export async function findVersionPublishedBefore (db: Executor, organizationId: string, workflowId: string, version: number): Promise<number | undefined> {
  return firstRow(await db.execute<{ version: number }>(sql`
    select v.version from workflow_versions v
    where v.organization_id = ${organizationId} and v.workflow_id = ${workflowId} and v.version < ${version} and exists (
      select from audit_log a where a.organization_id = ${organizationId} and a.target_type = 'workflow' and a.target_id = ${workflowId}
        and a.action = 'workflow.published' and a.after ->> 'publishedVersion' = v.version::text
    )
    order by v.version desc limit 1`))?.version
}
