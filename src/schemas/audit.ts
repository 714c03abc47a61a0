import { Type } from '@sinclair/typebox'
import { Id, Instant, Nullable } from './common.ts'
import { pageProperties } from './pagination.ts'

const ACTORS = ['user', 'apiKey', 'system'] as const
const ActorType = Type.Unsafe<typeof ACTORS[number]>({ type: 'string', enum: [...ACTORS] })
const Recorded = Nullable(Type.Unsafe<unknown>({ type: 'object', additionalProperties: true, description: 'Secrets are masked' }))

export const AuditRecord = Type.Object({
  id: Id,
  at: Instant,
  actor: Type.Object({ type: ActorType, id: Nullable(Id) }),
  action: Type.String({ examples: ['member.roleChanged'] }),
  target: Type.Object({ type: Type.String({ examples: ['member'] }), id: Type.String() }),
  before: Recorded,
  after: Recorded,
  ip: Nullable(Type.String()),
  requestId: Nullable(Type.Unsafe<string>({ type: 'string', description: 'The `instance` of the request, as in the logs' }))
}, { $id: 'AuditRecord' })

export const AuditQuery = Type.Object({
  ...pageProperties,
  actorType: Type.Optional(ActorType),
  actorId: Type.Optional(Id),
  action: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'With a dot at its end: all that begin so', examples: ['member.'] })),
  targetType: Type.Optional(Type.String({ minLength: 1, maxLength: 64, examples: ['workflow'] })),
  targetId: Type.Optional(Type.String({ minLength: 1, maxLength: 300 })),
  from: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'At or after' })),
  to: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'Before' }))
}, { additionalProperties: false })
