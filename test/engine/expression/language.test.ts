import t from 'tap'
import { compileTemplate } from '../../../src/engine/expression/index.ts'
import { NodeError } from '../../../src/engine/node-error.ts'
import { JSON_INPUT, makeScope } from '../../support/expression-scope.ts'

/** What means here what it means in JavaScript: each is evaluated by both. */
const SAME_AS_JAVASCRIPT = `
$json.body.items[0].price * 1.2
1 + 2 * 3 ** 2 % 5 - -4 / 2
"5" * "2" + +"3"
'a' + 1 + null + undefined + true + [1, 2] + ({})
1 + null
[] + []
1 < 2 && 'b' > 'a' && 2 <= 2 && '10' < '9' && 10 >= 9
null == undefined && null !== undefined && 0 == '' && '1' == 1 && [1] == 1 && !(NaN == NaN)
5 & 3 | 8 ^ 1 << 2 >> 1 >>> 0
~5
typeof 1 + typeof '' + typeof null + typeof [] + typeof undefined + typeof (() => 1) + typeof true
void 0 ?? 'default'
0 || 'or'
0 ?? 'not'
'' && 'and'
$json.body.paid ? 'yes' : 'no'
$json?.nope?.deeper.still
$json.nope?.[0]
$json.nope?.call?.(1)
$json.body?.name
\`\${$json.body.name}: \${1 + 1} \${[1, 2]} \${null}\`
[1, ...[2, 3], ...'ab', ...new Set([4, 4])]
({ a: 1, 'b-c': 2, ['d' + 1]: 3, ...{ e: 4 }, ...null, $json: 5 })
Math.max(...[3, 9, 4]) + Math.min(2, 1) + Math.round(2.5) + Math.PI
(({ a, b: { c = 5 } = {}, ...rest }) => [a, c, rest])({ a: 1, x: 2, y: 3 })
(([first, , third = 'z', ...others]) => [first, third, others])([1, 2, undefined, 4, 5])
((a, b = a + 1, ...c) => [a, b, c])(1, undefined, 3, 4)
((a, b, c, d) => [a, b, c, d])(1, 2, 3, 4)
(function f (n) { return n < 2 ? 1 : n * f(n - 1) })(10)
(() => { let s = 0; for (let i = 0; i < 10; i++) { if (i === 5) continue; if (i > 7) break; s += i } return s })()
(() => { const out = []; for (const [k, v] of Object.entries({ a: 1, b: 2 })) out.push(k + v); return out })()
(() => { const out = []; for (const k in { a: 1, b: 2 }) out.push(k); return out })()
(() => { const fs = []; for (const x of [1, 2, 3]) fs.push(() => x); return fs.map(f => f()) })()
(() => { let n = 0; while (true) { if (++n > 3) break } do { n-- } while (n > 0); return n })()
(() => { switch (5) { case 1: return 'one'; case 5: case 6: return 'five'; default: return 'x' } })()
(() => { try { throw new Error('boom') } catch (e) { return e.message } finally { 1 } })()
(() => { try { return 'try' } finally { 2 } })()
(() => { const a = add(1, 2); function add (x, y) { return x + y } return a })()
(() => { const even = n => n === 0 || odd(n - 1); const odd = n => n !== 0 && even(n - 1); return even(10) })()
(() => { let a = 1, b = 2; [a, b] = [b, a]; a += 10; b ??= 5; b **= 2; return [a, b, a++, --b] })()
(() => { const o = { n: 1 }; o.n += 4; o['m'] = 2; delete o.n; return o })()
(() => { const a = [3, 1, 2]; a.sort(); a.reverse(); a.push(9, 8); a.unshift(0); a.splice(1, 2, 'x'); return [a, a.pop(), a.shift(), a.length] })()
(1, 2, 3)
'b' in { b: 1 } && 0 in [1] && !('c' in { b: 1 })
[] instanceof Array && new Date(0) instanceof Date && !([] instanceof Date)
$json.body.items.filter(i => i.price > 5).map(i => i.price * i.quantity).reduce((a, b) => a + b, 0)
$json.body.items.reduce((acc, { sku, price }) => { acc[sku] = price; return acc }, {})
$json.body.items.reduce((acc, { sku, price }) => ({ ...acc, [sku]: price }), {})
[3, 10, 2, undefined, 1].sort()
[3, 10, 2].sort((a, b) => b - a)
[1, [2, [3, [4]]]].flat(Infinity)
[1, 2].flatMap(x => [x, [x * 2]])
[1, 2, 3, 4].findLast(x => x % 2) + [1, 2, 3].findIndex(x => x === 2) + [1, 2].indexOf(2) + [1, 2, 1].lastIndexOf(1)
[5, 6].some(x => x > 5) && [5, 6].every(x => x > 4) && [NaN].includes(NaN)
['1', '2', '3'].map(Number).concat(4, [5], [[6]])
[0, 1, '', 'a', null].filter(Boolean)
Array.from({ length: 3 }, (_, i) => i * 2).concat(Array.of(7)).fill(1, 1, 2)
[1, 2, 3].at(-1) + [1, 2, 3].slice(-2).join('+') + [1, 2, 3].with(0, 9) + [2, 1].toSorted() + [2, 1].toReversed()
[1, 2, 3].reduceRight((a, b) => a + '-' + b)
Object.keys({ a: 1, b: 2 }).concat(Object.values({ a: 1 }), Object.entries({ z: 1 }).flat())
Object.fromEntries([['a', 1], ['b', 2]])
Object.assign({}, { a: 1 }, { b: 2 }, null)
JSON.stringify({ a: [1, 'x', null, undefined, () => 1], d: new Date(0), u: undefined, n: NaN }) + JSON.stringify([1], null, 2)
JSON.parse('{"a":[1,{"b":null}]}')
'Hello World'.match(/(\\w+) (?<second>\\w+)/).groups.second
'a1b22c'.match(/\\d+/g)
'none'.match(/\\d/)
[...'a1b22'.matchAll(/[a-z](\\d+)/g)].map(m => m[1] + m.index)
'a-b_c'.split(/[-_]/).concat('a,b'.split(','), 'abc'.split(''), 'a1b'.split(/(\\d)/), 'abc'.split('', 2))
'foo bar'.replace(/o/g, '0').replace('f', x => x.toUpperCase()).replace(/(b)(a)/, '$2$1[$&]$$')
'aXbX'.replaceAll('X', '-') + 'x.y'.replaceAll(/[.]/g, '')
/^\\d{3}$/.test('123') && !/A/.test('a') && /A/i.test('a') && /^b/m.test('a\\nb')
'abc'.search(/c/) + 'abc'.indexOf('c') + 'abcabc'.lastIndexOf('b')
/(\\d+)/.exec('a12').index
' pad '.trim().padStart(5, '*').padEnd(7).toUpperCase().repeat(2)
'abc'.at(-1) + 'abc'.charAt(1) + 'abc'[0] + 'abc'.length + 'a'.charCodeAt(0) + 'abc'.slice(1) + 'abc'.substring(0, 1) + 'abc'.substr(-2, 1)
'abc'.includes('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c') && 'a'.localeCompare('b') < 0
(3.14159).toFixed(2) + (255).toString(16) + (1234.5).toPrecision(3) + Number('12') + Number.isInteger(5) + parseInt('12px') + parseFloat('1.5e3x')
isNaN('x') && isFinite('5') && Number.isNaN(NaN) && !Number.isNaN('x')
encodeURIComponent('a b&c') + decodeURIComponent('%20') + encodeURI('a b/c') + btoa('hi') + atob('aGk=')
String.fromCharCode(72, 105) + String(null) + String([1, [2]])
[...new Set([1, 2, 2])].length + new Map([['a', 1]]).get('a') + new Set([1]).size
new Date(0).toISOString() + new Date('2024-01-01').getTime() + new Date('2024-01-01T00:00:00+02:00').toISOString() + Date.UTC(2020, 1, 29)
new URL('https://a.example/p?q=1#h').searchParams.get('q') + new URL('/x', 'https://a.example').href
({ toString: 5, constructor: 6, valueOf: 7 }).constructor
({}).constructor === 1
`.trim().split('\n')

/** JSON, as results are; a description of what JSON has no word for. */
function comparable (value: unknown): unknown {
  return value === undefined ? 'undefined' : JSON.parse(JSON.stringify(value))
}

t.test('expressions mean what they mean in JavaScript', async (t) => {
  for (const source of SAME_AS_JAVASCRIPT) {
    // eslint-disable-next-line no-new-func -- the language itself is the oracle
    const native: unknown = new Function('$json', `return (${source})`)(structuredClone(JSON_INPUT))
    const ours = compileTemplate(`{{ ${source} }}`).evaluate(makeScope())
    t.strictSame(comparable(ours), comparable(native), source)
  }
})

function failure (source: string): NodeError {
  try {
    compileTemplate(`{{ ${source} }}`).evaluate(makeScope())
  } catch (error) {
    if (error instanceof NodeError) return error
    throw error
  }
  throw new Error(`${source} did not fail`)
}

t.test('a read of what is not there names the path and its place', async (t) => {
  const error = failure('$json.body.missing.deeper')
  t.equal(error.code, 'WC_EXPRESSION_UNDEFINED')
  t.equal(error.message, 'Cannot read "deeper": $json.body.missing is undefined')
  t.equal(error.detail.position, 3)
  t.equal(failure('$json.body.items.find(i => i.price > 99).sku').code, 'WC_EXPRESSION_UNDEFINED')
  t.equal(failure('$json.body.nothing.x').code, 'WC_EXPRESSION_UNDEFINED')
  t.equal(failure('$json.body.nothing()').code, 'WC_EXPRESSION_TYPE')
  t.equal(failure('$json.body.name.nope()').code, 'WC_EXPRESSION_TYPE')
  t.equal(failure("$('ghost').first().json").code, 'WC_EXPRESSION_NODE')
  t.match(failure("(() => { throw new Error('boom') })()"), { code: 'WC_EXPRESSION_THROWN', message: 'boom' })
})

t.test('input data never changes', async (t) => {
  const scope = makeScope()
  const run = (source: string): unknown => compileTemplate(`{{ ${source} }}`).evaluate(scope)
  t.strictSame(run('$json.body.tags.sort()'), ['new', 'new', 'vip'])
  t.strictSame(run('$json.body.tags.reverse()'), ['new', 'vip', 'new'])
  t.equal(run('$json.body.tags.pop()'), 'new')
  t.equal(run('$json.body.tags.shift()'), 'new')
  t.equal(run("$json.body.tags.push('x')"), 4)
  t.strictSame(run('$json.body.tags.splice(0, 1)'), ['new'])
  t.strictSame(run('$json.body.tags.fill(0)'), [0, 0, 0])
  t.strictSame(run("$json.body.tags['so' + 'rt']()"), ['new', 'new', 'vip'])
  for (const source of ['$json.x = 1', '$json.body.items[0].price += 1', 'delete $json.body', '(() => { const b = $json.body; b.id++ })()',
    '(() => { const copy = { ...$json }; copy.body.id = 9 })()', '$json.body.items.map(i => { i.price = 0; return i })']) {
    t.match(failure(source).code, /^WC_EXPRESSION_(READ_ONLY|TYPE)$/, source)
    t.throws(() => run(source))
  }
  t.strictSame(scope.json, JSON_INPUT)
})

t.test('methods are called, never taken as values', async (t) => {
  const run = (source: string): unknown => compileTemplate(`{{ ${source} }}`).evaluate(makeScope())
  for (const source of ['$json.body.tags.map', "''.trim", '(() => 1).call', 'Object.keys', '(() => 1).name', "[]['filter']", 'Math.constructor', 'JSON.__proto__',
    '(new Date()).constructor', 'new Map().__proto__', "$('price').constructor", '$now.constructor', '$now.ts.constructor', '/a/.constructor', '$input.view', "$('price').id", '$now._zone']) {
    t.equal(run(source), undefined, source)
  }
  t.strictSame(run('(({ map, length }) => [map, length])([1])'), [null, 1])
})

t.test('own keys with dangerous names are data', async (t) => {
  const json = JSON.parse('{"__proto__": {"x": 1}, "constructor": "c", "toString": "t", "keys": 5}') as Record<string, unknown>
  const run = (source: string): unknown => compileTemplate(`{{ ${source} }}`).evaluate(makeScope({ json }))
  t.equal(run('$json.__proto__.x'), 1)
  t.equal(run('$json.constructor'), 'c')
  t.equal(run('$json.toString'), 't')
  const copy = run('({ ...$json, b: 1 })') as object
  t.ok(Object.hasOwn(copy, '__proto__'))
  t.equal(Object.getPrototypeOf(copy), Object.prototype)
  const made = run("Object.fromEntries([['__proto__', { polluted: 1 }]])") as object
  t.equal(Object.getPrototypeOf(made), Object.prototype)
  t.equal(('polluted' in {}), false)
})
