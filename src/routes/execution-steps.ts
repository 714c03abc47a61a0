import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { ShownItem, Step } from '../schemas/execution.ts'
import { listOf, MAX_PAGE_SIZE, pageProperties } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { ExecutionService } from '../services/executions/index.ts'
import type { StepPage } from '../services/executions/show-steps.ts'

const common = { tags: ['Executions'], security: ORGANIZATION_SECURITY }
const Position = Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: '`nextCursor` of the page before' }))

const StepsQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, description: 'How many at most; without it, as many as a thousand' })),
  cursor: Position
}, { additionalProperties: false })

const ItemsQuery = Type.Object({
  run: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0, description: 'Which run of the node' }),
  of: Type.Unsafe<'inputs' | 'outputs'>({ type: 'string', enum: ['inputs', 'outputs'], default: 'outputs' }),
  port: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Name of the input or output; by default the first that has items' })),
  limit: pageProperties.limit,
  cursor: Position
}, { additionalProperties: false })

const StepParams = Type.Object({ id: Id, nodeId: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', examples: ['price'] }) }, { additionalProperties: false })

/** `/v1/executions/:id/steps`. Items are customers' data of any shape: they come as JSON text and are sent as they are. */
export const executionStepRoutes: FastifyPluginAsyncTypebox<{ executions: ExecutionService }> = async (app, { executions }) => {
  app.get('/:id/steps', {
    config: { access: needs('execution:read', 'execution') },
    schema: {
      ...common,
      operationId: 'listSteps',
      summary: 'What each node got and gave',
      description: 'Each input and output shows its first items, up to 256 KiB of JSON, and all of them together up to 4 MiB. `itemCounts` says how many there are; where not all are shown, `truncated` is true and `itemsPath` leads to the rest.',
      params: IdParams,
      querystring: StepsQuery,
      response: { 200: listOf(Step), ...problemResponses(400, 401, 404, 409, 422) }
    },
    serializerCompiler
  }, async request => {
    const { limit, cursor } = request.query
    return await executions.steps(request.db, request.params.id, { start: Number(cursor ?? 0), limit }) as never
  })

  app.get('/:id/steps/:nodeId/items', {
    config: { access: needs('execution:read', 'execution') },
    schema: {
      ...common,
      operationId: 'listStepItems',
      summary: 'The items of one input or output of a step',
      params: StepParams,
      querystring: ItemsQuery,
      response: { 200: listOf(ShownItem), ...problemResponses(400, 401, 404, 409, 422) }
    },
    serializerCompiler
  }, async request => {
    const { params: { id, nodeId }, query: { cursor, ...query } } = request
    return await executions.items(request.db, id, { ...query, port: query.port, nodeId, start: Number(cursor ?? 0) }) as never
  })
}

/** The parts are JSON text already. */
function serializerCompiler () {
  return (page: unknown): string => {
    const { data, nextCursor } = page as StepPage
    return `{"data":${data},"nextCursor":${JSON.stringify(nextCursor)}}`
  }
}
