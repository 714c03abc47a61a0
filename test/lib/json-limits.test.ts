import fc from 'fast-check'
import t from 'tap'
import { exceededJsonLimit, MAX_DEPTH, MAX_PROPERTIES } from '../../src/lib/json-limits.ts'

const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth)
const wide = (count: number): string => `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join()}}`

t.test('depth: as deep as allowed passes, one more does not', async t => {
  t.equal(exceededJsonLimit(nested(MAX_DEPTH)), undefined)
  t.match(exceededJsonLimit(nested(MAX_DEPTH + 1)), /deeper/)
  t.match(exceededJsonLimit('{"a":'.repeat(MAX_DEPTH + 1)), /deeper/)
  t.match(exceededJsonLimit('['.repeat(1_000_000)), /deeper/)
  t.equal(exceededJsonLimit(`[${'[],'.repeat(1000)}[]]`), undefined)
})

t.test('properties of one object, wherever it stands; not those of all objects, nor items of a list', async t => {
  t.equal(exceededJsonLimit(wide(MAX_PROPERTIES)), undefined)
  t.match(exceededJsonLimit(wide(MAX_PROPERTIES + 1)), /properties/)
  t.match(exceededJsonLimit(`[[{"a":[1,2,{"b":1}],"c":${wide(MAX_PROPERTIES + 1)}}]]`), /properties/)
  t.equal(exceededJsonLimit(`[${Array(3).fill(wide(MAX_PROPERTIES - 1)).join()}]`), undefined)
  t.equal(exceededJsonLimit(`[${'1,'.repeat(MAX_PROPERTIES * 2)}1]`), undefined)
  t.match(exceededJsonLimit(`{${'"a":[1,2,{}],'.repeat(MAX_PROPERTIES)}"b":1}`), /properties/)
})

t.test('brackets and commas in strings do not count, however they are escaped', async t => {
  for (const text of ['[[[{{,,,', '\\', '\\\\', '"', '\\"[', '"\\"\\\\"[[', '\u2028']) {
    t.equal(exceededJsonLimit(JSON.stringify({ [text.repeat(100)]: text.repeat(100) })), undefined)
  }
  t.match(exceededJsonLimit(`["\\\\",${nested(MAX_DEPTH)}]`), /deeper/, 'an escaped backslash ends no escape')
})

t.test('any JSON within the limits passes', async t => {
  fc.assert(fc.property(fc.json({ maxDepth: 20 }), text => exceededJsonLimit(text) === undefined))
  t.pass()
})

t.test('any text at all is looked through in linear time', async t => {
  fc.assert(fc.property(fc.string(), text => { exceededJsonLimit(text) }))
  for (const text of ['"'.repeat(2_000_000), '\\'.repeat(2_000_000), '"\\'.repeat(1_000_000), `"${'\\'.repeat(2_000_000)}"`, '{"a":"\\"'.repeat(300_000), ']'.repeat(2_000_000)]) {
    const before = process.cpuUsage().user
    exceededJsonLimit(text)
    t.ok(process.cpuUsage().user - before < 500_000)
  }
})
