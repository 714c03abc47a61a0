import { Type } from '@sinclair/typebox'
import { InvalidInput } from '../services/problems.ts'
import { Id, Instant, Nullable } from './common.ts'

const fields = {
  id: Id,
  receivedAt: Instant,
  status: Type.Unsafe<'accepted' | 'refused'>({ type: 'string', enum: ['accepted', 'refused'] }),
  workflowId: Nullable(Id),
  nodeId: Nullable(Type.String({ examples: ['in'] })),
  method: Nullable(Type.String({ description: 'Null where the request is kept as a file', examples: ['POST'] })),
  path: Nullable(Type.String({ examples: ['orders'] })),
  responseStatus: Type.Integer({ description: 'What the caller was answered: of what was accepted 202, unless its workflow answered itself', examples: [202] }),
  code: Nullable(Type.String({ description: 'Why it was refused', examples: ['WC_INVALID_INPUT'] })),
  detail: Nullable(Type.String()),
  executionId: Nullable(Id)
}

export const Delivery = Type.Object(fields, { $id: 'Delivery' })

export const DeliveryDetails = Type.Object({
  ...fields,
  query: Nullable(Type.String()),
  headers: Nullable(Type.Record(Type.String(), Type.String(), { description: 'Without what sounds like a secret' })),
  bodySize: Nullable(Type.Integer()),
  address: Nullable(Type.String())
}, { $id: 'DeliveryDetails' })

export const VersionToRun = Type.Unsafe<'same' | 'newest'>({ type: 'string', enum: ['same', 'newest'], description: 'The version that it ran with (the default), or the one that is published now (the newest where none is)' })

export const BulkOperation = Type.Object({
  id: Id,
  kind: Type.Unsafe<'retry' | 'replay'>({ type: 'string', enum: ['retry', 'replay'] }),
  filter: Type.Record(Type.String(), Type.Unknown()),
  options: Type.Object({ from: Type.String(), version: Type.String() }),
  status: Type.Unsafe<string>({ type: 'string', enum: ['running', 'completed', 'cancelled'] }),
  total: Type.Integer({ description: 'Executions that the filter met when the operation was made' }),
  done: Type.Integer({ description: '`started` and `failed` together' }),
  started: Type.Integer({ description: 'New executions' }),
  failed: Type.Integer({ description: 'Executions that could not be started again; the items say why' }),
  createdAt: Instant,
  finishedAt: Nullable(Instant)
}, { $id: 'BulkOperation' })

export const BulkItem = Type.Object({
  sourceId: Id,
  executionId: Nullable(Type.Unsafe<string>({ ...Id, description: 'The new execution' })),
  code: Nullable(Type.String()),
  error: Nullable(Type.String())
}, { $id: 'BulkItem' })

/** From and to as milliseconds; `place` is where they stand. */
export function rangeOf ({ from, to }: { from?: string, to?: string }, place: '/query' | '/filter'): { from?: number, to?: number } {
  const range = { ...(from === undefined ? {} : { from: Date.parse(from) }), ...(to === undefined ? {} : { to: Date.parse(to) }) }
  if (range.from !== undefined && range.to !== undefined && range.from > range.to) throw InvalidInput([{ pointer: `${place}/from`, message: 'must not be after `to`', code: 'WC_OUT_OF_RANGE' }])
  return range
}
