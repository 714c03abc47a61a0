import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, Instant, Nullable, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Polls } from '../services/polls/polls.ts'
import { asIs, callerOf } from './workflow-scope.ts'

const common = { tags: ['Polls'], security: ORGANIZATION_SECURITY }

const Failure = Type.Object({
  at: Type.Optional(Instant),
  code: Type.String({ examples: ['WC_HTTP_STATUS'] }),
  message: Type.String({ examples: ['GET https://api.example.com/orders answered 503'] }),
  pointer: Type.Optional(Type.String({ description: 'Into the node\'s parameters' })),
  data: Type.Optional(Type.Unknown({ description: 'The status, and the beginning of the answer' }))
}, { additionalProperties: true })

const Poll = Type.Object({
  id: Id,
  workflowId: Id,
  version: Nullable(Type.Integer({ description: 'The published version; null while none that has the node is published' })),
  nodeId: Type.String({ examples: ['orders'] }),
  rule: Type.Unsafe<unknown>(Type.Object({
    cron: Type.Optional(Type.String()),
    every: Type.Optional(Type.String()),
    timeZone: Type.String(),
    jitter: Type.Optional(Type.String()),
    startAt: Type.Optional(Type.String()),
    endAt: Type.Optional(Type.String())
  }, { additionalProperties: true, examples: [{ every: '5m', timeZone: 'UTC' }] })),
  nextAt: Nullable(Type.Unsafe<string>({ ...Instant, description: 'After a failure, when it is tried again; null where no poll is to come' })),
  polling: Type.Boolean({ description: 'Whether one is under way' }),
  cursor: Type.Unknown({ description: 'Where the polls have come to; null before they have come anywhere', examples: ['2026-01-31T12:00:00Z'] }),
  failures: Type.Integer({ minimum: 0, description: 'In a row' }),
  lastError: Nullable(Failure),
  lastPolledAt: Nullable(Instant),
  lastSuccessAt: Nullable(Instant),
  lastItems: Nullable(Type.Integer({ description: 'New items of the last poll that came to an end' })),
  lastExecutionId: Nullable(Id),
  pausedAt: Nullable(Instant),
  createdAt: Instant
}, { $id: 'Poll' })

const Filter = Type.Object({ ...pageProperties, workflowId: Type.Optional(Id) }, { additionalProperties: false })
const Nothing = Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()])
const Reset = Type.Union([Type.Object({
  cursor: Type.Optional(Type.Unknown({ description: 'Where to go on; without it, as if nothing had been polled' }))
}, { additionalProperties: false, examples: [{ cursor: '2026-01-31T12:00:00Z' }] }), Type.Null()])

/** `/v1/polls`. One is made by publishing a workflow with a `poll` node. */
export const pollRoutes: FastifyPluginAsyncTypebox<{ polls: Polls }> = async (app, { polls }) => {
  app.setSerializerCompiler(asIs)

  app.get('/', {
    config: { access: needs('schedule:read', 'workflows') },
    schema: {
      ...common,
      operationId: 'listPolls',
      summary: 'List the triggers that poll, the newest first',
      description: 'Also those whose workflow is not published now: they keep their cursor, and go on with it.',
      querystring: Filter,
      response: { 200: listOf(Poll), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, workflowId } = request.query
    const rows = await polls.list(request.db, workflowId, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, row => row)
  })

  app.get('/:id', {
    config: { access: needs('schedule:read', 'poll') },
    schema: { ...common, operationId: 'getPoll', summary: 'Where a poll has come to', params: IdParams, response: { 200: Poll, ...problemResponses(400, 401, 404, 422) } }
  }, async request => await polls.get(request.db, request.params.id))

  const actions = [
    ['pause', 'pausePoll', 'Let a trigger poll no more, until it is resumed', 'A poll that is under way comes to its end.'],
    ['resume', 'resumePoll', 'Let a trigger go on', 'It goes on with the next tick from now, from where it was.'],
    ['run', 'runPoll', 'Poll now', 'As soon as a worker comes to it, whatever the schedule or a failure before would have it wait for. 409 where it is paused, or not published.']
  ] as const
  for (const [name, operationId, summary, description] of actions) {
    app.post(`/:id/${name}`, {
      config: { access: needs('schedule:manage', 'poll') },
      schema: { ...common, operationId, summary, description, params: IdParams, body: Nothing, response: { 200: Poll, ...problemResponses(400, 401, 404, 409, 415, 422) } }
    }, async request => await polls[name](callerOf(request), request.params.id))
  }

  app.post('/:id/reset', {
    config: { access: needs('schedule:manage', 'poll') },
    schema: {
      ...common,
      operationId: 'resetPoll',
      summary: 'Forget what a trigger has seen, and begin anew or at a cursor',
      description: 'A poll that is under way does not count. Without a cursor the next poll is a first one, with one it is not.',
      params: IdParams,
      body: Reset,
      response: { 200: Poll, ...problemResponses(400, 401, 404, 413, 415, 422) }
    }
  }, async request => await polls.reset(callerOf(request), request.params.id, request.body?.cursor))
}

const TestParams = Type.Object({ id: Id, nodeId: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', examples: ['orders'] }) }, { additionalProperties: false })
const TestBody = Type.Union([Type.Object({
  version: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'The newest, unless given' })),
  cursor: Type.Optional(Type.Unknown({ description: "The trigger's own, unless given" }))
}, { additionalProperties: false, examples: [{ cursor: '2026-01-31T12:00:00Z' }] }), Type.Null()])

/** `/v1/workflows/:id/polls/:nodeId/test`: of a workflow that need not be published. */
export const pollTestRoutes: FastifyPluginAsyncTypebox<{ polls: Polls }> = async (app, { polls }) => {
  app.setSerializerCompiler(asIs)

  app.post('/:id/polls/:nodeId/test', {
    config: { access: needs('execution:start', 'workflow') },
    schema: {
      ...common,
      operationId: 'testPoll',
      summary: 'Send the request of a poll node once, and see what it finds',
      description: 'Starts nothing, and leaves the cursor and what is remembered as they are.',
      params: TestParams,
      body: TestBody,
      response: {
        200: Type.Object({
          items: Type.Array(Type.Unsafe<unknown>(Type.Object({}, { additionalProperties: true })), { description: 'The first hundred' }),
          total: Type.Integer({ minimum: 0 }),
          new: Type.Integer({ minimum: 0, description: 'How many have a key that the trigger has not seen, or none' }),
          cursor: Type.Unknown({ description: 'Where it would have come to' }),
          error: Nullable(Failure)
        }, { examples: [{ items: [{ id: 7 }], total: 1, new: 1, cursor: 7, error: null }] }),
        ...problemResponses(400, 401, 404, 413, 415, 422, 503)
      }
    }
  }, async request => {
    const { id, nodeId } = request.params
    const { version, cursor } = request.body ?? {}
    return await polls.test(request.db, { workflowId: id, nodeId, version, cursor })
  })
}
