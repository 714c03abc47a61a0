import type { Sql } from '../client.ts'

export async function loadDefinition (sql: Sql, organizationId: string, workflowId: string, version: number): Promise<{ name: string, definition: unknown } | undefined> {
  const [row] = await sql<Array<{ name: string, definition: unknown }>>`
    select name, definition from workflow_versions
    where organization_id = ${organizationId} and workflow_id = ${workflowId} and version = ${version}`
  return row
}

/** The organization's variables with the workflow's own over them, by name. */
export async function loadVariables (sql: Sql, organizationId: string, workflowId: string): Promise<Record<string, unknown>> {
  const rows = await sql<Array<{ name: string, value: unknown }>>`
    select name, value from variables
    where organization_id = ${organizationId} and (workflow_id is null or workflow_id = ${workflowId})
    order by workflow_id nulls first`
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

/** Of a workflow of the organization; `version` is null where none is published. */
export async function findPublishedVersion (sql: Sql, organizationId: string, workflowId: string): Promise<{ readonly version: number | null } | undefined> {
  const [row] = await sql<Array<{ version: number | null }>>`select published_version as version from workflows where id = ${workflowId} and organization_id = ${organizationId}`
  return row
}
