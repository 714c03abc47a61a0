import t from 'tap'
import { compareDatasets } from '../../../src/engine/nodes/data/compare-datasets.ts'
import { renameKeys } from '../../../src/engine/nodes/data/rename-keys.ts'
import { summarize } from '../../../src/engine/nodes/data/summarize.ts'
import { mainOf, runNode } from '../../support/run-node.ts'

const own = (json: string) => JSON.parse(json) as Record<string, unknown>

t.test('summarize: every operation', async t => {
  const items = [{ n: 2, t: 'b' }, { n: '1.5', t: 'a' }, { n: null }, { t: 'b' }]
  const fields = ['sum', 'average', 'min', 'max', 'count', 'countUnique', 'append', 'first', 'last'].map(operation => ({ operation, field: 'n' }))
  t.same(await mainOf(summarize, items, { fields }), [{
    sum_n: 3.5, average_n: 1.75, min_n: 1.5, max_n: 2, count_n: 2, countUnique_n: 2, append_n: [2, '1.5'], first_n: 2, last_n: '1.5'
  }])
  t.same(await mainOf(summarize, items, {
    fields: [
      { operation: 'concatenate', field: 't', separator: '+', as: 'text' }, { operation: 'min', field: 't', as: 'least' }, { operation: 'count' }, { operation: 'sum', field: 'x' }, { operation: 'average', field: 'x' }, { operation: 'max', field: 'x' }
    ]
  }), [{ text: 'b+a+b', least: 'a', count: 4, sum_x: 0, average_x: null, max_x: null }])
  t.same(await mainOf(summarize, Array.from({ length: 10 }, () => ({ n: 0.1 })), { fields: [{ operation: 'sum', field: 'n' }] }), [{ sum_n: 1 }])
})

t.test('summarize: groups keep their items and their order', async t => {
  const items = [{ k: { a: 'x' }, n: 1 }, { k: { a: 1 }, n: 2 }, { n: 3 }, { k: { a: 'x' }, n: 4 }, { k: { a: '1' }, n: 5 }, { k: { a: null }, n: 6 }]
  t.same(await runNode(summarize, { items, parameters: { groupBy: ['k.a'], fields: [{ operation: 'sum', field: 'n', as: 'sum' }] } }), {
    main: [
      { json: { k: { a: 'x' }, sum: 5 }, from: [0, 3] }, { json: { k: { a: 1 }, sum: 2 }, from: [1] },
      { json: { k: { a: null }, sum: 9 }, from: [2, 5] }, { json: { k: { a: '1' }, sum: 5 }, from: [4] }
    ]
  })
  t.equal((await mainOf(summarize, items, { groupBy: ['__proto__'], fields: [{ operation: 'count' }] }).catch((error: { code: string }) => error.code)), 'WC_FIELD_PATH')
})

t.test('summarize: what is no number is an error that names the item', async t => {
  const items = [{ n: 1 }, { n: '12,5' }]
  await t.rejects(mainOf(summarize, items, { fields: [{ operation: 'sum', field: 'n' }] }), { code: 'WC_SUMMARIZE_VALUE', detail: { itemIndex: 1 } })
  await t.rejects(mainOf(summarize, [{ n: 'a' }, { n: 2 }], { fields: [{ operation: 'max', field: 'n' }] }), { code: 'WC_SUMMARIZE_VALUE', detail: { itemIndex: 0 } })
})

t.test('summarize: validation', async t => {
  t.match(summarize.check?.({ groupBy: ['a'], fields: [{ operation: 'sum' }, { operation: 'sum', field: 'b' }, { operation: 'sum', field: 'b' }, { operation: 'first', field: 'b', as: 'a' }, { operation: 'count', as: '__proto__' }] }), [
    { pointer: '/fields/0', code: 'WC_SUMMARIZE' }, { pointer: '/fields/2', code: 'WC_SUMMARIZE' }, { pointer: '/fields/3', code: 'WC_SUMMARIZE' }, { pointer: '/fields/4/as', code: 'WC_FIELD_PATH' }
  ])
})

t.test('renameKeys: by list, in place and at any depth', async t => {
  const input = { a: 1, b: { c: 2, d: 3 }, e: 4 }
  const [output] = await mainOf(renameKeys, [input], { keys: [{ from: 'a', to: 'x' }, { from: 'b.c', to: 'y' }, { from: 'nothing', to: 'z' }, { from: 'b', to: 'w' }] })
  t.equal(JSON.stringify(output), '{"x":1,"w":{"y":2,"d":3},"e":4}')
  t.same(input, { a: 1, b: { c: 2, d: 3 }, e: 4 })
  t.same(await mainOf(renameKeys, [{ a: 1, b: 2 }], { keys: [{ from: 'a', to: 'b' }] }), [{ b: 2 }], 'the later value stays')
  t.same(await mainOf(renameKeys, [{ a: 1, b: 2 }], { keys: [{ from: 'a', to: 'b' }, { from: 'b', to: 'a' }] }), [{ b: 1, a: 2 }])
})

t.test('renameKeys: by pattern', async t => {
  const items = [{ user_name: 1, list: [{ user_id: 2 }], Other: 3 }]
  t.same(await mainOf(renameKeys, items, { patterns: [{ pattern: '^user_' }] }), [{ name: 1, list: [{ user_id: 2 }], Other: 3 }])
  t.same(await mainOf(renameKeys, items, { depth: 'all', patterns: [{ pattern: '^user_(\\w+)$', replacement: 'u.$1' }, { pattern: 'OTHER', replacement: 'o', ignoreCase: true }] }), [
    { 'u.name': 1, list: [{ 'u.id': 2 }], o: 3 }
  ])
  const hostile = { ['a'.repeat(50_000) + 'b']: 1, ['a'.repeat(900)]: 2 }
  t.equal(Object.keys((await mainOf(renameKeys, [hostile], { patterns: [{ pattern: '^(a+)+$', replacement: 'x' }] }))[0] ?? {}).length, 2)
})

t.test('renameKeys: nothing is polluted, and validation', async t => {
  await t.rejects(mainOf(renameKeys, [own('{"p":{"x":1}}')], { patterns: [{ pattern: '^p$', replacement: '__proto__' }] }), { code: 'WC_FIELD_PATH' })
  const [kept] = await mainOf(renameKeys, [own('{"__proto__":{"x":1},"a":1}')], { keys: [{ from: 'a', to: 'b' }], patterns: [{ pattern: 'z' }] })
  t.equal(JSON.stringify(kept), '{"__proto__":{"x":1},"b":1}')
  t.equal(({} as { x?: unknown }).x, undefined)
  t.match(renameKeys.check?.({}), [{ code: 'WC_RENAME_KEYS' }])
  t.match(renameKeys.check?.({ keys: [{ from: 'a', to: '__proto__' }, { from: 'constructor', to: 'a' }], patterns: [{ pattern: '(?=a)' }, { pattern: '((a{100}){100}){100}' }] }), [
    { pointer: '/keys/0/to', code: 'WC_FIELD_PATH' }, { pointer: '/keys/1/from', code: 'WC_FIELD_PATH' }, { pointer: '/patterns/0/pattern', code: 'WC_PATTERN' }, { pointer: '/patterns/1/pattern', code: 'WC_PATTERN' }
  ])
})

t.test('compareDatasets: pairs by key, in order, with their differences', async t => {
  const a = [{ id: 1, v: { x: 1, y: [1] } }, { id: 2 }, { id: 1, v: 2 }, { v: 9 }, { id: 5, only: null }]
  const b = [{ id: 1, v: { x: 2, y: [1, 2], z: 0 } }, { id: 1, v: 2 }, { id: 1 }, { id: '2' }, { id: 5 }]
  const outputs = await runNode(compareDatasets, { inputs: { a, b }, parameters: { keys: [{ a: 'id' }] } })
  t.same(outputs.inAOnly, [{ json: { id: 2 }, from: [1] }, { json: { v: 9 }, from: [3] }])
  t.same(outputs.inBOnly, [{ json: { id: 1 }, from: [7] }, { json: { id: '2' }, from: [8] }])
  t.same(outputs.same, [{ json: a[2], from: [2, 6] }])
  t.same(outputs.different, [
    { json: { key: { id: 1 }, differences: [{ field: 'v.x', a: 1, b: 2 }, { field: 'v.y', a: [1], b: [1, 2] }, { field: 'v.z', a: null, b: 0 }], a: a[0], b: b[0] }, from: [0, 5] },
    { json: { key: { id: 5 }, differences: [{ field: 'only', a: null, b: null }], a: a[4], b: b[4] }, from: [4, 9] }
  ])
})

t.test('compareDatasets: what is compared, and how', async t => {
  const inputs = { a: [{ k: 1, name: 'Ada', seen: 1 }], b: [{ key: '1', k: 0, name: 'ADA', seen: 2 }] }
  const keys = [{ a: 'k', b: 'key' }]
  t.match(await runNode(compareDatasets, { inputs, parameters: { keys, loose: true, ignoreCase: true, fields: ['name'] } }), { same: [{ from: [0, 1] }], different: [] })
  t.match(await runNode(compareDatasets, { inputs, parameters: { keys, loose: true, ignore: ['seen', 'k', 'key'] } }), { different: [{ json: { differences: [{ field: 'name' }] } }] })
  t.match(await runNode(compareDatasets, { inputs, parameters: { keys } }), { same: [], different: [], inAOnly: [{}], inBOnly: [{}] })
  t.match(await runNode(compareDatasets, { inputs: { a: inputs.a, b: [] }, parameters: { keys } }), { inAOnly: [{ from: [0] }] })
  t.match(compareDatasets.check?.({ keys: [{ a: '__proto__' }], fields: ['a'], ignore: ['b'] }), [{ pointer: '/keys/0/a' }, { pointer: '/ignore', code: 'WC_COMPARE' }])
})

t.test('compareDatasets: a hundred thousand items with one key are paired in linear time', async t => {
  const list = Array.from({ length: 100_000 }, () => ({ id: 1 }))
  const { same, inBOnly } = await runNode(compareDatasets, { inputs: { a: list.slice(1), b: list }, parameters: { keys: [{ a: 'id' }] } })
  t.equal(same?.length, 99_999)
  t.equal(inBOnly?.length, 1)
})
