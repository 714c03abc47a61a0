import { Type } from '@sinclair/typebox'
import { Id, Instant } from './common.ts'

export const EventName = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*$', maxLength: 128, examples: ['order.placed'] })

export const PublishedEvent = Type.Object({
  executionIds: Type.Array(Id, { description: 'Of the executions that it started' })
}, { $id: 'PublishedEvent' })

export const EventType = Type.Object({
  name: EventName,
  schema: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true, description: 'JSON Schema (draft 7) of the payload' }),
  createdAt: Instant,
  updatedAt: Instant
}, { $id: 'EventType', description: 'What the payload of events of a name must be' })
