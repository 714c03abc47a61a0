import t from 'tap'
import type { JsonObject } from '../../../src/engine/item.ts'
import { set } from '../../../src/engine/nodes/set.ts'
import { nodeContext } from '../../support/node-context.ts'

async function run (json: JsonObject, fields: JsonObject, keep?: 'all' | 'none') {
  const { outputs } = await set.run(nodeContext({ items: [json], parameters: { fields, ...(keep && { keep }) } }))
  return outputs.main?.[0]
}

t.test('a patch holds the changed top-level fields only', async t => {
  t.same(await run({ a: 1, b: 2 }, { b: 3, c: 4 }), { from: 0, patch: { b: 3, c: 4 } })
  t.same(await run({ a: 1 }, {}), { from: 0, patch: {} })
  t.same(await run({ a: 1 }, { b: 2 }, 'none'), { from: 0, json: { b: 2 } })
})

t.test('paths lead into copies; the input stays as it was', async t => {
  const input = { customer: { name: 'Ada', address: { city: 'Rome' } }, lines: [{ price: 1 }, { price: 2 }], other: {} }
  const before = structuredClone(input)
  const output = await run(input, { 'customer.address.city': 'Oslo', 'lines.1.price': 3, 'lines.2': { price: 4 }, 'lines.2.price': 5 })
  t.same(output, {
    from: 0,
    patch: { customer: { name: 'Ada', address: { city: 'Oslo' } }, lines: [{ price: 1 }, { price: 3 }, { price: 5 }] }
  })
  t.same(input, before)
  t.equal((output?.patch?.lines as unknown[])[0], input.lines[0], 'what was not written into is shared')
})

t.test('a value is not written into by a later path', async t => {
  const value = { a: 1 }
  t.same(await run({}, { x: value, 'x.b': 2 }), { from: 0, patch: { x: { a: 1, b: 2 } } })
  t.same(value, { a: 1 })
})

t.test('what is missing on the way is made: a list where the next part is 0, else an object', async t => {
  t.same(await run({}, { 'a.b.c': 1, 'l.0.x': 1, 'l.1.x': 2, 'years.2030': 3 }), {
    from: 0, patch: { a: { b: { c: 1 } }, l: [{ x: 1 }, { x: 2 }], years: { 2030: 3 } }
  })
  t.same(await run({ a: 'text', n: null }, { 'a.b': 1, 'n.b': 1 }), { from: 0, patch: { a: { b: 1 }, n: { b: 1 } } })
  t.same(await run({ a: { b: 1 } }, { 'a.b.c': 1 }, 'none'), { from: 0, json: { a: { b: { c: 1 } } } }, 'keep none starts from nothing')
})

t.test('a list gets no gaps and no names', async t => {
  for (const name of ['l.2', 'l.4294967294', 'l.length', 'l.-1', 'l.01', 'l.map.x']) {
    await t.rejects(run({ l: [1] }, { [name]: 1 }), { code: 'WC_FIELD_PATH' }, name)
  }
})

t.test('nothing is written through what objects share', async t => {
  const { check } = set
  for (const name of ['__proto__', '__proto__.x', 'a.__proto__.x', 'constructor.prototype.x', 'a.prototype', '', '.a', 'a..b', 'a.', 'a.'.repeat(40) + 'a']) {
    const fields = JSON.parse(JSON.stringify([[name, 1]])) as [string, number][]
    const own = Object.fromEntries(fields)
    await t.rejects(run({}, own), { code: 'WC_FIELD_PATH' }, name)
    t.match(check?.({ fields: own }), [{ pointer: `/fields/${name}`, code: 'WC_FIELD_PATH' }])
  }
  t.equal(({} as { x?: unknown }).x, undefined)
  t.same(await run({}, { 'toString.x': 1 }), { from: 0, patch: { toString: { x: 1 } } }, 'inherited names are like any other')
  t.same(check?.({ fields: { 'a.0.b': 1 } }), [])
  t.match(check?.({ fields: { 'a/b..~': 1 } }), [{ pointer: '/fields/a~1b..~0' }])
})

t.test('each item has parameters of its own', async t => {
  const { outputs } = await set.run(nodeContext({ items: [{}, {}], parameters: index => ({ fields: { index } }) }))
  t.same(outputs.main, [{ from: 0, patch: { index: 0 } }, { from: 1, patch: { index: 1 } }])
})
