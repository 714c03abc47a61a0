import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { JsonError, parseStrictJson } from '../../lib/strict-json.ts'
import { MAX_SEQ } from './cursor.ts'
import { FrameInvalid } from './problems.ts'

const SubscriptionId = Type.String({ minLength: 1, maxLength: 64, description: 'Chosen by the client, for one subscription of the connection' })
// Either case: ids are compared as the database writes them.
const Uuid = Type.String({ pattern: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$' })
const Seq = Type.Integer({ minimum: 0, maximum: MAX_SEQ })
const Cursor = Type.String({ minLength: 1, maxLength: 200 })
const subscribe = { type: Type.Literal('subscribe'), id: SubscriptionId }
const closed = { additionalProperties: false }

const SubscribeExecution = Type.Object({ ...subscribe, executionId: Uuid, after: Type.Optional(Type.Union([Seq, Cursor, Type.Null()])) }, closed)
const SubscribeWorkflow = Type.Object({ ...subscribe, workflowId: Uuid, after: Type.Optional(Type.Union([Cursor, Type.Null()])) }, closed)
const SubscribeOrganization = Type.Object({ ...subscribe, organization: Type.Literal(true), after: Type.Optional(Type.Union([Cursor, Type.Null()])) }, closed)
const Unsubscribe = Type.Object({ type: Type.Literal('unsubscribe'), id: SubscriptionId }, closed)

/** What clients send. */
export const ClientFrame = Type.Union([SubscribeExecution, SubscribeWorkflow, SubscribeOrganization, Unsubscribe])
export type ClientFrame = Static<typeof ClientFrame>
export type SubscribeFrame = Exclude<ClientFrame, { type: 'unsubscribe' }>

const check = TypeCompiler.Compile(ClientFrame)

/** Throws FrameInvalid. `onId` hears the id as soon as it is known, so that the error can name it. */
export function parseFrame (bytes: Uint8Array, onId: (id: string) => void): ClientFrame {
  const value = readJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw FrameInvalid('A frame is a JSON object with a type.')
  const { type, id } = value as Record<string, unknown>
  if (typeof id === 'string' && id.length <= 64) onId(id)
  if (type !== 'subscribe' && type !== 'unsubscribe') throw FrameInvalid('The type of a frame is "subscribe" or "unsubscribe".')
  if (check.Check(value)) return value
  throw FrameInvalid(type === 'unsubscribe'
    ? 'An unsubscribe frame has an id (1 to 64 characters) and nothing else.'
    : 'A subscribe frame has an id (1 to 64 characters), one of executionId, workflowId (UUIDs) and organization (true), and after: a cursor or null, or for an execution also a seq.')
}

function readJson (bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    if (error instanceof JsonError) throw FrameInvalid('The frame is not JSON in UTF-8.')
    throw error
  }
}
