import { readFileSync } from 'node:fs'
import t from 'tap'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { validateDefinition, type Issue } from '../../src/engine/validate.ts'
import { WorkflowInput } from '../../src/engine/workflow-input.ts'

const registry = new NodeRegistry(builtinNodes)

interface Part { nodes?: unknown, connections?: unknown, settings?: unknown }

const start = { id: 'start', type: 'manual' }
const errorsOf = ({ nodes = [], connections = [], settings = {} }: Part): readonly Issue[] => validateDefinition({ nodes, connections, settings }, registry).errors
const codesAt = (issues: readonly Issue[]): string[] => issues.map(({ pointer, code }) => `${code} ${pointer}`).sort()
const noOps = (...ids: string[]) => ids.map(id => ({ id, type: 'noOp' }))

t.test('a sound workflow has no issues', async t => {
  const { errors, warnings } = validateDefinition({
    nodes: [
      start,
      { id: 'price', type: 'set', parameters: { fields: { total: '{{ $json.quantity * 2 }}', 'a.b': 1 } }, retry: { maxAttempts: 3, backoff: 'fixed', delay: '1s' }, timeout: '10s', position: { x: 1, y: 2 } },
      { id: 'large', type: 'if', parameters: { condition: '{{ $json.total >= 100 }}' } },
      { id: 'call', type: 'httpRequest', parameters: { url: 'https://example.com/{{ $(\'price\').item.json.total }}' }, onError: 'errorOutput' },
      { id: 'failed', type: 'noOp' }
    ],
    connections: [
      { from: 'start', to: 'price' }, { from: 'price', to: 'large' }, { from: 'large', output: 'true', to: 'call' }, { from: 'call', output: 'error', to: 'failed' }
    ],
    settings: { timeout: '5m', errorWorkflowId: null, timeZone: 'Europe/Paris' }
  }, registry)
  t.strictSame(errors, [])
  t.strictSame(warnings, [])
})

t.test('shape: every problem at once, each with its pointer', async t => {
  const { errors } = validateDefinition({
    nodes: [
      { id: 'a b', type: 'noOp', extra: 1 },
      { type: 'noOp', id: 'b', retry: { maxAttempts: -1 }, timeout: 'soon', onError: 'explode', position: { x: 'left', y: 0 } },
      'text',
      { id: 'c' },
      { id: 'd', type: 7, parameters: [] }
    ],
    connections: [{ from: 'b' }, null],
    settings: { timeout: 5, concurrency: { limit: 0 }, unknown: true },
    owner: 'x'
  }, registry)
  t.strictSame(codesAt(errors.filter(({ code }) => code !== 'WC_TRIGGER_MISSING')), [
    'WC_INVALID_FORMAT /nodes/0/id',
    'WC_INVALID_FORMAT /nodes/1/timeout',
    'WC_INVALID_VALUE /nodes/1/onError',
    'WC_OUT_OF_RANGE /nodes/1/retry/maxAttempts',
    'WC_OUT_OF_RANGE /settings/concurrency/limit',
    'WC_REQUIRED /connections/0/to',
    'WC_REQUIRED /nodes/3/type',
    'WC_UNKNOWN_PROPERTY /nodes/0/extra',
    'WC_UNKNOWN_PROPERTY /owner',
    'WC_UNKNOWN_PROPERTY /settings/unknown',
    'WC_WRONG_TYPE /connections/1',
    'WC_WRONG_TYPE /nodes/1/position/x',
    'WC_WRONG_TYPE /nodes/2',
    'WC_WRONG_TYPE /nodes/4/parameters',
    'WC_WRONG_TYPE /nodes/4/type',
    'WC_WRONG_TYPE /settings/timeout'
  ])
})

t.test('garbage of any kind is answered, not thrown at', async t => {
  for (const value of [null, undefined, 0, 'x', [], [[]], {}, { nodes: {} }, { nodes: [null, []], connections: 'x', settings: [] }, { nodes: [{ id: {}, type: [] }] }]) {
    t.ok(validateDefinition(value, registry).errors.length > 0, JSON.stringify(value))
  }
})

t.test('ids and types', async t => {
  t.strictSame(codesAt(errorsOf({ nodes: [start, { id: 'a', type: 'noOp' }, { id: 'a', type: 'noOp' }] })), ['WC_NODE_ID_DUPLICATE /nodes/2/id'])
  const [unknown] = errorsOf({ nodes: [start, { id: 'a', type: 'httpReqest' }] })
  t.match(unknown, { code: 'WC_NODE_TYPE_UNKNOWN', pointer: '/nodes/1/type', message: /did you mean "httpRequest"\?/ })
  for (const type of ['../../etc/passwd', '__proto__', 'constructor', 'toString']) {
    t.strictSame(codesAt(errorsOf({ nodes: [start, { id: 'a', type }] })), ['WC_NODE_TYPE_UNKNOWN /nodes/1/type'], type)
  }
  t.match(errorsOf({ nodes: [start, { id: '__proto__', type: 'noOp' }] }), [{ code: 'WC_KEY_NOT_ALLOWED', pointer: '/nodes/1/id' }])
  for (const id of ['constructor', 'hasOwnProperty', 'toString']) {
    t.strictSame(errorsOf({ nodes: [start, { id, type: 'noOp' }], connections: [{ from: 'start', to: id }] }), [], id)
  }
})

t.test('parameters', async t => {
  const at = (type: string, parameters: unknown): string[] => codesAt(errorsOf({ nodes: [start, { id: 'x', type, parameters }], connections: [{ from: 'start', to: 'x' }] }))
    .map(text => text.replace('/nodes/1/parameters', ''))
  t.test('are checked by the node type\'s schema', async t => {
    t.strictSame(at('set', {}), ['WC_REQUIRED /fields'])
    t.strictSame(at('set', { fields: 3 }), ['WC_WRONG_TYPE /fields'])
    t.strictSame(at('set', { fields: {}, keep: 'some' }), ['WC_INVALID_VALUE /keep'])
    t.strictSame(at('set', { fields: {}, kepe: 'all' }), ['WC_UNKNOWN_PROPERTY /kepe'])
    t.strictSame(at('httpRequest', { url: ['x'] }), ['WC_WRONG_TYPE /url'])
    t.strictSame(at('if', { conditions: { rules: [{ left: 1, operator: 'nope' }] } }), ['WC_INVALID_VALUE /conditions/rules/0/operator'])
  })
  t.test('may be an expression, of whatever type they are', async t => {
    t.strictSame(at('set', { fields: '{{ $json }}' }), [])
    t.strictSame(at('httpRequest', { url: '{{ $json.url }}', timeout: '{{ $json.timeout }}', headers: '{{ $json.headers }}' }), [])
    t.strictSame(at('if', { conditions: '{{ $json.conditions }}' }), [])
    t.strictSame(at('switch', { rules: '{{ $json.rules }}' }), [])
  })
  t.test('that are read before anything runs cannot hold one', async t => {
    t.strictSame(at('set', { fields: {}, keep: '{{ $json.keep }}' }), ['WC_EXPRESSION_NOT_ALLOWED_HERE /keep'])
    t.strictSame(at('switch', { rules: [{ output: '{{ 1 + }}', condition: true }] }), ['WC_EXPRESSION_NOT_ALLOWED_HERE /rules/0/output'])
    t.strictSame(at('merge', { wait: '{{ 1 }}' }), ['WC_EXPRESSION_NOT_ALLOWED_HERE /wait'])
    t.strictSame(codesAt(errorsOf({ nodes: [{ id: 'm', type: 'manual', parameters: { inputSchema: { properties: { a: { const: '{{ 1 }}' } } } } }] })),
      ['WC_EXPRESSION_NOT_ALLOWED_HERE /nodes/0/parameters/inputSchema/properties/a/const'])
    t.strictSame(codesAt(errorsOf({ nodes: [{ id: 'w', type: 'webhook', parameters: { path: 'a', method: ['GET', '{{ 1 }}'] } }] })),
      ['WC_EXPRESSION_NOT_ALLOWED_HERE /nodes/0/parameters/method/1'])
  })
  t.test('of several types are judged by the nearest', async t => {
    const method = (value: unknown) => errorsOf({ nodes: [{ id: 'w', type: 'webhook', parameters: { path: 'a', method: value } }] })
    t.strictSame(codesAt(method('FETCH')), ['WC_INVALID_VALUE /nodes/0/parameters/method'])
    t.match(method('FETCH')[0]?.message, /^must be "GET", "POST".* or a list$/)
    t.strictSame(codesAt(method(['GET', 'FETCH'])), ['WC_INVALID_VALUE /nodes/0/parameters/method/1'])
    t.strictSame(codesAt(method([])), ['WC_OUT_OF_RANGE /nodes/0/parameters/method'])
    t.strictSame(codesAt(method(['GET', 'GET'])), ['WC_DUPLICATE_ENTRY /nodes/0/parameters/method'])
    t.strictSame(at('merge', { wait: 0 }), ['WC_OUT_OF_RANGE /wait'])
    t.match(errorsOf({ nodes: [start, { id: 'x', type: 'merge', parameters: { wait: 'some' } }] })[0]?.message, /^must be "all", "any" or a whole number$/)
  })
  t.test('are checked by the node type itself', async t => {
    t.strictSame(at('if', {}), ['WC_CONDITION '])
    t.strictSame(codesAt(errorsOf({ nodes: [{ id: 'w', type: 'webhook', parameters: { path: '/a' } }] })), ['WC_WEBHOOK_PATH /nodes/0/parameters/path'])
    t.match(validateDefinition({ nodes: [start, { id: 'x', type: 'if', parameters: { condition: 'yes' } }], connections: [], settings: {} }, registry).warnings,
      [{ code: 'WC_NODE_UNREACHABLE' }, { code: 'WC_CONDITION_CONSTANT', pointer: '/nodes/1/parameters/condition' }].sort((a, b) => b.code < a.code ? 1 : -1))
  })
})

t.test('connections', async t => {
  const nodes = [start, { id: 'a', type: 'if', parameters: { condition: '{{ true }}' } }, { id: 'b', type: 'merge' }]
  const at = (...connections: unknown[]) => codesAt(errorsOf({ nodes, connections: [{ from: 'start', to: 'a' }, ...connections] }))
  t.strictSame(at({ from: 'a', to: 'ghost' }), ['WC_CONNECTION_DANGLING /connections/1/to'])
  t.strictSame(at({ from: 'ghost', to: 'ghost2' }), ['WC_CONNECTION_DANGLING /connections/1/from', 'WC_CONNECTION_DANGLING /connections/1/to'])
  t.strictSame(at({ from: 'a', output: 'maybe', to: 'b' }), ['WC_OUTPUT_UNKNOWN /connections/1/output'])
  t.strictSame(at({ from: 'a', output: 'error', to: 'b' }), ['WC_OUTPUT_UNKNOWN /connections/1/output'])
  t.strictSame(at({ from: 'a', to: 'b', input: 'c' }), ['WC_INPUT_UNKNOWN /connections/1/input'])
  t.strictSame(at({ from: 'a', to: 'b', input: 'b' }), [])
  t.strictSame(at({ from: 'a', to: 'b' }, { from: 'a', output: 'true', to: 'b', input: 'a' }), ['WC_CONNECTION_DUPLICATE /connections/2'])
  t.strictSame(at({ from: 'a', to: 'b' }, { from: 'a', output: 'false', to: 'b' }), [])
  t.strictSame(at({ from: 'a', to: 'start' }), ['WC_CONNECTION_INTO_TRIGGER /connections/1/to', 'WC_CYCLE /nodes/0'])
  t.strictSame(codesAt(errorsOf({ nodes: [start, { id: 's', type: 'stop' }, ...noOps('n')], connections: [{ from: 'start', to: 's' }, { from: 's', to: 'n' }] })),
    ['WC_OUTPUT_UNKNOWN /connections/1/from'])
  t.match(errorsOf({ nodes, connections: [{ from: 'start', to: 'a' }, { from: 'aa', to: 'b' }] })[0]?.message, /did you mean "a"\?/)
})

t.test('cycles', async t => {
  const body = [start, { id: 'l', type: 'loop' }, ...noOps('a', 'b', 'c')]
  const into = [{ from: 'start', to: 'l' }, { from: 'start', to: 'a' }]
  const cycle = (...connections: unknown[]) => errorsOf({ nodes: body, connections: [...into, ...connections] })
  t.match(cycle({ from: 'a', to: 'b' }, { from: 'b', to: 'c' }, { from: 'c', to: 'a' }), [{ code: 'WC_CYCLE', pointer: '/nodes/2', message: /"a" → "b" → "c" → "a"/ }])
  t.match(cycle({ from: 'a', to: 'a' }), [{ code: 'WC_CYCLE', message: /"a" → "a"/ }])
  t.strictSame(cycle({ from: 'l', output: 'loop', to: 'b' }, { from: 'b', to: 'l' }, { from: 'l', output: 'done', to: 'c' }), [])
  t.match(cycle({ from: 'l', output: 'loop', to: 'b' }, { from: 'b', to: 'a' }, { from: 'a', to: 'b' }), [{ code: 'WC_CYCLE' }], 'a cycle within the body')
  t.match(cycle({ from: 'l', output: 'done', to: 'b' }, { from: 'b', to: 'l' }), [{ code: 'WC_CYCLE' }], 'a way back from the loop\'s end would never end')
  t.match(errorsOf({
    nodes: body.map(node => node.id === 'l' ? { ...node, disabled: true } : node),
    connections: [...into, { from: 'l', output: 'loop', to: 'b' }, { from: 'b', to: 'l' }]
  }), [{ code: 'WC_CYCLE' }], 'a disabled loop does not govern')
})

t.test('loops', async t => {
  const nodes = [start, { id: 'l', type: 'loop' }, { id: 'm', type: 'loop' }, ...noOps('a', 'b', 'c')]
  const into = { from: 'start', to: 'l' }
  const result = (...connections: unknown[]) => validateDefinition({ nodes, connections: [into, ...connections], settings: {} }, registry)
  const body = [{ from: 'l', output: 'loop', to: 'a' }, { from: 'a', to: 'l' }]
  t.strictSame(codesAt(result(...body, { from: 'start', to: 'a' }).errors), ['WC_LOOP_ENTRY /connections/3/to'], 'a body that is entered from beside')
  t.match(result(...body, { from: 'start', to: 'a' }).errors[0]?.message, /enters the body of the loop "l" at "a"; connect "start" to the loop/)
  t.strictSame(codesAt(result({ from: 'start', to: 'b' }, { from: 'b', to: 'l' }, { from: 'l', to: 'b' }).errors), ['WC_LOOP_ENTRY /connections/1/to'], 'back to the node before the loop')
  t.strictSame(codesAt(result({ from: 'start', to: 'm' }, { from: 'l', to: 'm' }, { from: 'm', to: 'l' }).errors), ['WC_LOOP_ENTRY /connections/3/to'], 'two loops in each other')
  t.strictSame(result({ from: 'l', to: 'm' }, { from: 'm', to: 'a' }, { from: 'a', to: 'm' }, { from: 'a', to: 'l' }, { from: 'm', output: 'done', to: 'l' }).errors, [], 'a loop in a loop')
  t.strictSame(result(...body, { from: 'a', to: 'b' }, { from: 'l', output: 'done', to: 'b' }, { from: 'start', to: 'b' }).errors, [], 'a branch of the body may lead to what others lead to')
  t.match(result({ from: 'l', output: 'loop', to: 'a' }, { from: 'l', output: 'done', to: 'b' }).warnings.filter(({ code }) => code === 'WC_LOOP_OPEN'), [{ pointer: '/nodes/1' }])
  t.strictSame(result({ from: 'b', to: 'm' }, { from: 'm', to: 'b' }).errors, [], 'a loop that nothing leads to is only unreachable')

  const deep = Array.from({ length: 33 }, (_, depth) => ({ id: `l${depth}`, type: 'loop' }))
  const links = deep.flatMap(({ id }, depth) => [{ from: depth === 0 ? 'start' : `l${depth - 1}`, to: id }, { from: id, output: depth === 32 ? 'loop' : 'done', to: depth === 32 ? id : `l${depth}` }])
  const nested = links.filter(({ from, to }) => from !== to || from === 'l32')
  t.strictSame(codesAt(errorsOf({ nodes: [start, ...deep], connections: nested })), ['WC_LOOP_DEPTH /nodes/33'])
})

t.test('expressions', async t => {
  const at = (value: string, connections: unknown[] = [{ from: 'start', to: 'a' }, { from: 'a', to: 'b' }]) => errorsOf({
    nodes: [start, { id: 'a', type: 'set', parameters: { fields: { x: value } } }, ...noOps('b', 'aside')], connections
  })
  t.match(at('{{ 1 + }}'), [{ code: 'WC_EXPRESSION_SYNTAX', pointer: '/nodes/1/parameters/fields/x', message: /at character \d+/ }])
  t.match(at('{{ $(\'ghost\').item.json.x }}'), [{ code: 'WC_REFERENCE_UNKNOWN', pointer: '/nodes/1/parameters/fields/x', message: /"ghost"/ }])
  t.match(at('{{ $(\'b\').item.json.x }}'), [{ code: 'WC_REFERENCE_NOT_BEFORE' }], 'a later node')
  t.match(at('{{ $(\'aside\').item.json.x }}'), [{ code: 'WC_REFERENCE_NOT_BEFORE' }], 'a node of no path')
  t.match(at('{{ $(\'a\').item.json.x }}'), [{ code: 'WC_REFERENCE_NOT_BEFORE', message: /its own/ }])
  t.strictSame(at('{{ $(\'start\').item.json.x }}'), [])
  t.match(at('{{ 1 + }} {{ $(\'ghost\') }}').length > 0, true)
  t.match(at('{{ ' + '('.repeat(5000) + '1' + ')'.repeat(5000) + ' }}'), [{ code: /^WC_EXPRESSION_/ }])
  t.match(at('{{ ' + '1+'.repeat(524_288) + '1 }}'), [{ code: /^WC_EXPRESSION_/ }])
})

t.test('triggers', async t => {
  const webhook = (id: string, path: string, more: Record<string, unknown> = {}) => ({ id, type: 'webhook', parameters: { path, ...more } })
  const check = (stage: 'save' | 'publish', ...nodes: unknown[]) => validateDefinition({ nodes, connections: [], settings: {} }, registry, { stage })

  t.match(check('publish').errors, [{ code: 'WC_TRIGGER_MISSING' }])
  t.strictSame(check('save').errors, [])
  t.match(check('save').warnings, [{ code: 'WC_TRIGGER_MISSING' }])
  t.match(check('publish', { ...start, disabled: true }), { errors: [{ code: 'WC_TRIGGER_MISSING', message: /not disabled/ }], warnings: [{ code: 'WC_TRIGGER_DISABLED' }] })
  t.match(check('publish', webhook('w', 'orders')), { errors: [], warnings: [{ code: 'WC_WEBHOOK_OPEN', pointer: '/nodes/0/parameters' }] })

  const conflict = [webhook('a', 'orders/:id'), webhook('b', 'orders/:key', { method: ['GET', 'POST'] })]
  t.match(check('publish', ...conflict).errors, [{ code: 'WC_WEBHOOK_PATH_CONFLICT', pointer: '/nodes/1/parameters/path' }])
  t.strictSame(check('save', ...conflict).errors, [])
  t.strictSame(check('publish', webhook('a', 'orders/:id'), webhook('b', 'orders/all'), webhook('c', 'orders/:id', { method: 'GET' })).errors, [])
  t.strictSame(check('publish', webhook('a', 'orders'), { ...webhook('b', 'orders'), disabled: true }).errors, [])

  t.match(check('publish', webhook('a', 'x', { response: 'respondNode' })).errors, [{ code: 'WC_RESPOND_MISSING', pointer: '/nodes/0/parameters/response' }])
  t.strictSame(check('save', webhook('a', 'x', { response: 'respondNode' })).errors, [])
  t.ok(check('publish', webhook('a', 'x'), { id: 'r', type: 'respond' }).warnings.some(({ code }) => code === 'WC_RESPOND_UNUSED'))
  t.strictSame(check('publish', webhook('a', 'x', { response: 'respondNode' }), { id: 'r', type: 'respond' }).errors, [])
})

t.test('nodes that nothing leads to are named', async t => {
  const { warnings } = validateDefinition({ nodes: [start, ...noOps('a', 'b', 'c')], connections: [{ from: 'start', to: 'a' }, { from: 'b', to: 'c' }], settings: {} }, registry)
  t.strictSame(codesAt(warnings), ['WC_NODE_UNREACHABLE /nodes/2', 'WC_NODE_UNREACHABLE /nodes/3'])
})

t.test('settings that are kept without effect say so', async t => {
  const warnings = (settings: object) => codesAt(validateDefinition({ nodes: [start], connections: [], settings }, registry).warnings).filter(code => code.startsWith('WC_SETTING'))
  t.strictSame(warnings({ timeout: '5m', concurrency: { limit: 10 }, errorWorkflowId: null }), [])
})

t.test('a concurrency key is computed from what the trigger got', async t => {
  const errors = (concurrency: object) => codesAt(validateDefinition({ nodes: [start], connections: [], settings: { concurrency } }, registry).errors)
  t.strictSame(errors({ limit: 10, key: '{{ $json.body.customerId }}', keyLimit: 2 }), [])
  t.strictSame(errors({ key: 'all' }), [])
  t.strictSame(errors({}), ['WC_OUT_OF_RANGE /settings/concurrency'])
  t.strictSame(errors({ keyLimit: 2 }), ['WC_CONCURRENCY_KEY /settings/concurrency/keyLimit'])
  t.strictSame(errors({ key: '{{ $json. }}' }), ['WC_EXPRESSION_SYNTAX /settings/concurrency/key'])
  t.strictSame(errors({ key: "{{ $('start').item.json.id }}" }), ['WC_CONCURRENCY_KEY /settings/concurrency/key'])
  t.strictSame(errors({ key: 7 }), ['WC_WRONG_TYPE /settings/concurrency/key'])
})

t.test('every code is documented', async t => {
  const documented = readFileSync(new URL('../../docs/validation.md', import.meta.url), 'utf8')
  const sources = ['connections', 'expressions', 'flow', 'json-scalars', 'json-schema', 'nodes', 'report', 'settings', 'storable', 'triggers']
    .map(name => readFileSync(new URL(`../../src/engine/validation/${name}.ts`, import.meta.url), 'utf8')).join()
  const codes = new Set(sources.match(/WC_[A-Z_]+/g))
  t.ok(codes.size > 20)
  for (const code of codes) t.ok(documented.includes(`\`${code}\``), code)
})

t.test('the name of a workflow', async t => {
  const name = (value: unknown) => codesAt(validateDefinition({ name: value, nodes: [start] }, registry, { shape: WorkflowInput }).errors)
  t.strictSame(name('Orders'), [])
  t.strictSame(name('   '), ['WC_INVALID_FORMAT /name'])
  t.strictSame(name(''), ['WC_OUT_OF_RANGE /name'])
  t.strictSame(name('x'.repeat(256)), ['WC_OUT_OF_RANGE /name'])
  t.strictSame(name('😀'.repeat(255)), [])
  t.strictSame(name('x'.repeat(5 * 1024 * 1024)), ['WC_OUT_OF_RANGE /name'])
  t.strictSame(name(7), ['WC_WRONG_TYPE /name'])
})
