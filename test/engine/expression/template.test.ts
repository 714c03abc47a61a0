import t from 'tap'
import { compileParameters, compileTemplate, ExpressionSyntaxError, hasExpression } from '../../../src/engine/expression/index.ts'
import { NodeError } from '../../../src/engine/node-error.ts'
import { makeScope } from '../../support/expression-scope.ts'

function evaluate (text: string): unknown {
  return compileTemplate(text).evaluate(makeScope())
}

function syntaxError (text: string): ExpressionSyntaxError {
  try {
    compileTemplate(text)
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) return error
    throw error
  }
  throw new Error(`${text} compiled`)
}

t.test('one expression keeps its type, several parts make text', async (t) => {
  t.equal(evaluate('{{ $json.number }}'), 5)
  t.equal(evaluate('{{ $json.body.paid }}'), true)
  t.strictSame(evaluate('{{ $json.body.tags }}'), ['new', 'vip', 'new'])
  t.equal(evaluate('{{ $json.body.missing }}'), undefined)
  t.equal(evaluate('{{ 0 / 0 }}'), null)
  t.equal(evaluate('{{ () => 1 }}'), undefined)
  t.equal(evaluate(' {{ $json.number }}'), ' 5')
  t.equal(evaluate('{{ $json.number }}{{ $json.number }}'), '55')
  t.equal(evaluate('a{{ null }}b{{ undefined }}c{{ { a: [1] } }}d{{ [1, "x"] }}e{{ true }}'), 'abc{"a":[1]}d[1,"x"]etrue')
  t.equal(evaluate('at {{ $now }} on {{ new Date(0) }}'), 'at 2024-03-01T11:00:00.000+01:00 on 1970-01-01T00:00:00.000Z')
  t.equal(evaluate('plain { text }'), 'plain { text }')
  t.equal(compileTemplate('plain }}').isStatic, true)
  t.equal(compileTemplate('{{ 1 }}').isStatic, false)
  t.equal(hasExpression('a {{ b'), true)
  t.equal(hasExpression('a { b'), false)
})

t.test('the grammar finds the end of an expression', async (t) => {
  t.equal(evaluate('{{ "}}" + \'}}\' + `}}${1}}}` }}'), '}}}}}}1}}')
  t.strictSame(evaluate('{{ {a:{b:1}} }}'), { a: { b: 1 } })
  t.strictSame(evaluate('{{{a:{b:1}}}}'), { a: { b: 1 } })
  t.equal(evaluate('{{ (() => { if (true) { return 1 }})() }}'), 1)
  t.equal(evaluate('{{ /}}/.test("}}") }}'), true)
  t.equal(evaluate('{{ 1 /* }} */ }}'), 1)
  t.equal(evaluate('{{ 1 // why }}\n }}'), 1)
  t.equal(evaluate('{{ ((1)) ; }}'), 1)
  t.equal(evaluate("{{ '{{' }}"), '{{')
})

t.test('syntax errors say where, in the whole text', async (t) => {
  t.match(syntaxError('ab {{ 1 + }}'), { code: 'WC_EXPRESSION_SYNTAX', position: 10 })
  t.match(syntaxError('{{ }}'), { code: 'WC_EXPRESSION_SYNTAX', position: 0 })
  t.match(syntaxError('abc {{ $json.a'), { code: 'WC_EXPRESSION_SYNTAX', position: 4 })
  t.match(syntaxError('{{ 1 2 }}'), { code: 'WC_EXPRESSION_SYNTAX', position: 5 })
  t.match(syntaxError('{{ 1 }} {{ process.env }}'), { code: 'WC_EXPRESSION_NOT_ALLOWED', position: 11 })
  for (const source of ['this.a', 'async () => 1', 'function* () {}', 'class {}', 'import("fs")', 'new.target', 'a`b`', '({ get a () { return 1 } })', '10n', 'nope', 'x = 1',
    '(() => { a: for (;;) break a })()', '(() => { const a = 1; a = 2 })()', 'import.meta', '(() => { debugger })()', '(() => { with ({}) {} })()', 'super.x', '$jsno.a']) {
    t.match(syntaxError(`{{ ${source} }}`).code, /^WC_EXPRESSION_(NOT_ALLOWED|SYNTAX)$/, source)
  }
})

t.test('a template tells which nodes it names', async (t) => {
  const { references } = compileTemplate("{{ $('price').item.json.a }} {{ $node[\"stock\"].json.b + $node.third.json.c + $items('fourth').length }} {{ $($json.dynamic) }}")
  t.strictSame(references, [
    { nodeId: 'price', position: 3 },
    { nodeId: 'stock', position: 32 },
    { nodeId: 'third', position: 56 },
    { nodeId: 'fourth', position: 77 }
  ])
})

t.test('parameters: every string is compiled, every error told', async (t) => {
  const compiled = compileParameters({ url: 'https://x/{{ $json.body.id }}', list: ['{{ $json.number }}', { 'a/b~c': '{{ 1 + }}' }], code: 'return {{ }}', n: 1, bad: '{{ process }}' },
    { literals: new Set(['/code']) })
  t.match(compiled.errors, [
    { pointer: '/list/1/a~1b~0c', position: 7, code: 'WC_EXPRESSION_SYNTAX' },
    { pointer: '/bad', position: 3, code: 'WC_EXPRESSION_NOT_ALLOWED' }
  ])
  t.throws(() => compiled.evaluate(makeScope()), { code: 'WC_EXPRESSION_SYNTAX' })
})

t.test('parameters: what has no expression is shared and frozen', async (t) => {
  const parameters = { fixed: { deep: ['a', { b: 1 }] }, '{{ 1 }}': 'key', made: { value: '{{ $json.number }}', missing: '{{ $json.nope }}' }, list: ['{{ $json.nope }}'], from: "{{ $('price').first().json.label }}" }
  const compiled = compileParameters(parameters)
  t.strictSame(compiled.errors, [])
  t.strictSame(compiled.references, [{ nodeId: 'price', position: 3, pointer: '/from' }])
  const first = compiled.evaluate(makeScope()) as Record<string, unknown>
  const second = compiled.evaluate(makeScope()) as Record<string, unknown>
  t.strictSame(first, { fixed: { deep: ['a', { b: 1 }] }, '{{ 1 }}': 'key', made: { value: 5 }, list: [null], from: 'one' })
  t.equal(first.fixed, second.fixed)
  t.ok(Object.isFrozen((first.fixed as { deep: unknown }).deep))
  t.not(first.made, second.made)
  t.strictSame(parameters.made.value, '{{ $json.number }}', 'the given tree stays as it was')
})

t.test('parameters: a __proto__ key is a key', async (t) => {
  for (const text of ['{"__proto__": {"polluted": "{{ 1 }}"}}', '{"__proto__": {"polluted": 1}}']) {
    const value = compileParameters(JSON.parse(text)).evaluate(makeScope()) as object
    t.ok(Object.hasOwn(value, '__proto__'))
    t.equal(Object.getPrototypeOf(value), Object.prototype)
    t.equal((value as { polluted?: unknown }).polluted, undefined)
  }
  t.equal(('polluted' in {}), false)
})

t.test('parameters: a failure names the parameter', async (t) => {
  const compiled = compileParameters({ a: ['ok', 'x {{ $json.nope.deeper }}'] })
  try {
    compiled.evaluate(makeScope())
    t.fail('it should have thrown')
  } catch (error) {
    t.ok(error instanceof NodeError)
    t.match((error as NodeError).toStepError(), { code: 'WC_EXPRESSION_UNDEFINED', pointer: '/a/1', position: 5 })
  }
  let nested: unknown = '{{ 1 }}'
  for (let level = 0; level < 5000; level++) nested = [nested]
  t.match(compileParameters(nested).errors, [{ code: 'WC_EXPRESSION_TOO_DEEP' }])
})

t.test('results are data of their own kind', async (t) => {
  t.strictSame(evaluate('{{ { d: new Date(0), s: new Set([1]), m: new Map([["a", 1]]), f: () => 1, n: NaN, l: [() => 1, undefined, Infinity], t: $now } }}'),
    { d: '1970-01-01T00:00:00.000Z', s: [1], m: { a: 1 }, n: null, l: [null, null, null], t: '2024-03-01T11:00:00.000+01:00' })
  t.strictSame(evaluate("{{ $('price').all() }}"), [{ json: { amount: 1, label: 'one' } }, { json: { amount: 2, label: 'two' }, binary: { file: { fileId: 'f1', mimeType: 'text/plain', size: 3 } } }])
  t.throws(() => evaluate('{{ (() => { const a = []; a.push(a); return a })() }}'), { code: 'WC_EXPRESSION_RESULT' })
})
