import { MASKED } from '../../engine/credentials/mask.ts'
import type { NewExecution } from '../../db/queries/accept-executions.ts'
import { parseFields } from './body.ts'
import type { Endpoint } from './endpoints.ts'
import type { IncomingRequest } from './receive-webhook.ts'

/** What `{ method, path, params, query, headers, body }` has before its body, as JSON text: the lines of a batch share it. */
export function itemHead (request: Omit<IncomingRequest, 'body'>, params: Readonly<Record<string, string>>, { secretHeader }: Pick<Endpoint, 'secretHeader'>): string {
  const { headers } = request
  const shown = secretHeader !== undefined && headers[secretHeader] !== undefined ? { ...headers, [secretHeader]: MASKED } : headers
  const query = request.queryText === '' ? '{}' : JSON.stringify(parseFields(new URLSearchParams(request.queryText)))
  return '{"method":"' + request.method + '","path":' + JSON.stringify(request.path) + ',"params":' + JSON.stringify(params) +
    ',"query":' + query + ',"headers":' + JSON.stringify(shown) + ',"body":'
}

/** The trigger's item; the body, JSON text, is put in as it came. */
export function triggerItem (head: string, body: string): string {
  return head + body + '}'
}

/** The execution that a request at this endpoint starts. */
export function executionAt ({ organizationId, workflowId, version, nodeId, origin }: Endpoint, id: string, payload: string): NewExecution {
  return { id, organizationId, workflowId, version, nodeId, trigger: 'webhook', payload, origin, published: true }
}
