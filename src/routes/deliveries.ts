import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { TERMINAL_STATUSES } from '../engine/events.ts'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, Instant, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { BulkOperation, Delivery, DeliveryDetails, rangeOf, VersionToRun } from '../schemas/delivery.ts'
import { decodeCursor, listOf, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { BulkOperations } from '../services/bulk/operations.ts'
import type { Deliveries } from '../services/deliveries/deliveries.ts'
import { asIs, callerOf } from './workflow-scope.ts'

const common = { tags: ['Deliveries'], security: ORGANIZATION_SECURITY }

const times = {
  from: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'Received at or after' })),
  to: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'Received before' }))
}
const Filter = Type.Object({
  ...pageProperties,
  workflowId: Type.Optional(Id),
  nodeId: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'The webhook node' })),
  status: Type.Optional(Type.Unsafe<'accepted' | 'refused'>({ type: 'string', enum: ['accepted', 'refused'] })),
  ...times
}, { additionalProperties: false })
const Replay = Type.Union([Type.Object({ version: Type.Optional(VersionToRun) }, { additionalProperties: false, examples: [{ version: 'newest' }] }), Type.Null()])
const BulkReplay = Type.Object({
  filter: Type.Object({
    workflowId: Type.Optional(Id),
    status: Type.Optional(Type.Array(Type.Unsafe<string>({ type: 'string', enum: TERMINAL_STATUSES }), { minItems: 1, uniqueItems: true, description: 'How the executions ended; all of them where it is left out' })),
    ...times
  }, { additionalProperties: false, minProperties: 1 }),
  version: Type.Optional(VersionToRun)
}, { additionalProperties: false, examples: [{ filter: { workflowId: '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b', status: ['failed'], from: '2026-01-31T12:00:00Z' }, version: 'newest' }] })

/** `/v1/deliveries`: what came in at webhooks. */
export const deliveryRoutes: FastifyPluginAsyncTypebox<{ deliveries: Deliveries, bulk: BulkOperations }> = async (app, { deliveries, bulk }) => {
  app.setSerializerCompiler(asIs)

  app.get('/', {
    config: { access: needs('webhook:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'listDeliveries',
      summary: 'List what came in at webhooks, newest first',
      description: 'All that was accepted, and a sample of what was refused: 20 a second of an organization, the newest 10,000.',
      querystring: Filter,
      response: { 200: listOf(Delivery), ...problemResponses(400, 401, 403, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, from, to, ...rest } = request.query
    const range = rangeOf({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }, '/query')
    const rows = await deliveries.list(request.db, { ...rest, ...range, before: cursor === undefined ? undefined : decodeCursor(cursor), limit: limit + 1 })
    return toPage(rows, limit, ({ id }) => id, row => row)
  })

  app.get('/:id', {
    config: { access: needs('webhook:read', 'delivery') },
    schema: { ...common, operationId: 'getDelivery', summary: 'Read a delivery, with its headers', params: IdParams, response: { 200: DeliveryDetails, ...problemResponses(400, 401, 403, 404, 422) } }
  }, async request => await deliveries.get(request.db, request.params.id))

  app.post('/:id/replay', {
    config: { access: needs('webhook:replay', 'delivery'), idempotent: true },
    schema: {
      ...common,
      operationId: 'replayDelivery',
      summary: 'Start another execution with the same request',
      description: 'Whatever became of the first one. It is not verified, checked or deduplicated again. `retryOf` of the new execution names the first.',
      params: IdParams,
      body: Replay,
      response: { 202: Type.Object({ executionId: Id }), ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const started = await deliveries.replay(request.db, request.params.id, request.body?.version ?? 'same')
    return await reply.code(202).header('x-execution-id', started.executionId).send(started)
  })

  app.post('/replay', {
    config: { access: needs('webhook:replay'), idempotent: true },
    schema: {
      ...common,
      operationId: 'replayDeliveries',
      summary: 'Start another execution for each request that a filter meets',
      description: 'A bulk operation: `GET /v1/bulk-operations/:id` shows how far it is. Only requests that came before it are replayed.',
      body: BulkReplay,
      response: { 202: BulkOperation, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { filter: { status, from, to, ...filter }, version = 'same' } = request.body
    const range = rangeOf({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }, '/filter')
    const operation = await bulk.create(callerOf(request), 'replay', { ...filter, ...range, trigger: 'webhook', ...(status === undefined ? {} : { statuses: status }) }, { from: 'start', version })
    return await reply.code(202).header('location', `/v1/bulk-operations/${operation.id}`).send(operation)
  })
}
