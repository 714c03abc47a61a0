import { defineProblem } from '../../lib/problem.ts'

/** What only tails tell their clients. */
export const CursorInvalid = defineProblem('WC_CURSOR_INVALID', 422, 'The position is not valid', (why: string) => why)
export const FrameInvalid = defineProblem('WC_FRAME_INVALID', 422, 'The frame is not valid', (why: string) => why)
export const SubscriptionExists = defineProblem('WC_SUBSCRIPTION_EXISTS', 409, 'The subscription exists',
  () => 'A subscription with this id is open on this connection. Choose another id, or unsubscribe it first.')
export const TooManySubscriptions = defineProblem('WC_TOO_MANY_SUBSCRIPTIONS', 409, 'Too many subscriptions',
  (limit: number) => `A connection may have ${limit} subscriptions. Unsubscribe some, subscribe to the workflow or organization instead, or open another connection.`)
export const UpgradeRequired = defineProblem('WC_UPGRADE_REQUIRED', 426, 'A WebSocket is required',
  () => ({ detail: 'This path speaks WebSocket only. Server-sent events are at GET /v1/executions/{id}/events.', headers: { upgrade: 'websocket', connection: 'upgrade' } }))
