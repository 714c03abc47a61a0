import { Type } from '@sinclair/typebox'
import { Id, Instant, Nullable } from './common.ts'

/** What can be subscribed to; the service has the list. */
export const EVENT_NAMES = [
  'execution.succeeded', 'execution.failed', 'execution.cancelled', 'execution.timedOut',
  'workflow.published', 'workflow.unpublished', 'workflow.rolledBack',
  'poll.failed', 'poll.recovered'
] as const

const Events = Type.Array(Type.Unsafe<string>({ type: 'string', enum: EVENT_NAMES }), { minItems: 1, maxItems: 50, examples: [['execution.failed', 'execution.timedOut']] })
const Url = Type.String({ minLength: 1, maxLength: 2048, examples: ['https://example.org/weconnect-events'] })
const WorkflowIds = Nullable(Type.Array(Id, { minItems: 1, maxItems: 100, description: 'Only events of these workflows; null for those of all' }))
const Description = Nullable(Type.String({ maxLength: 255 }))

const fields = {
  id: Id,
  url: Url,
  description: Description,
  events: Events,
  workflowIds: WorkflowIds,
  enabled: Type.Boolean(),
  disabledAt: Nullable(Instant),
  disabledReason: Nullable(Type.String({ description: 'Why nothing is sent there any more', examples: ['Nothing got through for a day: The far side answered 500.'] })),
  lastSuccessAt: Nullable(Instant),
  createdAt: Instant,
  updatedAt: Instant
}

export const EventSubscription = Type.Object(fields, { $id: 'EventSubscription' })

export const EventSubscriptionWithSecret = Type.Object({
  ...fields,
  secret: Type.String({ description: 'Shown this once: what requests are signed with', examples: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'] })
}, { $id: 'EventSubscriptionWithSecret' })

export const NewEventSubscription = Type.Object({
  url: Url, events: Events, workflowIds: Type.Optional(WorkflowIds), description: Type.Optional(Description)
}, { additionalProperties: false, examples: [{ url: 'https://example.org/weconnect-events', events: ['execution.failed'] }] })

export const EventSubscriptionChange = Type.Object({
  url: Type.Optional(Url), events: Type.Optional(Events), workflowIds: Type.Optional(WorkflowIds), description: Type.Optional(Description), enabled: Type.Optional(Type.Boolean())
}, { additionalProperties: false, minProperties: 1, examples: [{ enabled: true }] })

export const EventDelivery = Type.Object({
  id: Type.Unsafe<string>({ ...Id, description: 'The `webhook-id` under which it is sent' }),
  type: Type.String({ examples: ['execution.failed'] }),
  workflowId: Id,
  executionId: Nullable(Id),
  occurredAt: Instant,
  status: Type.Unsafe<string>({ type: 'string', enum: ['pending', 'delivered', 'failed'] }),
  attempts: Type.Integer({ minimum: 0 }),
  nextAttemptAt: Nullable(Instant),
  lastAttemptAt: Nullable(Instant),
  responseStatus: Nullable(Type.Integer()),
  responseBody: Nullable(Type.String({ description: 'The first 1,000 characters of the last answer' })),
  error: Nullable(Type.String())
}, { $id: 'EventDelivery' })
