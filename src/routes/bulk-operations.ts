import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, Instant, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { BulkItem, BulkOperation, rangeOf, VersionToRun } from '../schemas/delivery.ts'
import { Execution } from '../schemas/execution.ts'
import { decodeCursor, listOf, Page, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { BulkOperations } from '../services/bulk/operations.ts'
import type { ExecutionService } from '../services/executions/index.ts'
import { asIs, callerOf } from './workflow-scope.ts'

const common = { tags: ['Bulk operations'], security: ORGANIZATION_SECURITY }
const Nothing = Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()])

const DEAD = ['failed', 'timedOut'] as const
const times = {
  from: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'Accepted at or after' })),
  to: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'Accepted before' }))
}
const DeadFilter = Type.Object({ ...pageProperties, workflowId: Type.Optional(Id), ...times }, { additionalProperties: false })
const BulkRetry = Type.Object({
  filter: Type.Optional(Type.Object({
    workflowId: Type.Optional(Id),
    status: Type.Optional(Type.Array(Type.Unsafe<string>({ type: 'string', enum: [...DEAD, 'cancelled'] }), { minItems: 1, uniqueItems: true, description: 'By default failed and timedOut' })),
    ...times
  }, { additionalProperties: false })),
  from: Type.Optional(Type.Unsafe<'failedStep' | 'start'>({ type: 'string', enum: ['failedStep', 'start'], description: 'By default failedStep' })),
  version: Type.Optional(VersionToRun)
}, { additionalProperties: false, examples: [{ filter: { status: ['failed'], from: '2026-01-31T12:00:00Z' }, from: 'failedStep', version: 'newest' }] })

/** `POST /v1/executions/retry`: many at once. */
export const bulkRetryRoutes: FastifyPluginAsyncTypebox<{ bulk: BulkOperations }> = async (app, { bulk }) => {
  app.post('/retry', {
    config: { access: needs('execution:manage'), idempotent: true },
    schema: {
      ...common,
      operationId: 'retryExecutions',
      summary: 'Retry all executions that a filter meets',
      description: 'A bulk operation: `GET /v1/bulk-operations/:id` shows how far it is. Each execution is retried once, whatever is restarted meanwhile; only those that were accepted before it are.',
      body: BulkRetry,
      response: { 202: BulkOperation, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { filter: { status, from, to, ...filter } = {}, from: start = 'failedStep', version = 'same' } = request.body
    const range = rangeOf({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }, '/filter')
    const operation = await bulk.create(callerOf(request), 'retry', { ...filter, ...range, statuses: status ?? DEAD }, { from: start, version })
    return await reply.code(202).header('location', `/v1/bulk-operations/${operation.id}`).send(operation)
  })
}

/** `/v1/dead-letters`: what failed or ran out of time. */
export const deadLetterRoutes: FastifyPluginAsyncTypebox<{ executions: ExecutionService }> = async (app, { executions }) => {
  app.get('/', {
    config: { access: needs('execution:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'listDeadLetters',
      summary: 'List executions that failed or ran out of time, newest first',
      description: '`POST /v1/executions/retry` takes the same filter.',
      querystring: DeadFilter,
      response: { 200: listOf(Execution), ...problemResponses(400, 401, 403, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, from, to, workflowId } = request.query
    const range = rangeOf({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }, '/query')
    const filter = { workflowId, ...range, before: cursor === undefined ? undefined : decodeCursor(cursor), limit: limit + 1 }
    const found = await Promise.all(DEAD.map(async status => await executions.list(request.db, { ...filter, status })))
    return toPage(found.flat().sort((a, b) => a.id < b.id ? 1 : -1).slice(0, limit + 1), limit, ({ id }) => id, row => row)
  })
}

/** `/v1/bulk-operations`. */
export const bulkOperationRoutes: FastifyPluginAsyncTypebox<{ bulk: BulkOperations }> = async (app, { bulk }) => {
  app.setSerializerCompiler(asIs)

  app.get('/', {
    config: { access: needs('execution:read') },
    schema: { ...common, operationId: 'listBulkOperations', summary: 'List bulk operations, newest first', querystring: Page, response: { 200: listOf(BulkOperation), ...problemResponses(400, 401, 403, 404, 422) } }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await bulk.list(request.db, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, row => row)
  })

  app.get('/:id', {
    config: { access: needs('execution:read') },
    schema: { ...common, operationId: 'getBulkOperation', summary: 'See how far a bulk operation is', params: IdParams, response: { 200: BulkOperation, ...problemResponses(400, 401, 403, 404, 422) } }
  }, async request => await bulk.get(request.db, request.params.id))

  app.get('/:id/items', {
    config: { access: needs('execution:read') },
    schema: {
      ...common,
      operationId: 'listBulkItems',
      summary: 'List what became of each execution, oldest first',
      params: IdParams,
      querystring: Type.Object({ ...pageProperties, failed: Type.Optional(Type.Boolean({ description: 'Only those that could not be started' })) }, { additionalProperties: false }),
      response: { 200: listOf(BulkItem), ...problemResponses(400, 401, 403, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, failed = false } = request.query
    const rows = await bulk.items(request.db, request.params.id, { failed, after: cursor === undefined ? undefined : decodeCursor(cursor), limit: limit + 1 })
    return toPage(rows, limit, ({ sourceId }) => sourceId, row => row)
  })

  app.post('/:id/cancel', {
    config: { access: needs('execution:manage') },
    schema: {
      ...common,
      operationId: 'cancelBulkOperation',
      summary: 'Let a bulk operation go no further',
      description: 'What it has started goes on.',
      params: IdParams,
      body: Nothing,
      response: { 200: BulkOperation, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async request => await bulk.cancel(request.db, request.params.id))
}
