import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { parseDuration } from '../../../lib/duration.ts'
import { NodeError } from '../../node-error.ts'
import { anyValue, duration, oneOf, STATIC } from '../../schemas.ts'
import { itemByItem, ONE_AFTER_THE_OTHER } from '../item-by-item.ts'
import { defineNode } from '../node-type.ts'
import type { Effects, NodeContext } from '../node-type.ts'
import { ofOnce } from './outcome.ts'

const TIMEOUT = 10_000

interface Operation {
  readonly effects: Effects
  command (key: string, given: { values: readonly string[], field: string, by: string, ttl: number | undefined }): readonly string[]
}

/** Repeating a read, or a write of the same value, does no harm; repeating the others does. */
const OPERATIONS = {
  get: { effects: 'idempotent', command: key => ['get', key] },
  set: { effects: 'idempotent', command: (key, { values, ttl }) => ['set', key, values[0] ?? '', ...(ttl === undefined ? [] : ['px', String(ttl)])] },
  setIfAbsent: { effects: 'once', command: (key, { values, ttl }) => ['set', key, values[0] ?? '', 'nx', ...(ttl === undefined ? [] : ['px', String(ttl)])] },
  delete: { effects: 'idempotent', command: key => ['del', key] },
  exists: { effects: 'idempotent', command: key => ['exists', key] },
  expire: { effects: 'idempotent', command: (key, { ttl }) => ['pexpire', key, String(ttl ?? 0)] },
  ttl: { effects: 'idempotent', command: key => ['pttl', key] },
  increment: { effects: 'once', command: (key, { by }) => ['incrby', key, by] },
  pushFront: { effects: 'once', command: (key, { values }) => ['lpush', key, ...values] },
  pushBack: { effects: 'once', command: (key, { values }) => ['rpush', key, ...values] },
  popFront: { effects: 'once', command: key => ['lpop', key] },
  popBack: { effects: 'once', command: key => ['rpop', key] },
  list: { effects: 'idempotent', command: key => ['lrange', key, '0', '9999'] },
  hashGet: { effects: 'idempotent', command: (key, { field }) => ['hget', key, field] },
  hashSet: { effects: 'idempotent', command: (key, { field, values }) => ['hset', key, field, values[0] ?? ''] },
  hashAll: { effects: 'idempotent', command: key => ['hgetall', key] },
  setAdd: { effects: 'idempotent', command: (key, { values }) => ['sadd', key, ...values] },
  setRemove: { effects: 'idempotent', command: (key, { values }) => ['srem', key, ...values] },
  setMembers: { effects: 'idempotent', command: key => ['smembers', key] },
  publish: { effects: 'once', command: (key, { values }) => ['publish', key, values[0] ?? ''] }
} as const satisfies Record<string, Operation>

type OperationName = keyof typeof OPERATIONS
const NAMES = Object.keys(OPERATIONS) as OperationName[]
const NEED_VALUE: ReadonlySet<string> = new Set(['set', 'setIfAbsent', 'pushFront', 'pushBack', 'hashSet', 'setAdd', 'setRemove', 'publish'])
const NEED_FIELD: ReadonlySet<string> = new Set(['hashGet', 'hashSet'])

const RedisParameters = Type.Object({
  operation: oneOf(NAMES, { title: 'Operation', description: 'What to do with the key.', ...STATIC }),
  key: Type.String({ title: 'Key', description: 'The key, or the channel to publish to.', minLength: 1, maxLength: 4096 }),
  keyPrefix: Type.Optional(Type.String({ title: 'Key prefix', description: 'Put before the key; cannot hold an expression, so that data never chooses other keys.', maxLength: 256, ...STATIC })),
  value: Type.Optional(anyValue({ title: 'Value', description: 'Text as it is, anything else as JSON; of pushes and sets a list is several.' })),
  field: Type.Optional(Type.String({ title: 'Field', description: 'Of a hash.', minLength: 1, maxLength: 4096 })),
  by: Type.Optional(Type.Integer({ title: 'By', description: 'How much to increment.', default: 1 })),
  ttl: Type.Optional(duration({ title: 'Time to live', description: 'set, setIfAbsent, expire: after how long the key is gone.' }))
}, { additionalProperties: false })
type RedisParameters = Static<typeof RedisParameters>

export const redis = defineNode({
  type: 'redis',
  title: 'Redis',
  description: 'Reads and writes keys, lists, hashes and sets, counts and publishes; emits { key, value }.',
  icon: 'database-zap',
  category: 'outside',
  effects: 'once',
  effectsOf: ({ operation }) => typeof operation === 'string' && Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation as OperationName].effects : 'once',
  parameters: RedisParameters,
  credentials: ['redis'],
  credentialRequired: true,
  check: parameters => [
    ...missing(parameters, 'value', NEED_VALUE),
    ...missing(parameters, 'field', NEED_FIELD),
    ...missing(parameters, 'ttl', new Set(['expire']))
  ],
  async run (context) {
    return await itemByItem(context, ONE_AFTER_THE_OTHER, async index => [{ from: index, json: await runOne(context, index) }])
  }
})

async function runOne (context: NodeContext<RedisParameters>, index: number): Promise<{ key: string, value: unknown }> {
  const { operation, key, keyPrefix = '', value, field = '', by = 1, ttl } = context.parameters(index)
  if (typeof key !== 'string' || key === '') throw new NodeError('WC_PARAMETER', 'The key must be text', { pointer: '/key' })
  const credential = await context.credential()
  if (credential === undefined) throw new NodeError('WC_CREDENTIAL_REQUIRED', 'The node names no credential')
  const given = { values: valuesOf(operation, value), field: String(field), by: String(by), ttl: ttl === undefined ? undefined : parseDuration(String(ttl)) }
  const [command, ...args] = OPERATIONS[operation].command(keyPrefix + key, given)
  const answer = await context.connect.redis(credential, command!, args, { timeout: TIMEOUT, signal: context.signal })
    .catch((error: unknown) => { throw OPERATIONS[operation].effects === 'once' ? ofOnce(error) : error })
  return { key, value: operation === 'hashAll' ? toRecord(answer) : answer }
}

function valuesOf (operation: string, value: unknown): readonly string[] {
  const many = Array.isArray(value) && /^(push|set(Add|Remove)$)/.test(operation)
  const values: unknown[] = many ? value : [value]
  if (NEED_VALUE.has(operation) && (values.length === 0 || values.includes(undefined))) throw new NodeError('WC_PARAMETER', 'There is no value', { pointer: '/value' })
  return values.map(one => typeof one === 'string' ? one : JSON.stringify(one ?? null))
}

/** The protocol answers a hash as fields and values in turn. */
function toRecord (answer: unknown): unknown {
  if (!Array.isArray(answer)) return answer
  return Object.fromEntries(Array.from({ length: answer.length / 2 }, (_, n) => [String(answer[2 * n]), answer[2 * n + 1]]))
}

function missing (parameters: Readonly<Record<string, unknown>>, name: string, operations: ReadonlySet<string>) {
  if (!operations.has(String(parameters['operation'])) || parameters[name] !== undefined) return []
  return [{ pointer: `/${name}`, message: 'is required by the operation', code: 'WC_REQUIRED' }]
}
