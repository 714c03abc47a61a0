import t from 'tap'
import { compare, operatorNames } from '../../../src/engine/nodes/operators.ts'
import { cpuTime } from '../../support/cpu-time.ts'

const STRICT = { loose: false, ignoreCase: false }
const LOOSE = { loose: true, ignoreCase: false }
const FOLDED = { loose: false, ignoreCase: true }

type Case = readonly [left: unknown, operator: string, right: unknown]

const HOLD: readonly Case[] = [
  [1, 'equals', 1], ['a', 'equals', 'a'], [null, 'equals', null], [{ a: [1] }, 'equals', { a: [1] }], [1, 'notEquals', '1'],
  ['abc', 'contains', 'b'], [[1, { a: 2 }], 'contains', { a: 2 }], ['b', 'notStartsWith', 'a'], [5, 'notStartsWith', '5'], ['b', 'notEndsWith', 'a'], ['a', 'notMatches', '^b'],
  ['2030-01-01', 'before', '2030-01-01T00:00:01Z'], ['2030-01-02T00:00:00Z', 'after', new Date(0)],
  ['abc', 'lengthEquals', 3], [[1, 2], 'lengthGt', 1], [{ a: 1 }, 'lengthGte', 1], ['', 'lengthLt', 1], [[], 'lengthLte', 0],
  [{ a: { b: null } }, 'hasKey', 'a.b'], [{ 'a.b': 1 }, 'hasKey', 'a.b'], [['x'], 'hasKey', 0], [{ a: 1 }, 'notHasKey', 'b'], [{}, 'notHasKey', 'toString'],
  [['1'], 'notContains', 1], [5, 'notContains', 5],
  ['abc', 'startsWith', 'a'], ['abc', 'endsWith', 'c'], ['order-12', 'matches', '^order-[0-9]+$'], ['xay', 'matches', 'a'],
  [2, 'gt', 1], [2, 'gte', 2], [1, 'lt', 2], [2, 'lte', 2],
  ['2030-01-02', 'gt', '2030-01-01T23:59:59Z'], ['2030-01-01T00:00:00+02:00', 'lt', '2030-01-01T00:00:00Z'], [new Date(5), 'gt', new Date(4)],
  [{ toMillis: () => 5 }, 'gt', '1969-12-31'], [new Date(0), 'equals', '1970-01-01T00:00:00.000Z'],
  [0, 'exists', undefined], [undefined, 'notExists', undefined], [null, 'notExists', undefined],
  ['', 'isEmpty', undefined], [[], 'isEmpty', undefined], [{}, 'isEmpty', undefined], [undefined, 'isEmpty', undefined], [0, 'isNotEmpty', undefined],
  [true, 'isTrue', undefined], [false, 'isFalse', undefined], ['a', 'in', ['a', 'b']], ['c', 'notIn', ['a', 'b']], ['1', 'notIn', [1]]
]

const FAIL: readonly Case[] = [
  [1, 'equals', '1'], [null, 'equals', undefined], [[1], 'equals', { 0: 1 }], [{ a: 1 }, 'equals', { b: 1 }], [{}, 'equals', { toString: 1 }], [NaN, 'equals', NaN],
  [123, 'contains', '2'], ['abc', 'contains', undefined], [{ a: 1 }, 'contains', 'a'], ['b', 'matches', '^a'], [1, 'matches', '1'],
  ['soon', 'before', '2030-01-01'], [5, 'after', '1970-01-01'], [undefined, 'before', '2030-01-01'], ['2030-01-01', 'after', null],
  [5, 'lengthEquals', 1], ['a', 'lengthEquals', '1'], [undefined, 'lengthLt', 5], [new Date(0), 'lengthEquals', 0],
  [{}, 'hasKey', '__proto__'], [{}, 'hasKey', 'constructor.name'], ['abc', 'hasKey', 'length'], [null, 'hasKey', 'a'], [{ a: 1 }, 'hasKey', undefined],
  ['2', 'gt', 1], [2, 'gt', '1'], ['b', 'gt', 'a'], [undefined, 'lt', 1], [NaN, 'lt', 1], ['2030', 'gt', '2029'], [5, 'lt', '2030-01-01'], [{ valueOf: 1 }, 'gt', 0],
  [{ toMillis: 5 }, 'gt', '1969-12-31'],
  ['true', 'isTrue', undefined], [1, 'isTrue', undefined], [0, 'isFalse', undefined], ['a', 'in', 'abc'], ['a', 'in', undefined]
]

t.test('strict comparisons look at types too', async t => {
  for (const [left, operator, right] of HOLD) t.equal(compare(left, operator, right, STRICT), true, `${JSON.stringify(left)} ${operator} ${JSON.stringify(right)}`)
  for (const [left, operator, right] of FAIL) t.equal(compare(left, operator, right, STRICT), false, `not: ${JSON.stringify(left)} ${operator} ${JSON.stringify(right)}`)
  t.same(new Set(HOLD.map(([, operator]) => operator)), new Set(operatorNames), 'every operator is tried')
})

t.test('loose comparisons convert', async t => {
  const hold: readonly Case[] = [
    [1, 'equals', '1'], ['1.0', 'equals', 1], [true, 'equals', 'TRUE'], [0, 'equals', false], [null, 'equals', ''], ['5', 'gt', 4], [123, 'contains', 2], [86_400_000, 'after', '1970-01-01'], ['abc', 'lengthEquals', '3'],
    ['yes', 'notEquals', true], ['true', 'isTrue', undefined], [0, 'isFalse', undefined], ['b', 'in', 'a, b'], ['1', 'in', [1]], [12, 'matches', '^1']
  ]
  for (const [left, operator, right] of hold) t.equal(compare(left, operator, right, LOOSE), true, `${JSON.stringify(left)} ${operator} ${JSON.stringify(right)}`)
  for (const [left, operator, right] of [['', 'equals', 0], [{}, 'equals', '[object Object]'], ['x', 'gt', 1], ['', 'lt', 1]] as const) {
    t.equal(compare(left, operator, right, LOOSE), false, `not: ${JSON.stringify(left)} ${operator} ${JSON.stringify(right)}`)
  }
})

t.test('case counts unless it is ignored', async t => {
  for (const [left, operator, right] of [['A', 'equals', 'a'], ['ABC', 'contains', 'b'], [['A'], 'contains', 'a'], ['ABC', 'startsWith', 'aB'], ['ABC', 'matches', '^b?abc'], ['A', 'in', ['a']]] as const) {
    t.equal(compare(left, operator, right, STRICT), false)
    t.equal(compare(left, operator, right, FOLDED), true, operator)
  }
})

t.test('patterns take linear time, and are refused with a reason', async t => {
  const started = cpuTime()
  t.equal(compare('a'.repeat(50_000) + 'b', 'matches', '^(a+)+$', STRICT), false)
  t.ok(cpuTime() - started < 2000)
  for (const pattern of ['(', '(?=a)', '\\1', '('.repeat(1001), '(a{1000}){1000}']) {
    t.throws(() => compare('a', 'matches', pattern, STRICT), { code: 'WC_CONDITION_PATTERN' }, pattern.slice(0, 20))
  }
  t.throws(() => compare('a'.repeat(300_000), 'matches', 'b', STRICT), { code: 'WC_CONDITION_PATTERN' })
  t.throws(() => compare(1, 'constructor', 1, STRICT), { code: 'WC_CONDITION' })
})
