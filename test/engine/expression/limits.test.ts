import t from 'tap'
import { compileTemplate, DEFAULT_LIMITS, ExpressionSyntaxError } from '../../../src/engine/expression/index.ts'
import { NodeError } from '../../../src/engine/node-error.ts'
import { makeScope } from '../../support/expression-scope.ts'
import { cpuTime } from '../../support/cpu-time.ts'

function codeOf (source: string, scope = makeScope()): string {
  try {
    compileTemplate(`{{ ${source} }}`).evaluate(scope)
    return 'none'
  } catch (error) {
    return error instanceof NodeError || error instanceof ExpressionSyntaxError ? error.code : `not typed: ${String(error)}`
  }
}

const TOO_DEEP: Readonly<Record<string, string>> = {
  parentheses: '('.repeat(5000) + '1' + ')'.repeat(5000),
  lists: '['.repeat(5000) + ']'.repeat(5000),
  objects: '{a:'.repeat(5000) + '1' + '}'.repeat(5000),
  templates: '`${'.repeat(5000) + '1' + '}`'.repeat(5000),
  negations: '!'.repeat(60_000) + '1',
  'prefix words': 'typeof '.repeat(9000) + '1',
  arrows: 'a=>'.repeat(20_000) + '1',
  conditionals: '1?1:'.repeat(15_000) + '1',
  sums: '1+'.repeat(30_000) + '1',
  powers: '2**'.repeat(20_000) + '1',
  alternatives: '1||'.repeat(20_000) + '1',
  assignments: 'x='.repeat(20_000) + '1',
  new: 'new '.repeat(15_000) + 'Date',
  members: '$json' + '.a'.repeat(30_000),
  'optional members': '$json' + '?.a'.repeat(20_000),
  calls: '$json' + '()'.repeat(30_000),
  patterns: '((' + '['.repeat(5000) + ']'.repeat(5000) + ')=>1)()',
  statements: '(()=>{' + 'if(1)'.repeat(10_000) + '1})()',
  blocks: '(()=>{' + '{'.repeat(10_000) + '}'.repeat(10_000) + '})()',
  groups: '/' + '('.repeat(20_000) + ')'.repeat(20_000) + '/'
}

t.test('source is bounded before it is parsed', async (t) => {
  for (const [name, source] of Object.entries(TOO_DEEP)) {
    const start = cpuTime()
    t.equal(codeOf(source), 'WC_EXPRESSION_TOO_DEEP', name)
    t.ok(cpuTime() - start < 1000, `${name}: at once`)
  }
  t.equal(codeOf('1+'.repeat(524_288) + '1'), 'WC_EXPRESSION_TOO_LONG')
  t.equal(codeOf(`"${'x'.repeat(65_536)}"`), 'WC_EXPRESSION_TOO_LONG')
  t.equal(codeOf(`["}}",${'1,'.repeat(40_000)}]`), 'WC_EXPRESSION_TOO_LONG', 'braces within do not hide the length')
  t.equal(codeOf(`"${'x'.repeat(65_000)}"`), 'none')
  t.equal(codeOf('('.repeat(200) + '1' + ')'.repeat(200)), 'none')
  t.equal(codeOf(Array(500).fill('1').join('+')), 'none')
})

/** Each would take the process down, or hold it, if it were done first and measured after. */
const AMPLIFIERS = [
  "'x'.repeat(2 ** 28)", "'x'.padStart(1e9)", "(() => { let s = 'x'; for (;;) s = s + s })()", "(() => { let s = 'x'; for (;;) s = `${s}${s}` })()",
  'Array(1e9)', 'Array.from({ length: 1e9 })', "[...'x'.repeat(4e6)]", "'x'.repeat(4e6).split('')", "Array(100).fill('x'.repeat(4e6)).join()",
  "'x'.repeat(2000).replaceAll('x', 'y'.repeat(4e6))", "'x'.repeat(2000).replace(/x/g, \"$'$'$'$'\")", "'x'.repeat(2000).replace(/x/g, '$<$<'.repeat(1e5))",
  "'x'.concat(...Array(1e6).fill('x'.repeat(1000)))", 'Array(1e6).fill(0).map(() => Array(1e6))',
  '(() => { let a = [0]; for (let i = 0; i < 40; i++) a = [].concat(a, a); return a.length })()',
  '(() => { let a = [0]; for (let i = 0; i < 40; i++) a = [a, a]; return a })()',
  'JSON.stringify((() => { let a = [0]; for (let i = 0; i < 40; i++) a = [a, a]; return a })())',
  'String((() => { let a = [0]; for (let i = 0; i < 40; i++) a = [a, a]; return a })())',
  '(() => { let a = [0]; for (let i = 0; i < 40; i++) a = [a, a]; return a.flat(Infinity) })()',
  "JSON.parse('['.repeat(2e5) + ']'.repeat(2e5))", "JSON.parse('[' + '0,'.repeat(2e6) + '0]')",
  '(() => { for (;;) {} })()', '(() => { while (true) { try { for (;;) {} } catch (e) {} } })()', "(() => { try { for (;;) {} } finally { return 'survived' } })()",
  '(function f () { return f() })()', "(() => { try { (function f () { f() })() } catch (e) { return 'survived' } })()", '(() => { const f = n => [1].map(() => f(n + 1)); return f(0) })()',
  '(() => { const a = []; for (;;) a.push(1) })()', '(() => { const a = []; for (;;) a.unshift(1) })()', '(() => { const s = new Set(); let i = 0; for (;;) s.add(i++) })()',
  '(() => { let o = {}, i = 0; for (;;) o = { ...o, [i++]: 1 } })()', '(() => { const o = {}; let i = 0; for (;;) o[i++] = 1 })()',
  '[1,2,3,4,5,6,7,8].flatMap(a => Array(50).fill(0).flatMap(b => Array(500).fill(0).flatMap(c => Array(500).fill(0))))',
  "(() => { for (;;) new Date().toLocaleString('de-DE', { timeZone: 'Asia/Tokyo' }) })()", '(() => { for (;;) $now.plus({ days: 1 }).toFormat("yyyy") })()',
  'Interval.fromDateTimes("2000-01-01", "2024-01-01").splitBy({ milliseconds: 1 })',
  "'x'.repeat(1e5).match(/x*y|x/g)", "'ab'.repeat(2e6).match(/([ab]{1,50}){1,10}c/)", "'Aa'.repeat(1e6).toSnakeCase()",
  "(() => { const s = 'x'.repeat(4e6); for (;;) s.indexOf('yy') })()"
]

t.test('work is paid for before it is done', async (t) => {
  for (const source of AMPLIFIERS) {
    const start = cpuTime()
    t.equal(codeOf(source), 'WC_EXPRESSION_LIMIT', source)
    const elapsed = cpuTime() - start
    t.ok(elapsed < DEFAULT_LIMITS.time + 250, `${source} ends in time (${Math.round(elapsed)} ms)`)
  }
  t.ok(process.memoryUsage().rss < 600e6)
})

t.test('patterns that make others backtrack take linear time', async (t) => {
  const start = cpuTime()
  t.equal(codeOf("'a'.repeat(5e4).match(/(a+)+$/) && /^(a|a)*b$/.test('a'.repeat(5e4)) && /(x+x+)+y/.test('x'.repeat(5e4))"), 'none')
  t.equal(codeOf("DateTime.fromFormat('1'.repeat(100), 'SuSuSuSuSuSuSu')"), 'WC_EXPRESSION_TYPE')
  t.ok(cpuTime() - start < 1500)
  t.equal(codeOf('/(?:\\pL{1,1000}){9}/.test("a")'), 'WC_EXPRESSION_SYNTAX')
  t.equal(codeOf('new RegExp("(?=a)")'), 'WC_EXPRESSION_REGEX')
  t.equal(codeOf('/(?=a)b/.test("b")'), 'WC_EXPRESSION_SYNTAX')
  t.equal(codeOf('/(a)\\1/.test("aa")'), 'WC_EXPRESSION_SYNTAX')
})

t.test('a scope sets its own limits', async (t) => {
  t.equal(codeOf('Array(5000).fill(0).map(x => x)', makeScope({ limits: { steps: 1000 } })), 'WC_EXPRESSION_LIMIT')
  t.equal(codeOf("'x'.repeat(5000)", makeScope({ limits: { allocation: 1000 } })), 'WC_EXPRESSION_LIMIT')
  const start = cpuTime()
  t.equal(codeOf('(() => { for (;;) [1].map(x => x) })()', makeScope({ limits: { time: 5, steps: 1e9, allocation: 1e12 } })), 'WC_EXPRESSION_LIMIT')
  t.ok(cpuTime() - start < 100)
})

t.test('a host that evaluates within an evaluation finds its own budget again', async (t) => {
  const inner = compileTemplate('{{ $json.number * 2 }}')
  const scope = makeScope({ input: () => ({ all: () => [], first: () => undefined, last: () => undefined, item: { json: { inner: inner.evaluate(makeScope()) } } }) })
  t.equal(compileTemplate('{{ [1, 2].map(n => n + $input.item.json.inner).sum() + $json.number }}').evaluate(scope), 28)
})
