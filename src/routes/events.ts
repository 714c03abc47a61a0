import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { EventName, EventType, PublishedEvent } from '../schemas/event.ts'
import { listOf } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Events } from '../services/events/events.ts'
import { asIs, callerOf } from './workflow-scope.ts'

const common = { tags: ['Events'], security: ORGANIZATION_SECURITY }
const NameParams = Type.Object({ name: EventName }, { additionalProperties: false })

export const eventRoutes: FastifyPluginAsyncTypebox<{ events: Events, maxBodySize: number }> = async (app, { events, maxBodySize }) => {
  app.post('/', {
    bodyLimit: maxBodySize,
    config: { access: needs('event:publish'), idempotent: true },
    schema: {
      ...common,
      operationId: 'publishEvent',
      summary: 'Start every workflow that waits for an event of this name',
      description: 'Answered once all of the executions are committed. An event that nobody waits for starts none.',
      body: Type.Object({ name: EventName, payload: Type.Optional(Type.Unknown({ description: 'Any JSON value; null where it is left out' })) }, {
        additionalProperties: false, examples: [{ name: 'order.placed', payload: { orderId: 1042 } }]
      }),
      response: { 202: PublishedEvent, ...problemResponses(400, 401, 404, 409, 413, 415, 422, 503) }
    }
  }, async (request, reply) => await reply.code(202).send(await events.publish(callerOf(request).db, request.body.name, request.body.payload ?? null)))
}

export const eventTypeRoutes: FastifyPluginAsyncTypebox<{ events: Events }> = async (app, { events }) => {
  app.setSerializerCompiler(asIs)

  app.get('/', {
    config: { access: needs('eventType:read') },
    schema: { ...common, operationId: 'listEventTypes', summary: 'List the event types, by name', description: 'All of them, on one page.', response: { 200: listOf(EventType), ...problemResponses(400, 401, 404) } }
  }, async request => ({ data: await events.types(callerOf(request).db), nextCursor: null }))

  app.get('/:name', {
    config: { access: needs('eventType:read') },
    schema: { ...common, operationId: 'getEventType', summary: 'Read an event type', params: NameParams, response: { 200: EventType, ...problemResponses(400, 401, 404, 422) } }
  }, async request => await events.type(callerOf(request).db, request.params.name))

  app.put('/:name', {
    config: { access: needs('eventType:edit') },
    schema: {
      ...common,
      operationId: 'putEventType',
      summary: 'Say what the payload of events of this name must be',
      description: 'A JSON Schema (draft 7). Events whose payload does not fit are refused from then on.',
      params: NameParams,
      body: Type.Object({ schema: Type.Record(Type.String(), Type.Unknown()) }, {
        additionalProperties: false, examples: [{ schema: { type: 'object', required: ['orderId'], properties: { orderId: { type: 'integer' } } } }]
      }),
      response: { 200: EventType, 201: EventType, ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { type, created } = await events.putType(callerOf(request), request.params.name, request.body.schema)
    return await reply.code(created ? 201 : 200).send(type)
  })

  app.delete('/:name', {
    config: { access: needs('eventType:edit') },
    schema: { ...common, operationId: 'deleteEventType', summary: 'Let events of this name have any payload again', params: NameParams, response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(400, 401, 404, 422) } }
  }, async (request, reply) => {
    await events.deleteType(callerOf(request), request.params.name)
    return await reply.code(204).send(null)
  })
}
