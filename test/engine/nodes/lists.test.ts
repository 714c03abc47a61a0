import t from 'tap'
import { aggregate } from '../../../src/engine/nodes/data/aggregate.ts'
import { limit } from '../../../src/engine/nodes/data/limit.ts'
import { sort } from '../../../src/engine/nodes/data/sort.ts'
import { splitOut } from '../../../src/engine/nodes/data/split-out.ts'
import { mainOf, runNode } from '../../support/run-node.ts'

async function sorted (values: readonly unknown[], key: object): Promise<unknown[]> {
  const items = values.map(value => value === undefined ? {} : { value })
  return (await mainOf(sort, items, { keys: [{ field: 'value', ...key }] })).map(({ value }) => value)
}

t.test('sort: each type has its order', async t => {
  t.same(await sorted([10, 9, 1], {}), [1, 9, 10])
  t.same(await sorted(['10', '9', 1], { type: 'number', order: 'descending' }), ['10', '9', 1])
  t.same(await sorted(['file 10', 'File 9', 'file 1'], { type: 'natural', ignoreCase: true }), ['file 1', 'File 9', 'file 10'])
  t.same(await sorted(['z', 'ä', 'a', 'B'], { type: 'text' }), ['a', 'ä', 'B', 'z'])
  t.same(await sorted(['2030-01-02', '2030-01-01T23:00:00Z', 1000, 'soon'], { type: 'date' }), [1000, '2030-01-01T23:00:00Z', '2030-01-02', 'soon'])
  t.same(await sorted([{ b: 1 }, true, 'a', false, 2, [1]], {}), [2, 'a', false, true, [1], { b: 1 }])
  const swedish = await mainOf(sort, ['ö', 'z', 'a'].map(value => ({ value })), { keys: [{ field: 'value', type: 'text' }], locale: 'sv' })
  t.same(swedish.map(({ value }) => value), ['a', 'z', 'ö'])
})

t.test('sort: missing values stand where they are put, whatever the order; equal items keep theirs', async t => {
  t.same(await sorted([null, 2, undefined, 1], {}), [1, 2, null, undefined])
  t.same(await sorted([null, 1, NaN, 2], { order: 'descending' }), [2, 1, null, NaN])
  t.same(await sorted([1, null, 2], { missing: 'first', order: 'descending' }), [null, 2, 1])
  const items = Array.from({ length: 100 }, (_, id) => ({ id, group: id % 3 }))
  const ordered = await mainOf(sort, items, { keys: [{ field: 'group', order: 'descending' }] })
  t.same(ordered.map(({ id }) => id), [2, 1, 0].flatMap(group => items.filter(item => item.group === group).map(({ id }) => id)))
})

t.test('sort: further keys, and values of expressions', async t => {
  const items = [{ a: 1, b: 1 }, { a: 1, b: 2 }, { a: 0, b: 3 }]
  const { main } = await runNode(sort, { items, parameters: index => ({ keys: [{ field: 'a' }, { value: -items[index]!.b }] }) })
  t.same(main, [{ json: items[2], from: [2] }, { json: items[1], from: [1] }, { json: items[0], from: [0] }])
})

t.test('sort: validation', async t => {
  t.match(sort.check?.({ keys: [{ field: 'a', value: 1 }, {}, { field: 'a' }], locale: 'not a locale' }), [
    { pointer: '/keys/0', code: 'WC_SORT' }, { pointer: '/keys/1', code: 'WC_SORT' }, { pointer: '/locale', code: 'WC_LOCALE' }
  ])
  await t.rejects(mainOf(sort, [{}], { keys: 'a' }), { code: 'WC_PARAMETER', detail: { pointer: '/keys' } }, 'an expression stood for the list')
})

t.test('a hundred thousand items are sorted, split and aggregated', async t => {
  const items = Array.from({ length: 100_000 }, (_, index) => ({ id: (index * 7919) % 100_000 }))
  const ordered = await mainOf(sort, items, { keys: [{ field: 'id' }] })
  t.ok(ordered.every(({ id }, index) => id === index))
  const { main } = await runNode(splitOut, { items: [{ items }], parameters: { field: 'items' } })
  t.equal(main?.length, 100_000)
  const [all] = await mainOf(aggregate, items, {})
  t.equal((all?.items as unknown[]).length, 100_000)
  await t.rejects(mainOf(splitOut, [{ items }, { items: [1] }], { field: 'items' }), { code: 'WC_ITEMS_LIMIT' })
})

t.test('limit: from either end, and never more than there is', async t => {
  const items = [0, 1, 2, 3].map(id => ({ id }))
  const ids = async (parameters: object) => (await mainOf(limit, items, parameters)).map(({ id }) => id)
  t.same(await ids({ count: 2 }), [0, 1])
  t.same(await ids({ count: 2, offset: 3 }), [3])
  t.same(await ids({ count: 2, keep: 'last' }), [2, 3])
  t.same(await ids({ count: 2, keep: 'last', offset: 1 }), [1, 2])
  t.same(await ids({ count: 9, keep: 'last', offset: 1 }), [0, 1, 2])
  for (const parameters of [{ count: 0 }, { count: 1, offset: 4 }, { count: 1, keep: 'last', offset: 9 }]) t.same(await ids(parameters), [])
  t.same(await ids({ count: '1' }), [0], 'as text, which expressions may give')
  for (const count of [-1, 1.5, 'many', null, NaN, undefined]) await t.rejects(ids({ count }), { code: 'WC_PARAMETER', detail: { pointer: '/count' } }, String(count))
})

t.test('splitOut: elements become items, with what is kept', async t => {
  const items = [{ id: 1, lines: [{ sku: 'a' }, 'b', null] }, { id: 2 }, { id: 3, lines: null }, { id: 4, lines: { sku: 'c' } }, { id: 5, lines: [] }]
  t.same(await runNode(splitOut, { items, parameters: { field: 'lines' } }), {
    main: [{ json: { sku: 'a' }, from: [0] }, { json: { lines: 'b' }, from: [0] }, { json: { lines: null }, from: [0] }, { json: { sku: 'c' }, from: [3] }]
  })
  t.same((await mainOf(splitOut, items, { field: 'lines', keep: 'all' })).slice(0, 2), [{ id: 1, lines: { sku: 'a' } }, { id: 1, lines: 'b' }])
  t.same(await mainOf(splitOut, items.slice(3), { field: 'lines', as: 'line' }), [{ line: { sku: 'c' } }])
  const [deep] = await mainOf(splitOut, [{ a: { n: 1, list: [7] } }], { field: 'a.list', keep: 'all' })
  t.same(deep, { a: { n: 1, list: 7 } })
  t.same(await mainOf(splitOut, [{ a: { list: [7] }, b: { c: 1, d: 2 } }], { field: 'a.list', keep: 'selected', fields: ['b.c', 'x'] }), [{ a: { list: 7 }, b: { c: 1 } }])
})

t.test('splitOut: validation', async t => {
  t.match(splitOut.check?.({ field: '__proto__.a', as: 'a..b', keep: 'selected' }), [
    { pointer: '/field', code: 'WC_FIELD_PATH' }, { pointer: '/as', code: 'WC_FIELD_PATH' }, { pointer: '/fields', code: 'WC_SPLIT_OUT' }
  ])
  t.match(splitOut.check?.({ field: 'a', fields: ['b'] }), [{ pointer: '/fields', code: 'WC_SPLIT_OUT' }])
  t.same(splitOut.check?.({ field: 'a', keep: 'selected', fields: ['b'] }), [])
})

t.test('aggregate: all items in one list, or fields in lists', async t => {
  const items = [{ id: 1, tags: ['x'], c: { d: 1 } }, { id: null, tags: ['y', 'z'] }, { tags: 'w' }]
  t.same(await runNode(aggregate, { items, parameters: {} }), { main: [{ json: { items }, from: [0, 1, 2] }] })
  t.same(await mainOf(aggregate, items, { into: 'all.rows', only: ['id', 'c.d'] }), [{ all: { rows: [{ id: 1, c: { d: 1 } }, { id: null }, {}] } }])
  const fields = [{ field: 'id', as: 'ids' }, { field: 'tags' }]
  t.same(await mainOf(aggregate, items, { mode: 'fields', fields }), [{ ids: [1], tags: [['x'], ['y', 'z'], 'w'] }])
  t.same(await mainOf(aggregate, items, { mode: 'fields', fields, mergeLists: true, keepMissing: true }), [{ ids: [1, null, null], tags: ['x', 'y', 'z', 'w'] }])
})

t.test('aggregate: validation', async t => {
  t.match(aggregate.check?.({ mode: 'fields' }), [{ pointer: '/fields', code: 'WC_AGGREGATE' }])
  t.match(aggregate.check?.({ fields: [{ field: 'constructor' }], into: 'a.prototype' }), [
    { pointer: '/into', code: 'WC_FIELD_PATH' }, { pointer: '/fields/0/field', code: 'WC_FIELD_PATH' }, { pointer: '/fields', code: 'WC_AGGREGATE' }
  ])
})
