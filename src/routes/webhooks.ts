import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs, needsInPath } from '../schemas/access.ts'
import { Id, IdParams, Instant, Nullable, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Webhooks } from '../services/webhooks/webhooks.ts'

const common = { tags: ['Ingestion'], security: ORGANIZATION_SECURITY }
const Count = (description: string) => Type.Integer({ minimum: 0, description })

const Webhook = Type.Object({
  id: Id,
  url: Type.String({ description: 'Where it is called; `:name` stands for a value', examples: ['https://automation.example.org/hooks/acme/orders'] }),
  method: Type.String({ examples: ['POST'] }),
  path: Type.String({ examples: ['orders'] }),
  workflowId: Id,
  workflowName: Type.String({ examples: ['Order intake'] }),
  version: Type.Integer({ description: 'The published version' }),
  nodeId: Type.String({ examples: ['in'] }),
  response: Type.String({ description: '`immediate`, `lastStep` or `respondNode`', examples: ['immediate'] }),
  verification: Nullable(Type.Unsafe<{ preset: string, credentialId: string | null }>({
    ...Type.Object({ preset: Type.String({ examples: ['standardWebhooks'] }), credentialId: Nullable(Id) }), description: 'Null where anyone who knows the URL may send'
  })),
  allowIps: Nullable(Type.Unsafe<readonly string[]>(Type.Array(Type.String({ examples: ['192.0.2.0/24'] })))),
  counts: Type.Object({
    accepted: Count('Requests that started an execution'),
    duplicates: Count('Repetitions of deliveries'),
    refused: Count('Requests that were refused for what they are'),
    lastAt: Nullable(Instant)
  }, { description: 'Within the days that executions are kept; a few seconds old' }),
  publishedAt: Instant
}, { $id: 'Webhook' })

const Filter = Type.Object({ ...pageProperties, workflowId: Type.Optional(Id) }, { additionalProperties: false })

/** `/v1/webhooks`. A webhook is made by publishing a workflow with a `webhook` node. */
export const webhookRoutes: FastifyPluginAsyncTypebox<{ webhooks: Webhooks }> = async (app, { webhooks }) => {
  app.get('/', {
    config: { access: needs('webhook:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'listWebhooks',
      summary: 'List the endpoints of published workflows, the newest first',
      querystring: Filter,
      response: { 200: listOf(Webhook), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, workflowId } = request.query
    const rows = await webhooks.list(request.db, { workflowId, limit: limit + 1, before: cursor === undefined ? undefined : decodeCursor(cursor) })
    return toPage(rows, limit, ({ id }) => id, row => row)
  })
}

/** `/v1/organizations/:id/openapi.json` */
export const webhookDocumentRoutes: FastifyPluginAsyncTypebox<{ webhooks: Webhooks }> = async (app, { webhooks }) => {
  app.get('/:id/openapi.json', {
    config: { access: needsInPath('webhook:read') },
    schema: {
      ...common,
      operationId: 'describeWebhooks',
      summary: 'The OpenAPI document of what the organization has published',
      description: 'Each published webhook is an operation, with its schemas and what it answers: clients and tests can be generated from it.',
      params: IdParams,
      response: {
        200: Type.Unsafe<unknown>({ type: 'object', additionalProperties: true, description: 'OpenAPI 3.1', examples: [{ openapi: '3.1.0', info: { title: 'Webhooks of Acme', version: '1' }, paths: {} }] }),
        ...problemResponses(401, 404, 422)
      }
    }
  }, async request => await webhooks.describe(request.db))
}
