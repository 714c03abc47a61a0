import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { Readable } from 'node:stream'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, Instant, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { listOf, pageProperties } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { InvalidInput } from '../services/problems.ts'
import { MAX_SEQ } from '../services/tail/cursor.ts'
import { readEventPage } from '../services/tail/event-page.ts'
import { openEventStream } from '../services/tail/event-stream.ts'
import type { TailHub } from '../services/tail/index.ts'
import { whileAllowed } from './standing-access.ts'

const EventsQuery = Type.Object({
  limit: pageProperties.limit,
  after: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_SEQ, description: 'The `seq` of the last event that is known already' })),
  cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: '`nextCursor` of the page before; wins over `after`' }))
}, { additionalProperties: false })

const ExecutionEvent = Type.Object({
  executionId: Id,
  seq: Type.Integer({ minimum: 1, description: 'From 1 (`execution.queued`), without gap' }),
  at: Instant,
  event: Type.Unsafe<Record<string, unknown>>({
    type: 'object', additionalProperties: true, required: ['type'], properties: { type: Type.String({ examples: ['step.succeeded'] }) }
  })
}, { $id: 'ExecutionEvent' })

const EVENT_STREAM = 'text/event-stream'
const SEQ = /^[0-9]{1,9}$/

/** `/v1/executions/:id/events`. */
export const executionEventRoutes: FastifyPluginAsyncTypebox<{ tail: TailHub }> = async (app, { tail }) => {
  const streams = new Set<Readable>()
  // Or a server that stops would wait for readers that have no reason to leave.
  app.addHook('preClose', async () => { for (const stream of streams) stream.push(null) })

  app.get('/:id/events', {
    config: { access: needs('execution:read', 'execution') },
    schema: {
      operationId: 'listExecutionEvents',
      tags: ['Executions'],
      summary: 'What happened in an execution',
      description: 'As a list, or with `Accept: text/event-stream` live, to the last event; the stream goes on behind `after` or `Last-Event-ID`.',
      security: ORGANIZATION_SECURITY,
      params: IdParams,
      querystring: EventsQuery,
      response: {
        200: {
          description: 'The events behind `after`, in order',
          content: { 'application/json': { schema: listOf(ExecutionEvent) }, [EVENT_STREAM]: { schema: Type.String() } }
        },
        ...problemResponses(400, 401, 404, 422)
      }
    },
    // Log lines and errors carry data of any shape: sent as they are.
    serializerCompiler: () => data => JSON.stringify(data)
  }, async (request, reply) => {
    const { id } = request.params
    const { limit, after, cursor } = request.query
    reply.header('vary', 'accept')
    if (wantsStream(request)) {
      const stream = await openEventStream(tail, { organizationId: request.organizationId, executionId: id, after: lastEventId(request) ?? after ?? 0 })
      streams.add(stream)
      const stopChecking = whileAllowed(async () => { await request.demandAccessAgain(reply) }, () => { stream.destroy() })
      stream.once('close', () => {
        stopChecking()
        streams.delete(stream)
      })
      reply.headers({ 'content-type': EVENT_STREAM, 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
      return await reply.send(stream as never)
    }
    const { events, more } = await readEventPage(request.db, id, cursor === undefined ? after ?? 0 : Number(cursor), limit)
    return { data: events, nextCursor: more ? String(events.at(-1)!.seq) : null }
  })
}

function wantsStream ({ headers }: FastifyRequest): boolean {
  return (headers.accept ?? '').split(',').some(part => part.split(';', 1)[0]!.trim().toLowerCase() === EVENT_STREAM)
}

function lastEventId ({ headers }: FastifyRequest): number | undefined {
  const value = headers['last-event-id']
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string' || !SEQ.test(value)) {
    throw InvalidInput([{ pointer: '/headers/last-event-id', message: 'must be the id of an event of this stream', code: 'pattern' }])
  }
  return Number(value)
}
