import { sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { rowsOf } from './rows.ts'

export interface EndpointContent {
  readonly id: string
  readonly nodeId: string
  readonly method: string
  readonly path: string
  readonly shape: string
}

export interface TakenEndpoint extends Record<string, unknown> {
  readonly method: string
  readonly shape: string
  readonly workflowId: string
  readonly workflowName: string
}

export const ENDPOINT_TAKEN = 'webhook_endpoints_shape_key'

export async function deleteEndpoints (db: Executor, organizationId: string, workflowId: string): Promise<void> {
  await db.execute(sql`delete from webhook_endpoints where organization_id = ${organizationId} and workflow_id = ${workflowId}`)
}

/** Fails with a violation of ENDPOINT_TAKEN where another workflow has one of them. */
export async function insertEndpoints (db: Executor, organizationId: string, workflowId: string, version: number, endpoints: readonly EndpointContent[]): Promise<void> {
  // In one order for all writers: two publications that want each other's paths must not wait for one another.
  await db.execute(sql`
    insert into webhook_endpoints (id, organization_id, workflow_id, version, node_id, method, path, shape)
    select e.id, ${organizationId}, ${workflowId}, ${version}, e."nodeId", e.method, e.path, e.shape
    from json_to_recordset(${JSON.stringify(endpoints)}::text::json) as e (id uuid, "nodeId" text, method text, path text, shape text)
    order by e.method, e.shape`)
}

/** Which of these a workflow answers already; another than the given one. */
export async function findTakenEndpoints (db: Executor, organizationId: string, workflowId: string | null, endpoints: ReadonlyArray<Pick<EndpointContent, 'method' | 'shape'>>): Promise<TakenEndpoint[]> {
  return rowsOf(await db.execute<TakenEndpoint>(sql`
    select e.method, e.shape, w.id as "workflowId", w.name as "workflowName"
    from webhook_endpoints e join workflows w on w.id = e.workflow_id
    where e.organization_id = ${organizationId} and e.workflow_id is distinct from ${workflowId}::uuid
      and (e.method, e.shape) in (select x.method, x.shape from json_to_recordset(${JSON.stringify(endpoints)}::text::json) as x (method text, shape text))`))
}
