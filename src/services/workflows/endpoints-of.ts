import type { TenantDb } from '../../db/client.ts'
import { findTakenEndpoints, type EndpointContent, type TakenEndpoint } from '../../db/queries/webhook-endpoints.ts'
import type { WorkflowDefinition } from '../../engine/definition.ts'
import type { Issue } from '../../engine/validate.ts'
import { webhookMethodsOf } from '../../engine/validation/triggers.ts'
import { webhookShape } from '../../engine/webhook-path.ts'

type Endpoint = Omit<EndpointContent, 'id'>

export interface TakenPath {
  readonly pointer: string
  readonly endpoint: Endpoint
  readonly by: TakenEndpoint
}

/** What the webhooks of a workflow answer once it is published. */
export function endpointsOf ({ nodes }: WorkflowDefinition): Endpoint[] {
  return nodes.filter(({ type, disabled }) => type === 'webhook' && disabled !== true).flatMap(({ id, parameters = {} }) => {
    const path = String(parameters['path'])
    return webhookMethodsOf(parameters).map(method => ({ nodeId: id, method, path, shape: webhookShape(path) }))
  })
}

/** Which of them a published workflow other than `own` answers now. */
export async function takenPaths (db: TenantDb, own: string | null, definition: WorkflowDefinition): Promise<TakenPath[]> {
  const endpoints = endpointsOf(definition)
  if (endpoints.length === 0) return []
  const taken = await db.run(async tx => await findTakenEndpoints(tx, db.organizationId, own, endpoints))
  const places = new Map(definition.nodes.map((node, index) => [node.id, index]))
  return taken.flatMap(by => endpoints
    .filter(endpoint => endpoint.method === by.method && endpoint.shape === by.shape)
    .map(endpoint => ({ pointer: `/nodes/${places.get(endpoint.nodeId) ?? 0}/parameters/path`, endpoint, by })))
}

/**
 * That is no error before this one is published: the other may be gone by then. Nor does it say which workflow that is: who
 * saves one may have no right to see the others.
 */
export async function takenPathWarnings (db: TenantDb, own: string | null, definition: WorkflowDefinition): Promise<readonly Issue[]> {
  return (await takenPaths(db, own, definition)).map(({ pointer, endpoint: { method, path } }) => ({
    pointer,
    message: `${method} ${path} is answered by ${own === null ? 'a published workflow: no other' : 'another published workflow: this one'} can be published while it is`,
    code: 'WC_WEBHOOK_PATH_CONFLICT'
  }))
}
