import type { Sql } from '../client.ts'

export interface PublishedWebhook {
  readonly organizationId: string
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  readonly method: string
  readonly path: string
}

/** The organization with this slug and all that it has published; undefined where there is no such organization. */
export async function loadPublishedWebhooks (sql: Sql, slug: string): Promise<{ organizationId: string, webhooks: PublishedWebhook[] } | undefined> {
  const rows = await sql<Array<{ organization_id: string, workflow_id: string | null, version: number, node_id: string, method: string, path: string }>>`
    select o.id as organization_id, e.workflow_id, e.version, e.node_id, e.method, e.path
    from organizations o left join webhook_endpoints e on e.organization_id = o.id
    where o.slug = ${slug}`
  const [first] = rows
  if (first === undefined) return undefined
  const webhooks = rows.flatMap(row => row.workflow_id === null
    ? []
    : [{ organizationId: row.organization_id, workflowId: row.workflow_id, version: row.version, nodeId: row.node_id, method: row.method, path: row.path }])
  return { organizationId: first.organization_id, webhooks }
}
