import t from 'tap'
import type { Static } from '@sinclair/typebox'
import type { JsonObject } from '../../../src/engine/item.ts'
import { merge } from '../../../src/engine/nodes/merge.ts'
import { nodeContext } from '../../support/node-context.ts'

type Parameters = Static<typeof merge.parameters>

async function run (parameters: JsonObject, inputs: Record<string, readonly JsonObject[]>) {
  const { outputs } = await merge.run(nodeContext<Parameters>({ inputs, parameters }))
  return outputs.main ?? []
}

const a = [{ id: 1, x: 'a1' }, { id: 2, x: 'a2' }]
const b = [{ id: 2, x: 'b2', y: 1 }, { id: 3, x: 'b3', y: 2 }, { id: 2, x: 'b4', y: 3 }]

t.test('inputs are called a, b, c and so on', async t => {
  t.same(merge.inputs({}), ['a', 'b'])
  t.same(merge.inputs({ inputs: 4 }), ['a', 'b', 'c', 'd'])
  t.equal(merge.inputs({ inputs: 26 }).at(-1), 'z')
  for (const inputs of [1, 27, 1e9, 2.5, '3', null]) t.same(merge.inputs({ inputs }), ['a', 'b'])
})

t.test('append takes all, in the order of the inputs; a dead input adds nothing', async t => {
  t.same(await run({}, { a, b }), [0, 1, 2, 3, 4].map(from => ({ from })))
  t.same(await run({ mode: 'append', inputs: 3 }, { a: [], b, c: a }), [0, 1, 2, 3, 4].map(from => ({ from })))
  t.same(await run({}, { a: [], b: [] }), [])
})

t.test('chooseBranch takes one input', async t => {
  t.same(await run({ mode: 'chooseBranch' }, { a: [], b }), [{ from: 0 }, { from: 1 }, { from: 2 }])
  t.same(await run({ mode: 'chooseBranch', branch: 'b' }, { a, b: [{}] }), [{ from: 2 }])
  t.same(await run({ mode: 'chooseBranch', branch: 'a' }, { a: [], b }), [])
})

t.test('combineByPosition pairs items up to the shortest or the longest input', async t => {
  t.same(await run({ mode: 'combineByPosition' }, { a, b }), [{ from: [0, 2], patch: b[0] }, { from: [1, 3], patch: b[1] }])
  t.same(await run({ mode: 'combineByPosition', join: 'outer' }, { a, b }), [
    { from: [0, 2], patch: b[0] }, { from: [1, 3], patch: b[1] }, { from: [4] }
  ])
  t.same(await run({ mode: 'combineByPosition', inputs: 3 }, { a: [{ p: 1 }], b: [{ p: 2, q: 2 }], c: [{ q: 3 }] }), [
    { from: [0, 1, 2], patch: { p: 2, q: 3 } }
  ])
})

t.test('combineByKey joins as databases do', async t => {
  const joined = [{ from: [1, 2], patch: b[0] }, { from: [1, 4], patch: b[2] }]
  const parameters = { mode: 'combineByKey', key: 'id' }
  t.same(await run(parameters, { a, b }), joined)
  t.same(await run({ ...parameters, join: 'left' }, { a, b }), [{ from: [0] }, ...joined])
  t.same(await run({ ...parameters, join: 'right' }, { a, b }), [...joined, { from: [3] }])
  t.same(await run({ ...parameters, join: 'outer' }, { a, b }), [{ from: [0] }, ...joined, { from: [3] }])
  t.same(await run({ mode: 'combineByKey', keyA: 'k.id', keyB: 'id' }, { a: [{ k: { id: 3 } }], b }), [{ from: [0, 2], patch: b[1] }])
})

t.test('keys of other types, missing keys and inherited names match nothing', async t => {
  const parameters = { mode: 'combineByKey', key: 'id' }
  for (const id of ['2', null, undefined, [2], { toString: 2 }]) t.same(await run(parameters, { a: [{ id }], b: [{ id: 2 }, {}, { id: null }] }), [], JSON.stringify(id))
  t.same(await run({ mode: 'combineByKey', key: 'constructor.name' }, { a, b }), [])
  t.same(await run({ mode: 'combineByKey', key: '__proto__' }, { a, b }), [])
})

t.test('clashes', async t => {
  const inputs = { a: [{ id: 1, x: 'a' }], b: [{ id: 2, y: 'b' }] }
  t.same(await run({ mode: 'allPairs', clash: 'preferB' }, inputs), [{ from: [0, 1], patch: { id: 2, y: 'b' } }])
  t.same(await run({ mode: 'allPairs', clash: 'preferA' }, inputs), [{ from: [0, 1], patch: { y: 'b' } }])
  t.same(await run({ mode: 'allPairs', clash: 'suffix' }, inputs), [{ from: [0, 1], json: { id_a: 1, x: 'a', id_b: 2, y: 'b' } }])
})

t.test('allPairs makes every combination, and no more than the limit', async t => {
  t.same((await run({ mode: 'allPairs' }, { a, b })).map(({ from }) => from), [[0, 2], [0, 3], [0, 4], [1, 2], [1, 3], [1, 4]])
  t.same(await run({ mode: 'allPairs' }, { a, b: [] }), [])
  const many = (count: number, id = 1): JsonObject[] => Array.from({ length: count }, () => ({ id }))
  t.equal((await run({ mode: 'allPairs' }, { a: many(250), b: many(400) })).length, 100_000)
  const limit = { code: 'WC_ITEMS_LIMIT' }
  await t.rejects(run({ mode: 'allPairs' }, { a: many(317), b: many(317) }), limit)
  await t.rejects(run({ mode: 'allPairs', inputs: 26 }, Object.fromEntries(merge.inputs({ inputs: 26 }).map(name => [name, many(1000)]))), limit)
  await t.rejects(run({ mode: 'combineByKey', key: 'id' }, { a: many(10_000), b: many(10_000) }), limit)
})

t.test('parameters that contradict each other are reported', async t => {
  const problems: [JsonObject, string][] = [
    [{ mode: 'combineByKey' }, ''], [{ mode: 'combineByKey', key: 'a', keyA: 'b' }, ''], [{ mode: 'combineByKey', keyA: 'b' }, ''],
    [{ mode: 'combineByKey', key: 'a', inputs: 3 }, '/inputs'], [{ mode: 'combineByPosition', join: 'left' }, '/join'],
    [{ mode: 'chooseBranch', branch: 'c' }, '/branch'], [{ wait: 3 }, '/wait']
  ]
  for (const [parameters, pointer] of problems) t.match(merge.check?.(parameters), [{ pointer, code: 'WC_MERGE' }], JSON.stringify(parameters))
  for (const parameters of [{}, { mode: 'combineByKey', key: 'a' }, { mode: 'combineByKey', keyA: 'a', keyB: 'b' }, { inputs: 3, wait: 3, mode: 'chooseBranch', branch: 'c' }]) {
    t.same(merge.check?.(parameters), [], JSON.stringify(parameters))
  }
})
