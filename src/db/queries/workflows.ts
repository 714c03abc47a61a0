import { sql, type SQL } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export interface WorkflowRow extends Record<string, unknown> {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly publishedVersion: number | null
  readonly createdAt: string
  readonly updatedAt: string
  /** Differs whenever anything of the workflow does. */
  readonly revision: string
}

export interface WorkflowWithDefinition extends WorkflowRow {
  /** JSON text of the newest version: nodes, connections, settings. */
  readonly definition: string
}

export interface VersionContent {
  readonly name: string
  readonly definition: string
  /** JSON text: a list of { node_id, position, type, name, credential_id, disabled }. */
  readonly nodes: string
  /** JSON text: a list of { position, from_node, output, to_node, input }. */
  readonly connections: string
  readonly createdBy: string | null
}

export interface WorkflowFilter {
  readonly q?: string | undefined
  readonly nodeType?: string | undefined
  readonly published?: boolean | undefined
  /** Rows before this id. */
  readonly before?: string | undefined
  readonly limit: number
}

const REVISION = sql`w.version || '-' || coalesce(w.published_version, 0) || '-' || (extract(epoch from w.updated_at) * 1000000)::bigint`
const COLUMNS = sql`w.id, w.name, w.version, w.published_version as "publishedVersion",
  ${instantText('w.created_at')} as "createdAt", ${instantText('w.updated_at')} as "updatedAt", ${REVISION} as revision`
// Rises with every change, also with two in one microsecond or a clock that steps back.
const TOUCHED = sql`updated_at = greatest(now(), w.updated_at + interval '1 microsecond')`

export async function findWorkflow (db: Executor, organizationId: string, id: string): Promise<WorkflowWithDefinition | undefined> {
  return firstRow(await db.execute<WorkflowWithDefinition>(sql`
    select ${COLUMNS}, v.definition::text as definition
    from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version
    where w.organization_id = ${organizationId} and w.id = ${id}`))
}

export async function workflowExists (db: Executor, organizationId: string, id: string): Promise<boolean> {
  return firstRow(await db.execute(sql`select id from workflows where organization_id = ${organizationId} and id = ${id}`)) !== undefined
}

export async function listWorkflows (db: Executor, organizationId: string, { q, nodeType, published, before, limit }: WorkflowFilter): Promise<WorkflowRow[]> {
  const conditions: SQL[] = [sql`w.organization_id = ${organizationId}`]
  if (before !== undefined) conditions.push(sql`w.id < ${before}`)
  if (q !== undefined) conditions.push(sql`position(lower(${q}::text) in lower(w.name)) > 0`)
  if (published !== undefined) conditions.push(published ? sql`w.published_version is not null` : sql`w.published_version is null`)
  if (nodeType !== undefined) {
    conditions.push(sql`exists (select from workflow_nodes n
      where n.organization_id = w.organization_id and n.type = ${nodeType} and n.workflow_id = w.id and n.version = w.version)`)
  }
  return rowsOf(await db.execute<WorkflowRow>(sql`
    select ${COLUMNS} from workflows w where ${sql.join(conditions, sql` and `)} order by w.id desc limit ${limit}`))
}

export async function insertWorkflow (db: Executor, organizationId: string, id: string, content: VersionContent, audit: AuditEntry): Promise<WorkflowRow> {
  const row = firstRow(await db.execute<WorkflowRow>(sql`
    with w as (
      insert into workflows (id, organization_id, name, version) values (${id}, ${organizationId}, ${content.name}, 1) returning *
    ), ${versionInserts(content)}, audit as (${auditInsert(audit, 'w')})
    select ${COLUMNS} from w`))
  if (row === undefined) throw new Error('The insert of a workflow returned nothing')
  return row
}

/** Adds a version, if the workflow is still at `revision`; else changes nothing and answers undefined. */
export async function saveWorkflow (db: Executor, organizationId: string, id: string, revision: string, content: VersionContent, audit: AuditEntry): Promise<WorkflowRow | undefined> {
  return firstRow(await db.execute<WorkflowRow>(sql`
    with w as (
      update workflows w set name = ${content.name}, version = w.version + 1, ${TOUCHED}
      where w.organization_id = ${organizationId} and w.id = ${id} and ${REVISION} = ${revision} returning *
    ), ${versionInserts(content)}, audit as (${auditInsert(audit, 'w')})
    select ${COLUMNS} from w`))
}

/** Points the workflow at the version that runs, or at none, if it is still at `revision`. */
export async function setPublishedVersion (db: Executor, organizationId: string, id: string, revision: string, version: number | null, audit: AuditEntry): Promise<WorkflowRow | undefined> {
  return firstRow(await db.execute<WorkflowRow>(sql`
    with w as (
      update workflows w set published_version = ${version}, ${TOUCHED}
      where w.organization_id = ${organizationId} and w.id = ${id} and ${REVISION} = ${revision} returning *
    ), audit as (${auditInsert(audit, 'w')})
    select ${COLUMNS} from w`))
}

/**
 * Deletes it if it is still at `revision` and nothing of it is unfinished: an execution that holds a lease, or one
 * accepted since `recent`, the smallest id of the window in which executions may have no lease yet.
 */
export async function deleteWorkflow (db: Executor, organizationId: string, id: string, revision: string, recent: string, audit: AuditEntry): Promise<{ deleted: boolean, busy: boolean }> {
  const row = firstRow(await db.execute<{ deleted: boolean, busy: boolean }>(sql`
    with unfinished as (
      select exists (select from execution_leases l where l.organization_id = ${organizationId} and l.workflow_id = ${id}) or exists (
        select from executions e where e.workflow_id = ${id} and e.organization_id = ${organizationId} and e.id >= ${recent}
          and not exists (select from execution_events s where s.execution_id = e.id and s.status is not null)
      ) as busy
    ), w as (
      delete from workflows w using unfinished
      where w.organization_id = ${organizationId} and w.id = ${id} and ${REVISION} = ${revision} and not unfinished.busy returning w.id
    ), audit as (${auditInsert(audit, 'w')})
    select exists (select from w) as deleted, busy from unfinished`))
  return row ?? { deleted: false, busy: false }
}

/** The version and its nodes and connections as rows; `w` is the workflow's new state. */
function versionInserts ({ definition, nodes, connections, createdBy }: VersionContent): SQL {
  return sql`version as (
      insert into workflow_versions (organization_id, workflow_id, version, name, definition, created_by)
      select w.organization_id, w.id, w.version, w.name, ${definition}::text::json, ${createdBy}::uuid from w
    ), nodes as (
      insert into workflow_nodes (organization_id, workflow_id, version, node_id, position, type, name, credential_id, disabled)
      select w.organization_id, w.id, w.version, n.node_id, n.position, n.type, n.name, n.credential_id, n.disabled
      from w, json_to_recordset(${nodes}::text::json)
        as n (node_id text, position integer, type text, name text, credential_id uuid, disabled boolean)
    ), connections as (
      insert into workflow_node_connections (organization_id, workflow_id, version, position, from_node, output, to_node, input)
      select w.organization_id, w.id, w.version, c.position, c.from_node, c.output, c.to_node, c.input
      from w, json_to_recordset(${connections}::text::json)
        as c (position integer, from_node text, output text, to_node text, input text)
    )`
}
