import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { parseDuration } from '../../../lib/duration.ts'
import type { OutputItem } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { anyValue, duration, oneOf, STATIC } from '../../schemas.ts'
import { itemByItem, ONE_AFTER_THE_OTHER } from '../item-by-item.ts'
import { defineNode } from '../node-type.ts'
import { ofOnce } from './outcome.ts'
import type { NodeContext } from '../node-type.ts'

const MAX_TIMEOUT = '10m'
const DEFAULT_TIMEOUT = '30s'
const DEFAULT_MAX_ROWS = 10_000

const SqlParameters = Type.Object({
  query: Type.String({
    title: 'Query', description: 'One statement. Values stand as placeholders, never in the text: it cannot hold expressions.', minLength: 1, maxLength: 100_000, examples: ['select * from orders where id = $1'], ...STATIC
  }),
  parameters: Type.Optional(Type.Array(anyValue(), { title: 'Parameters', description: 'The values of the placeholders, in their order.', maxItems: 1000 })),
  readOnly: Type.Optional(Type.Boolean({ title: 'Read only', description: 'Whether the server refuses writes. Such a step is repeated after a crash; others are not.', default: false, ...STATIC })),
  output: Type.Optional(oneOf(['rows', 'result'], { title: 'Output', description: 'rows: an item a row; result: one item { rows, rowCount } for each input item.', default: 'rows', ...STATIC })),
  timeout: Type.Optional(duration({ title: 'Timeout', description: `Of each statement, up to ${MAX_TIMEOUT}.`, default: DEFAULT_TIMEOUT, ...STATIC })),
  maxRows: Type.Optional(Type.Integer({ title: 'Most rows', description: 'A larger result is an error.', minimum: 1, maximum: 100_000, default: DEFAULT_MAX_ROWS, ...STATIC }))
}, { additionalProperties: false })
type SqlParameters = Static<typeof SqlParameters>

function sqlNode (type: 'postgres' | 'mysql', title: string, placeholder: string) {
  return defineNode({
    type,
    title,
    description: `Runs a statement on a ${title} database for each item, with values in place of ${placeholder}.`,
    icon: 'database',
    category: 'outside',
    effects: 'once',
    effectsOf: ({ readOnly }) => readOnly === true ? 'idempotent' : 'once',
    parameters: SqlParameters,
    credentials: [type],
    credentialRequired: true,
    check: ({ timeout }) => typeof timeout === 'string' && (parseDuration(timeout) === 0 || parseDuration(timeout) > parseDuration(MAX_TIMEOUT))
      ? [{ pointer: '/timeout', message: `more than nothing and at most ${MAX_TIMEOUT}`, code: 'WC_DURATION' }]
      : [],
    run: runAll
  })
}

/** The order in which rows are written is that of the items. */
async function runAll (context: NodeContext<SqlParameters>) {
  return await itemByItem(context, ONE_AFTER_THE_OTHER, async index => await runOne(context, index))
}

async function runOne (context: NodeContext<SqlParameters>, index: number): Promise<OutputItem[]> {
  const { query, parameters = [], readOnly = false, output = 'rows', timeout = DEFAULT_TIMEOUT, maxRows = DEFAULT_MAX_ROWS } = context.parameters(index)
  if (!Array.isArray(parameters)) throw new NodeError('WC_PARAMETER', 'The parameters must be a list of values', { pointer: '/parameters' })
  const credential = await context.credential()
  if (credential === undefined) throw new NodeError('WC_CREDENTIAL_REQUIRED', 'The node names no credential')
  const result = await context.connect.query(credential, { text: query, values: parameters, readOnly, maxRows }, { timeout: parseDuration(timeout), signal: context.signal })
    .catch((error: unknown) => { throw readOnly ? error : ofOnce(error) })
  if (output === 'result') return [{ from: index, json: { rows: [...result.rows], rowCount: result.rowCount } }]
  return result.rows.map(json => ({ from: index, json }))
}

export const postgres = sqlNode('postgres', 'PostgreSQL', '$1, $2, …')
export const mysql = sqlNode('mysql', 'MySQL', 'each ?')
