import { Type } from '@sinclair/typebox'
import { TERMINAL_STATUSES } from '../engine/events.ts'
import { Id, Instant, Nullable } from './common.ts'

const ExecutionError = Type.Object({
  code: Type.String({ examples: ['WC_HTTP_STATUS'] }),
  message: Type.String(),
  nodeId: Type.Optional(Type.String()),
  pointer: Type.Optional(Type.String({ description: "JSON pointer into the node's parameters" })),
  position: Type.Optional(Type.Integer({ description: 'Offset in the expression' })),
  itemIndex: Type.Optional(Type.Integer()),
  retryable: Type.Optional(Type.Boolean()),
  retryAfter: Type.Optional(Type.Number({ description: 'Milliseconds' })),
  data: Type.Optional(Type.Unknown())
}, { $id: 'ExecutionError' })

/** Why an execution is not running. */
const WaitingFor = Type.Unsafe<unknown>(Type.Object({
  type: Type.String({
    description: [
      '`dispatch`: accepted a moment ago, on its way to a worker.',
      '`worker`: for a worker with room for it.',
      '`concurrency`: for a slot under the limit of a `key`, the `workflow` or the `organization` (`scope`).',
      '`timer`, `retry`, `callback`, `approval`: what the node `nodeId` waits for, at most until `until`; `others` are further waits.',
      '`children`: for executions that it started (`executionIds`: some of the `open`).',
      '`takeOver`: its worker has gone; another takes it over.'
    ].join(' '),
    examples: ['concurrency']
  })
}, { additionalProperties: true, $id: 'WaitingFor', examples: [{ type: 'concurrency', scope: 'workflow', limit: 10 }, { type: 'approval', nodeId: 'confirm', run: 0, choices: ['approve', 'reject'] }] }))

export const Execution = Type.Object({
  id: Id,
  workflowId: Id,
  version: Type.Integer({ description: 'The version it started on, and keeps' }),
  trigger: Type.String({ examples: ['webhook'] }),
  status: Type.Unsafe<string>({ type: 'string', enum: ['queued', 'running', 'waiting', ...TERMINAL_STATUSES] }),
  createdAt: Instant,
  startedAt: Nullable(Instant),
  finishedAt: Nullable(Instant),
  error: Nullable(ExecutionError),
  waitingFor: Nullable(WaitingFor),
  retryOf: Nullable(Id),
  parentExecutionId: Nullable(Id)
}, { $id: 'Execution' })

const Binary = Type.Object({
  fileId: Id,
  mimeType: Type.String({ examples: ['application/pdf'] }),
  fileName: Type.Optional(Type.String()),
  size: Type.Integer({ description: 'Bytes' })
})

export const ShownItem = Type.Object({
  json: Type.Record(Type.String(), Type.Unknown()),
  binary: Type.Optional(Type.Record(Type.String(), Binary, { description: 'Files by name; GET /v1/files/:id sends their bytes' }))
}, { $id: 'Item' })

const ItemsByPort = Type.Record(Type.String(), Type.Array(ShownItem))
const Counts = Type.Record(Type.String(), Type.Integer())

export const Step = Type.Object({
  nodeId: Type.String({ examples: ['price'] }),
  run: Type.Integer({ description: 'Which run of the node, from 0' }),
  attempt: Type.Integer({ description: 'The latest attempt of this run, from 1' }),
  status: Type.Unsafe<string>({ type: 'string', enum: ['running', 'waiting', 'succeeded', 'failed', 'skipped', 'cancelled'] }),
  startedAt: Nullable(Instant),
  finishedAt: Nullable(Instant),
  inputs: Type.Unsafe<Record<string, unknown>>({ ...ItemsByPort, description: 'Items by input name' }),
  outputs: Type.Unsafe<Record<string, unknown>>({ ...ItemsByPort, description: 'Items by output name' }),
  itemCounts: Type.Object({ inputs: Counts, outputs: Counts }, { description: 'How many there are, shown or not' }),
  truncated: Type.Boolean({ description: 'Whether not all items are shown' }),
  itemsPath: Nullable(Type.String({ description: 'Where all of its items are, page by page, if not all are shown', examples: ['/v1/executions/01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b/steps/price/items?run=0'] })),
  error: Nullable(ExecutionError)
}, { $id: 'Step' })

export const LogLine = Type.Object({
  seq: Type.Integer(),
  at: Instant,
  level: Type.String({ examples: ['info'] }),
  nodeId: Nullable(Type.String()),
  run: Nullable(Type.Integer()),
  message: Type.String(),
  data: Type.Unknown()
}, { $id: 'LogLine' })
