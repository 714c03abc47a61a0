import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, Instant, Nullable, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { InvalidInput } from '../services/problems.ts'
import type { Schedules } from '../services/schedules/schedules.ts'
import { callerOf } from './workflow-scope.ts'

const common = { tags: ['Schedules'], security: ORGANIZATION_SECURITY }

const Schedule = Type.Object({
  id: Id,
  workflowId: Id,
  version: Type.Integer({ description: 'The published version' }),
  nodeId: Type.String({ examples: ['every-morning'] }),
  rule: Type.Unsafe<unknown>(Type.Object({
    cron: Type.Optional(Type.String()),
    every: Type.Optional(Type.String()),
    at: Type.Optional(Type.String()),
    timeZone: Type.String(),
    missed: Type.String(),
    overlap: Type.String(),
    jitter: Type.Optional(Type.String()),
    startAt: Type.Optional(Type.String()),
    endAt: Type.Optional(Type.String())
  }, { examples: [{ cron: '0 9 * * MON-FRI', timeZone: 'Europe/Paris', missed: 'one', overlap: 'allow' }] })),
  nextAt: Nullable(Type.Unsafe<string>({ ...Instant, description: 'Null where no tick is to come' })),
  lastAt: Nullable(Instant),
  lastExecutionId: Nullable(Id),
  pausedAt: Nullable(Instant),
  createdAt: Instant
}, { $id: 'Schedule' })

const Filter = Type.Object({ ...pageProperties, workflowId: Type.Optional(Id) }, { additionalProperties: false })
const Count = Type.Object({ count: Type.Integer({ minimum: 1, maximum: 100, default: 10 }) }, { additionalProperties: false })
const Range = Type.Object({
  from: Type.Unsafe<string>({ ...Instant, description: 'Inclusive' }),
  to: Type.Unsafe<string>({ ...Instant, description: 'Inclusive; what lies in the future is left out' })
}, { additionalProperties: false, examples: [{ from: '2026-01-31T00:00:00Z', to: '2026-01-31T12:00:00Z' }] })
const Nothing = Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()])

/** `/v1/schedules`. A schedule is made by publishing a workflow with a `schedule` node. */
export const scheduleRoutes: FastifyPluginAsyncTypebox<{ schedules: Schedules }> = async (app, { schedules }) => {
  app.get('/', {
    config: { access: needs('schedule:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'listSchedules',
      summary: 'List the schedules of published workflows, the newest first',
      querystring: Filter,
      response: { 200: listOf(Schedule), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, workflowId } = request.query
    const rows = await schedules.list(request.db, workflowId, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, row => row)
  })

  app.post('/:id/pause', {
    config: { access: needs('schedule:manage', 'schedule') },
    schema: {
      ...common,
      operationId: 'pauseSchedule',
      summary: 'Let a schedule fire no more, until it is resumed',
      params: IdParams,
      body: Nothing,
      response: { 200: Schedule, ...problemResponses(400, 401, 404, 415, 422) }
    }
  }, async request => await schedules.pause(callerOf(request), request.params.id))

  app.post('/:id/resume', {
    config: { access: needs('schedule:manage', 'schedule') },
    schema: {
      ...common,
      operationId: 'resumeSchedule',
      summary: 'Let a schedule go on',
      description: 'It goes on with the next tick from now. What came while it paused does not count as missed; a backfill starts it.',
      params: IdParams,
      body: Nothing,
      response: { 200: Schedule, ...problemResponses(400, 401, 404, 415, 422) }
    }
  }, async request => await schedules.resume(callerOf(request), request.params.id))

  await app.register(tickRoutes, { schedules })
}

const tickRoutes: FastifyPluginAsyncTypebox<{ schedules: Schedules }> = async (app, { schedules }) => {
  app.get('/:id/next', {
    config: { access: needs('schedule:read', 'schedule') },
    schema: {
      ...common,
      operationId: 'previewSchedule',
      summary: 'The next times of a schedule',
      params: IdParams,
      querystring: Count,
      response: { 200: Type.Object({ data: Type.Array(Instant), nextCursor: Type.Null() }), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => ({ data: await schedules.next(request.db, request.params.id, request.query.count), nextCursor: null }))

  app.post('/:id/backfill', {
    config: { access: needs('schedule:manage', 'schedule'), idempotent: true },
    schema: {
      ...common,
      operationId: 'backfillSchedule',
      summary: 'Start an execution for each past tick of a range that has none',
      description: 'At most 1,000 ticks. It may be repeated: a tick that has its execution gets no second one.',
      params: IdParams,
      body: Range,
      response: { 202: Type.Object({ started: Type.Integer() }, { examples: [{ started: 12 }] }), ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const [from, to] = [Date.parse(request.body.from), Date.parse(request.body.to)]
    if (from > to) throw InvalidInput([{ pointer: '/from', message: 'must not be after `to`', code: 'WC_OUT_OF_RANGE' }])
    return await reply.code(202).send(await schedules.backfill(callerOf(request), request.params.id, { from, to }))
  })
}
