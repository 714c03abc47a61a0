import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { EventDelivery, EventSubscription, EventSubscriptionChange, EventSubscriptionWithSecret, NewEventSubscription } from '../schemas/event-subscription.ts'
import { decodeCursor, listOf, Page, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { EventSubscriptions } from '../services/event-subscriptions/subscriptions.ts'
import { asIs, callerOf } from './workflow-scope.ts'

const common = { tags: ['Event subscriptions'], security: ORGANIZATION_SECURITY }
const Nothing = Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()])
const DeliveryQuery = Type.Object({
  ...pageProperties, status: Type.Optional(Type.Unsafe<string>({ type: 'string', enum: ['pending', 'delivered', 'failed'] }))
}, { additionalProperties: false })

/** `/v1/event-subscriptions`: signed requests to others on what happens here. */
export const eventSubscriptionRoutes: FastifyPluginAsyncTypebox<{ subscriptions: EventSubscriptions }> = async (app, { subscriptions }) => {
  app.setSerializerCompiler(asIs)

  app.post('/', {
    config: { access: needs('subscription:edit'), idempotent: 'sealed' },
    schema: {
      ...common,
      operationId: 'createEventSubscription',
      summary: 'Be told of events by signed requests; the secret is shown this once',
      description: 'Requests are those of Standard Webhooks. What happens from now on is sent until it is answered with 2xx, for a day. The order is not that of the events.',
      body: NewEventSubscription,
      response: { 201: EventSubscriptionWithSecret, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const created = await subscriptions.create(callerOf(request), request.body)
    return await reply.code(201).header('location', `/v1/event-subscriptions/${created.id}`).send(created)
  })

  app.get('/', {
    config: { access: needs('subscription:read') },
    schema: { ...common, operationId: 'listEventSubscriptions', summary: 'List event subscriptions, newest first', querystring: Page, response: { 200: listOf(EventSubscription), ...problemResponses(400, 401, 403, 404, 422) } }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await subscriptions.list(request.db, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, row => row)
  })

  app.get('/:id', {
    config: { access: needs('subscription:read') },
    schema: { ...common, operationId: 'getEventSubscription', summary: 'Read an event subscription', params: IdParams, response: { 200: EventSubscription, ...problemResponses(400, 401, 403, 404, 422) } }
  }, async request => await subscriptions.get(request.db, request.params.id))

  app.patch('/:id', {
    config: { access: needs('subscription:edit') },
    schema: {
      ...common,
      operationId: 'changeEventSubscription',
      summary: 'Change an event subscription, or enable one that was disabled',
      description: 'What is left out stays. Enabled again, it gets what was pending when it was disabled, and what happens from then on.',
      params: IdParams,
      body: EventSubscriptionChange,
      response: { 200: EventSubscription, ...problemResponses(400, 401, 403, 404, 413, 415, 422) }
    }
  }, async request => await subscriptions.change(callerOf(request), request.params.id, request.body))

  app.delete('/:id', {
    config: { access: needs('subscription:edit') },
    schema: { ...common, operationId: 'deleteEventSubscription', summary: 'Delete an event subscription, with what is still to be sent', params: IdParams, response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(400, 401, 403, 404, 422) } }
  }, async (request, reply) => {
    await subscriptions.delete(callerOf(request), request.params.id)
    return await reply.code(204).send(null)
  })

  app.post('/:id/rotate-secret', {
    config: { access: needs('subscription:edit'), idempotent: 'sealed' },
    schema: {
      ...common,
      operationId: 'rotateEventSubscriptionSecret',
      summary: 'Replace the secret; the new one is shown this once',
      description: 'For 24 h requests carry a signature with each of the two.',
      params: IdParams,
      body: Nothing,
      response: { 200: EventSubscriptionWithSecret, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async request => await subscriptions.rotate(callerOf(request), request.params.id))

  await app.register(deliveryRoutes, { subscriptions })
}

const deliveryRoutes: FastifyPluginAsyncTypebox<{ subscriptions: EventSubscriptions }> = async (app, { subscriptions }) => {
  app.get('/:id/deliveries', {
    config: { access: needs('subscription:read') },
    schema: {
      ...common,
      operationId: 'listEventDeliveries',
      summary: 'List what was and is to be sent to a subscription, newest first',
      params: IdParams,
      querystring: DeliveryQuery,
      response: { 200: listOf(EventDelivery), ...problemResponses(400, 401, 403, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, status } = request.query
    const rows = await subscriptions.deliveries(request.db, request.params.id, { status, before: cursor === undefined ? undefined : decodeCursor(cursor), limit: limit + 1 })
    return toPage(rows, limit, ({ id }) => id, row => row)
  })

  app.post('/:id/deliveries/:deliveryId/replay', {
    config: { access: needs('subscription:edit'), idempotent: true },
    schema: {
      ...common,
      operationId: 'replayEventDelivery',
      summary: 'Send it once more, under the same webhook-id',
      params: Type.Object({ id: Id, deliveryId: Id }, { additionalProperties: false }),
      body: Nothing,
      response: { 202: EventDelivery, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => await reply.code(202).send(await subscriptions.replay(request.db, request.params.id, request.params.deliveryId)))
}
