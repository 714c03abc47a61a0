import { Type, type Static } from '@sinclair/typebox'
import type { Priority } from '../lib/execution-origin.ts'
import { oneOf } from './schemas.ts'

/** A duration such as "250ms", "10s", "5m", "2h", "7d". */
export const DURATION_PATTERN = '^[0-9]{1,9}(ms|s|m|h|d)$'

export const NODE_ID_PATTERN = '^[A-Za-z0-9_-]{1,64}$'
export const MAX_NODES = 10_000
export const MAX_CONNECTIONS = 50_000

const PortName = Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' })
const Duration = Type.String({ pattern: DURATION_PATTERN, examples: ['10s'] })

export const RetryPolicy = Type.Object({
  maxAttempts: Type.Integer({ minimum: 1, maximum: 100, description: 'Attempts in all, the first included' }),
  backoff: Type.Optional(Type.Unsafe<'fixed' | 'exponential'>({ type: 'string', enum: ['fixed', 'exponential'], default: 'exponential' })),
  delay: Type.Optional(Type.String({ pattern: DURATION_PATTERN, default: '1s', description: 'Before the second attempt' })),
  maxDelay: Type.Optional(Type.String({ pattern: DURATION_PATTERN, default: '5m' })),
  jitter: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 0, description: 'Up to which share of each delay is taken off by chance, so that what failed together does not come back together' })),
  maxElapsed: Type.Optional(Type.String({ pattern: DURATION_PATTERN, description: 'No attempt starts later than this after the start of the first' }))
}, { additionalProperties: false, $id: 'RetryPolicy' })

/** An item that somebody writes; files cannot be written. */
export const GivenItems = Type.Array(Type.Object({ json: Type.Record(Type.String(), Type.Unknown()) }, { additionalProperties: false }), { maxItems: 100_000 })

export const WorkflowNode = Type.Object({
  id: Type.String({ pattern: NODE_ID_PATTERN }),
  type: Type.String({ minLength: 1, maxLength: 128 }),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  credentialId: Type.Optional(Type.String({ format: 'uuid' })),
  disabled: Type.Optional(Type.Boolean({ description: 'A disabled node passes its items through' })),
  pinnedData: Type.Optional(Type.Unsafe<Array<{ json: Record<string, unknown> }>>({ ...GivenItems, description: 'Sent by the node instead of running, in runs by hand that ask for pinned data; never in others' })),
  notes: Type.Optional(Type.String({ maxLength: 10_000 })),
  position: Type.Optional(Type.Object({ x: Type.Number(), y: Type.Number() }, { additionalProperties: false })),
  retry: Type.Optional(RetryPolicy),
  timeout: Type.Optional(Duration),
  onError: Type.Optional(Type.Unsafe<'stop' | 'continue' | 'errorOutput'>({ type: 'string', enum: ['stop', 'continue', 'errorOutput'], default: 'stop' }))
}, { additionalProperties: false, $id: 'WorkflowNode' })

export const Connection = Type.Object({
  from: Type.String({ pattern: NODE_ID_PATTERN }),
  to: Type.String({ pattern: NODE_ID_PATTERN }),
  output: Type.Optional(PortName),
  input: Type.Optional(PortName)
}, { additionalProperties: false, $id: 'Connection' })

/** An execution holds a slot in each scope that is limited while it runs; one that waits holds none. */
export const ConcurrencyLimits = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Executions of this workflow that run at once' })),
  key: Type.Optional(Type.String({
    minLength: 1,
    maxLength: 1000,
    description: "Groups executions by a value, computed from the trigger's item. Those of a group run at most `keyLimit` at once.",
    examples: ['{{ $json.body.customerId }}']
  })),
  keyLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1, description: 'Executions of one group that run at once' }))
}, { additionalProperties: false, minProperties: 1, $id: 'ConcurrencyLimits' })

export const PRIORITIES = ['high', 'normal', 'low'] as const satisfies readonly Priority[]

export const WorkflowSettings = Type.Object({
  timeout: Type.Optional(Type.Union([Duration, Type.Null()])),
  timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA time zone of $now and $today; default UTC' })),
  concurrency: Type.Optional(Type.Union([ConcurrencyLimits, Type.Null()])),
  priority: Type.Optional(oneOf(PRIORITIES, {
    title: 'Priority', description: "Which executions go first where the organization's have to wait.", default: 'normal'
  })),
  errorWorkflowId: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()]))
}, { additionalProperties: false, $id: 'WorkflowSettings' })

/** What a client writes of a workflow. */
export const WorkflowDefinition = Type.Object({
  nodes: Type.Array(WorkflowNode, { maxItems: MAX_NODES }),
  connections: Type.Array(Connection, { maxItems: MAX_CONNECTIONS }),
  settings: WorkflowSettings
}, { additionalProperties: false })

export type RetryPolicy = Static<typeof RetryPolicy>
export type WorkflowNode = Static<typeof WorkflowNode>
export type Connection = Static<typeof Connection>
export type ConcurrencyLimits = Static<typeof ConcurrencyLimits>
export type WorkflowSettings = Static<typeof WorkflowSettings>
export type WorkflowDefinition = Static<typeof WorkflowDefinition>

/** The output every node has beside its own when `onError` is "errorOutput". */
export const ERROR_OUTPUT = 'error'
