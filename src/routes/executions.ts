import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { GivenItems, NODE_ID_PATTERN, PRIORITIES } from '../engine/definition.ts'
import { TERMINAL_STATUSES } from '../engine/events.ts'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, Instant, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { Execution, LogLine } from '../schemas/execution.ts'
import { InvalidInput } from '../services/problems.ts'
import type { ExecutionService } from '../services/executions/index.ts'

const common = { tags: ['Executions'], security: ORGANIZATION_SECURITY }

const Filter = Type.Object({
  ...pageProperties,
  workflowId: Type.Optional(Id),
  status: Type.Optional(Type.Unsafe<string>({ type: 'string', enum: ['queued', 'running', 'waiting', ...TERMINAL_STATUSES] })),
  trigger: Type.Optional(Type.String({ minLength: 1, maxLength: 64, examples: ['webhook'] })),
  parentExecutionId: Type.Optional(Type.Unsafe<string>({ ...Id, description: 'Started by a step of this execution' })),
  from: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'Accepted at or after' })),
  to: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'Accepted before' }))
}, { additionalProperties: false })

const LogQuery = Type.Object({
  limit: pageProperties.limit,
  cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: '`nextCursor` of the page before' }))
}, { additionalProperties: false })

/** `/v1/executions`. */
export const executionRoutes: FastifyPluginAsyncTypebox<{ executions: ExecutionService }> = async (app, { executions }) => {
  app.get('/', {
    config: { access: needs('execution:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'listExecutions',
      summary: 'List executions, the newest first',
      querystring: Filter,
      response: { 200: listOf(Execution), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, from, to, ...rest } = request.query
    const filter = { ...rest, from: milliseconds(from), to: milliseconds(to), before: cursor === undefined ? undefined : decodeCursor(cursor), limit: limit + 1 }
    if (filter.from !== undefined && filter.to !== undefined && filter.from > filter.to) {
      throw InvalidInput([{ pointer: '/query/from', message: 'must not be after `to`', code: 'WC_OUT_OF_RANGE' }])
    }
    return toPage(await executions.list(request.db, filter), limit, execution => execution.id, execution => execution)
  })

  app.get('/:id', {
    config: { access: needs('execution:read', 'execution') },
    schema: {
      ...common,
      operationId: 'getExecution',
      summary: 'Read an execution',
      params: IdParams,
      response: { 200: Execution, ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => await executions.get(request.db, request.params.id))

  app.get('/:id/logs', {
    config: { access: needs('execution:read', 'execution') },
    schema: {
      ...common,
      operationId: 'listLogs',
      summary: 'What its nodes logged',
      params: IdParams,
      querystring: LogQuery,
      response: { 200: listOf(LogLine), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    const lines = await executions.logs(request.db, request.params.id, Number(cursor ?? 0), limit + 1)
    const data = lines.slice(0, limit)
    return { data, nextCursor: lines.length > limit ? String(data.at(-1)!.seq) : null }
  })
}

const Started = Type.Object({ executionId: Id }, { examples: [{ executionId: '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b' }] })

const Retry = Type.Object({
  from: Type.Optional(Type.Unsafe<'failedStep' | 'start'>({ type: 'string', enum: ['failedStep', 'start'], description: '`failedStep` unless given' })),
  version: Type.Optional(Type.Unsafe<'same' | 'newest'>({ type: 'string', enum: ['same', 'newest'], description: '`same` unless given; `newest` is the published version, or the newest where none is published' }))
}, { additionalProperties: false, examples: [{ from: 'failedStep', version: 'newest' }] })

/** What can be done to an execution; beside `executionRoutes`. */
export const executionActionRoutes: FastifyPluginAsyncTypebox<{ executions: ExecutionService }> = async (app, { executions }) => {
  app.post('/:id/cancel', {
    config: { access: needs('execution:manage', 'execution') },
    schema: {
      ...common,
      operationId: 'cancelExecution',
      summary: 'Ask an execution to stop',
      description: 'Running nodes are aborted. The execution ends as cancelled, unless it ends by itself first.',
      params: IdParams,
      body: Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()]),
      response: { 202: Type.Object({ executionId: Id }), ...problemResponses(400, 401, 404, 409, 415, 422) }
    }
  }, async (request, reply) => {
    await executions.cancel(request.db, request.params.id, request.origin())
    return await reply.code(202).send({ executionId: request.params.id })
  })

  app.post('/:id/retry', {
    config: { access: needs('execution:manage', 'execution'), idempotent: true },
    schema: {
      ...common,
      operationId: 'retryExecution',
      summary: 'Do again what a finished execution did not do',
      description: 'A new execution, linked by `retryOf`. From the failed step it takes over the steps that went well, as far as they and all before them are the same in the version that runs. Idempotency keys keep the id of the first execution of the chain.',
      params: IdParams,
      body: Type.Union([Retry, Type.Null()]),
      response: { 202: Started, ...problemResponses(400, 401, 404, 409, 415, 422) }
    }
  }, async (request, reply) => {
    const started = await executions.retry(request.db, request.params.id, { from: request.body?.from ?? 'failedStep', version: request.body?.version ?? 'same' })
    return await reply.code(202).header('x-execution-id', started.executionId).send(started)
  })

  app.post('/:id/approvals/:nodeId', {
    config: { access: needs('execution:manage', 'execution') },
    schema: {
      ...common,
      operationId: 'decideApproval',
      summary: 'Decide what an approval node waits for',
      description: 'The first decision counts, whether it comes from here or by a link. Who decided is in the items that leave the node.',
      params: Type.Object({ id: Id, nodeId: Type.String({ pattern: NODE_ID_PATTERN, examples: ['confirm'] }) }, { additionalProperties: false }),
      body: Type.Object({
        choice: Type.String({ minLength: 1, maxLength: 64 }),
        comment: Type.Optional(Type.String({ maxLength: 1000 }))
      }, { additionalProperties: false, examples: [{ choice: 'approve', comment: 'Checked with the supplier' }] }),
      response: { 202: Type.Object({ executionId: Id }), ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { id: executionId, nodeId } = request.params
    const { choice, comment } = request.body
    return await reply.code(202).send(await executions.decide(request.db, request.origin().actor, { executionId, nodeId, choice, comment }))
  })

  app.delete('/:id', {
    config: { access: needs('execution:delete', 'execution') },
    schema: {
      ...common,
      operationId: 'deleteExecution',
      summary: 'Delete a finished execution with its events and logs',
      params: IdParams,
      response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(400, 401, 404, 409, 422) }
    }
  }, async (request, reply) => {
    await executions.delete(request.db, request.params.id, request.origin())
    return await reply.code(204).send(null)
  })
}

const NodeId = Type.String({ minLength: 1, maxLength: 64 })

const Start = Type.Object({
  input: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "The trigger's item" })),
  version: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'The published one if there is one, else the newest, unless given' })),
  priority: Type.Optional(Type.Unsafe<typeof PRIORITIES[number]>({ type: 'string', enum: [...PRIORITIES], description: "The workflow's, unless given" })),
  startNode: Type.Optional(Type.Unsafe<string>({ ...NodeId, description: 'Run from this node only: a trigger, or a node with `inputs` or `fromExecutionId`' })),
  destinationNode: Type.Optional(Type.Unsafe<string>({ ...NodeId, description: 'Run only what this node needs, and the node' })),
  inputs: Type.Optional(Type.Union([GivenItems, Type.Record(Type.String(), GivenItems)], { description: 'What `startNode` gets: items for its first input, or items by input' })),
  fromExecutionId: Type.Optional(Type.Unsafe<string>({ ...Id, description: 'An execution of this workflow whose recorded results stand for what comes before the part that runs' })),
  pinnedData: Type.Optional(Type.Union([Type.Literal(true), Type.Record(Type.String(), GivenItems)], { description: 'Items by node: these nodes do not run, but send them. `true`: those stored with the nodes' }))
}, { additionalProperties: false, examples: [{ input: { orderId: 'A-17', quantity: 2 } }] })

/** `/v1/workflows/:id/executions`. */
export const startRoutes: FastifyPluginAsyncTypebox<{ executions: ExecutionService, maxBodySize: number }> = async (app, { executions, maxBodySize }) => {
  app.post('/:id/executions', {
    bodyLimit: maxBodySize,
    config: { access: needs('execution:start', 'workflow'), idempotent: true },
    schema: {
      ...common,
      operationId: 'startExecution',
      summary: 'Run a workflow now',
      params: IdParams,
      body: Type.Union([Start, Type.Null()]),
      response: { 202: Started, ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { input = {}, version, ...rest } = request.body ?? {}
    const started = await executions.start(request.db, { ...rest, workflowId: request.params.id, input, version })
    return await reply.code(202).header('x-execution-id', started.executionId).send(started)
  })
}

function milliseconds (instant: string | undefined): number | undefined {
  return instant === undefined ? undefined : Date.parse(instant)
}
