import t from 'tap'
import { readPackage } from '../../../src/engine/nodes/external/read-package.ts'
import type { NodeType } from '../../../src/engine/nodes/node-type.ts'
import { NodeError } from '../../../src/engine/node-error.ts'
import { NodeError as PublicNodeError } from '../../../interface/node.js'
import { nodeContext } from '../../support/node-context.ts'

const sound = {
  type: 'probe',
  title: 'Probe',
  description: 'Does what the test wants.',
  category: 'data',
  effects: 'none',
  parameters: { type: 'object', properties: { n: { type: 'integer' } } },
  outputs: ['main', 'rest'],
  run: (): unknown => ({ outputs: {} })
}

function read (exported: Record<string, unknown>, name = 'acme') {
  return readPackage({ name, version: '1.0.0', exported })
}

function nodeOf (more: object): NodeType {
  const found = read({ apiVersion: 1, nodes: [{ ...sound, ...more }] })
  if ('problems' in found) throw new Error(found.problems.join('\n'))
  return found.package.nodes[0]!
}

const context = (parameters: object = {}): never => nodeContext({ items: [{ a: 1 }, { a: 2 }], parameters }) as never
const answering = (answer: unknown) => () => nodeOf({ run: () => answer }).run(context())

t.test('what a package must export', async t => {
  t.match(read({ nodes: [sound] }), { problems: ['must export apiVersion 1, not nothing'] })
  t.match(read({ apiVersion: 2, nodes: [sound] }), { problems: ['must export apiVersion 1, not 2'] })
  for (const nodes of [undefined, [], {}, 'x']) t.match(read({ apiVersion: 1, nodes }), { problems: [/must export `nodes`/] })
  for (const node of [null, 1, [], 'x']) t.match(read({ apiVersion: 1, nodes: [node] }), { problems: [/^nodes\/0 must be an object/] })
  t.match(read({ apiVersion: 1, nodes: [sound] }, 'weconnect'), { problems: [/reserved/] })
  const unsupported = { type: 'object', properties: { a: { type: 'string', format: 'email' }, b: { if: {} }, c: { type: ['string', 'null'] } } }
  t.match(read({ apiVersion: 1, nodes: [{ ...sound, parameters: unsupported }] }), { problems: [/properties\/a\/format must be one of/, /properties\/b\/if is a keyword/, /properties\/c\/type must be one type/] })
})

t.test('what it answers is taken if it can be stored', async t => {
  const at = new Date(0)
  t.strictSame(answering({ outputs: { main: [{ from: 0 }, { from: [0, 1], json: { at, gone: undefined, nan: NaN } }], rest: [{ from: 1, patch: { b: 1 } }] } })(), {
    outputs: { main: [{ from: 0 }, { from: [0, 1], json: { at: at.toISOString(), nan: null } }], rest: [{ from: 1, patch: { b: 1 } }] }
  })
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  for (const [answer, message] of [
    [undefined, /no `outputs`/],
    [{ outputs: { other: [] } }, /output "other", which it does not have/],
    [{ outputs: { main: {} } }, /no list/],
    [{ outputs: { main: [null] } }, /item 0 of the output main is no object/],
    [{ outputs: { main: [{ json: { n: 1n } }] } }, /BigInt/],
    [{ outputs: { main: [{ json: circle }] } }, /circular/],
    [{ outputs: { main: [{ json: [] }] } }, /is no object/],
    [{ outputs: { main: [{ json: { toJSON: () => 'text' } }] } }, /is no object/],
    [{ outputs: { main: [{ json: { toJSON () { throw new Error('no') } } }] } }, /cannot be written as JSON: no/],
    [{ outputs: { main: [{ from: 2 }] } }, /comes from no input item/],
    [{ outputs: { main: [{ from: [0, -1] }] } }, /comes from no input item/],
    [{ outputs: { main: [{ json: {}, binary: {} }] } }, /"binary"/]
  ] as const) {
    t.throws(answering(answer), { code: 'WC_NODE_OUTPUT', message })
    await t.rejects(async () => await answering(Promise.resolve(answer))(), { code: 'WC_NODE_OUTPUT', message })
  }
})

t.test('what it throws is its error if it has the form of one, else a fault', async t => {
  const throwing = (error: unknown) => nodeOf({ run: () => { throw error } }).run.bind(undefined, context())
  const error = new PublicNodeError('ACME_AWAY', 'Away', { retryable: true, retryAfter: 5, itemIndex: 1, pointer: '/n', data: { big: 1 } })
  t.throws(throwing(error), { name: 'NodeError', code: 'ACME_AWAY', detail: { retryable: true, retryAfter: 5, itemIndex: 1, pointer: '/n', data: { big: 1 } } })
  t.ok(t.throws(throwing(error)) instanceof NodeError)
  t.throws(throwing(new PublicNodeError('WC_INTERNAL', 'Not theirs to say')), { code: 'WC_NODE_FAILED' })
  t.throws(throwing(new PublicNodeError('ACME', 'x', { data: { n: 1n as never } })), { code: 'ACME', detail: { data: /BigInt/ } }, 'an error is not lost for what it carries')
  const fault = new TypeError('x is not a function')
  t.equal(t.throws(throwing(fault)), fault)
})

t.test('parameters fit the schema, whatever their expressions gave', async t => {
  const node = nodeOf({ run: ({ parameters }: { parameters: (index: number) => { n: number } }) => ({ outputs: { main: [{ json: { n: parameters(1).n } }] } }) })
  t.strictSame(node.run(context({ n: 3 })), { outputs: { main: [{ json: { n: 3 } }] } })
  t.throws(() => node.run(context({ n: 'three' })), { code: 'WC_NODE_PARAMETERS', detail: { pointer: '/n', itemIndex: 1 } })
})

t.test('a check may warn and refuse, and its own fault is told as one', async t => {
  const issues = (check: () => unknown) => nodeOf({ check }).check?.({ n: 1 })
  t.strictSame(issues(() => [{ pointer: '/n', message: 'is odd', severity: 'warning' }]), [{ pointer: '/n', message: 'is odd', code: 'WC_NODE_PARAMETERS', severity: 'warning' }])
  t.match(issues(() => { throw new Error('oops') }), [{ pointer: '', message: /failed: oops/ }])
  t.match(issues(() => 'all is well'), [{ message: /failed: it answered no list/ }])
})
