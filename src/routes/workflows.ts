import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { IfMatch, IfNoneMatch, Workflow, WorkflowSummary } from '../schemas/workflow.ts'
import type { WorkflowService } from '../services/workflows/index.ts'
import { isKnownTo } from '../services/workflows/precondition.ts'
import { asIs, callerOf, tagged, TAGS } from './workflow-scope.ts'

const ListQuery = Type.Object({
  ...pageProperties,
  q: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'Text that the name contains, in any case', examples: ['order'] })),
  nodeType: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'A node type that the newest version uses', examples: ['httpRequest'] })),
  published: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')], { description: 'Whether a version runs' }))
}, { additionalProperties: false })

const common = { tags: TAGS, security: ORGANIZATION_SECURITY }

export const workflowRoutes: FastifyPluginAsyncTypebox<{ workflows: WorkflowService }> = async (app, { workflows }) => {
  app.setSerializerCompiler(asIs)

  app.get('/', {
    config: { access: needs('workflow:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'listWorkflows',
      summary: 'List workflows, newest first',
      querystring: ListQuery,
      response: { 200: listOf(WorkflowSummary), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, q, nodeType, published } = request.query
    const rows = await workflows.list(callerOf(request), {
      q,
      nodeType,
      published: published === undefined ? undefined : published === 'true',
      before: cursor === undefined ? undefined : decodeCursor(cursor),
      limit: limit + 1
    })
    return toPage(rows, limit, ({ id }) => id, row => row)
  })

  app.get('/:id', {
    config: { access: needs('workflow:read', 'workflow') },
    schema: {
      ...common,
      operationId: 'getWorkflow',
      summary: 'Read a workflow: its newest version',
      params: IdParams,
      headers: IfNoneMatch,
      response: { 200: Workflow, 304: Type.Null({ description: 'Not changed since `If-None-Match`' }), ...problemResponses(400, 401, 404, 422) }
    }
  }, async (request, reply) => {
    const found = await workflows.get(callerOf(request), request.params.id)
    const value = tagged(reply, found)
    return isKnownTo(request.headers['if-none-match'], found.etag) ? await reply.code(304).send(null) : value
  })

  app.delete('/:id', {
    config: { access: needs('workflow:edit', 'workflow') },
    schema: {
      ...common,
      operationId: 'deleteWorkflow',
      summary: 'Delete a workflow',
      description: 'Refused while executions of it are unfinished. Finished ones stay readable.',
      params: IdParams,
      headers: IfMatch,
      response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(400, 401, 404, 409, 412, 422) }
    }
  }, async (request, reply) => {
    await workflows.delete(callerOf(request), request.params.id, request.headers['if-match'])
    return await reply.code(204).send(null)
  })
}
