import { Type, type TSchema } from '@sinclair/typebox'
import { Id } from './common.ts'

export const EVENT_TYPES = [
  'execution.queued', 'execution.started', 'execution.waiting', 'execution.resumed',
  'execution.succeeded', 'execution.failed', 'execution.cancelled', 'execution.timedOut',
  'step.started', 'step.succeeded', 'step.failed', 'step.retrying', 'step.skipped', 'step.waiting', 'log'
] as const

const SubscriptionId = Type.String({ minLength: 1, maxLength: 64, description: 'Chosen by the client; names the subscription on this connection', examples: ['s1'] })
const After = (description: string) => Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.String(), Type.Null()], { description }))
const closed = { additionalProperties: false }

const MESSAGES: ReadonlyArray<{ name: string, title: string, from: 'client' | 'server', summary: string, payload: TSchema }> = [
  {
    name: 'subscribe',
    title: 'Subscribe',
    from: 'client',
    summary: 'Follow one execution, the executions of one workflow, or those of the organization',
    payload: Type.Union([
      Type.Object({ type: Type.Literal('subscribe'), id: SubscriptionId, executionId: Id, after: After('The last `seq` that was seen; null: from the first event') }, closed),
      Type.Object({ type: Type.Literal('subscribe'), id: SubscriptionId, workflowId: Id, after: After('The last `cursor` that was seen; null: from now on') }, closed),
      Type.Object({ type: Type.Literal('subscribe'), id: SubscriptionId, organization: Type.Literal(true), after: After('The last `cursor` that was seen; null: from now on') }, closed)
    ])
  },
  {
    name: 'unsubscribe',
    title: 'Unsubscribe',
    from: 'client',
    summary: 'End a subscription',
    payload: Type.Object({ type: Type.Literal('unsubscribe'), id: SubscriptionId }, closed)
  },
  {
    name: 'subscribed',
    title: 'Subscribed',
    from: 'server',
    summary: 'The subscription stands; its events follow',
    payload: Type.Object({ type: Type.Literal('subscribed'), id: SubscriptionId })
  },
  {
    name: 'event',
    title: 'Event',
    from: 'server',
    summary: 'One event. Within an execution `seq` starts at 1 and has no gap',
    payload: Type.Object({
      type: Type.Literal('event'),
      id: SubscriptionId,
      executionId: Id,
      seq: Type.Integer({ minimum: 1 }),
      cursor: Type.String({ description: 'Opaque; for `after` of a workflow or an organization' }),
      at: Type.String({ format: 'date-time' }),
      event: Type.Object({
        type: Type.Unsafe<typeof EVENT_TYPES[number]>({ type: 'string', enum: [...EVENT_TYPES] }),
        nodeId: Type.Optional(Type.String()),
        run: Type.Optional(Type.Integer()),
        attempt: Type.Optional(Type.Integer({ minimum: 1 }))
      }, { additionalProperties: true })
    })
  },
  {
    name: 'error',
    title: 'Error',
    from: 'server',
    summary: 'A message or subscription was refused',
    payload: Type.Object({ type: Type.Literal('error'), id: Type.Union([SubscriptionId, Type.Null()]), code: Type.String({ pattern: '^WC_[A-Z_]+$' }), detail: Type.String() })
  },
  {
    name: 'lagged',
    title: 'Lagged',
    from: 'server',
    summary: 'Sent before a reader that is too slow is cut: connect again and subscribe after what was seen last',
    payload: Type.Object({ type: Type.Literal('lagged'), id: SubscriptionId, missedFrom: Type.Union([Type.Integer(), Type.String(), Type.Null()]) })
  }
]

/** The WebSocket protocol of `/v1/tail`, as AsyncAPI 3.0. */
export function asyncApiDocument (publicUrl: string | null): object {
  const server = new URL(publicUrl ?? 'http://localhost')
  const references = (from: 'client' | 'server') => MESSAGES.filter(message => message.from === from)
    .map(({ name }) => ({ $ref: `#/channels/tail/messages/${name}` }))
  return {
    asyncapi: '3.0.0',
    info: { title: 'WeConnect tail', version: '1', description: 'Executions, live. A client that reconnects with `after` misses nothing and sees nothing twice.' },
    defaultContentType: 'application/json',
    servers: { service: { host: server.host, protocol: server.protocol === 'https:' ? 'wss' : 'ws' } },
    channels: {
      tail: {
        address: '/v1/tail',
        description: 'Authenticated by `Authorization` or `X-API-Key`, or, for browsers, by `?ticket=` from `POST /v1/tail/tickets` (60 seconds, one use).',
        messages: Object.fromEntries(MESSAGES.map(({ name, title, summary, payload }) => [name, { name, title, summary, payload }]))
      }
    },
    operations: {
      receiveCommands: { action: 'receive', channel: { $ref: '#/channels/tail' }, messages: references('client') },
      sendEvents: { action: 'send', channel: { $ref: '#/channels/tail' }, messages: references('server') }
    }
  }
}
