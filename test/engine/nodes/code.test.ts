import t from 'tap'
import { code } from '../../../src/engine/nodes/code.ts'
import { openSandbox, runCode, type CodeOptions } from '../../support/code-runs.ts'

const sandbox = openSandbox()
t.teardown(async () => { await sandbox.close() })

const items = async (source: string, options?: CodeOptions) => (await runCode(sandbox, source, options)).items
const error = async (source: string, options?: CodeOptions) => await runCode(sandbox, source, options).then(
  () => { throw new Error('It did not fail') },
  (error: unknown) => error as { code: string, message: string, detail: Record<string, unknown> }
)

t.test('what people return becomes items', async t => {
  t.same(await items('return [{ json: { a: 1 } }, { json: { a: 2 } }, { json: { a: 3 } }, { json: { a: 4 } }]'), [1, 2, 3, 4].map(a => ({ json: { a } })))
  t.same(await items('return [{ a: 1 }]'), [{ json: { a: 1 } }], 'plain objects')
  t.same(await items('return { json: { a: 1 } }'), [{ json: { a: 1 } }], 'one item')
  t.same(await items('return { a: 1 }'), [{ json: { a: 1 } }], 'one object')
  for (const nothing of ['', 'return', 'return null', 'return []']) t.same(await items(nothing || ';'), [], `nothing: ${nothing}`)
  t.same(await items('class Order { constructor () { this.id = 7 } get twice () { return 14 } }\nreturn [new Order()]'), [{ json: { id: 7 } }], 'instances')
  t.same(await items('return { at: new Date(0), gone: undefined, none: NaN }'), [{ json: { at: '1970-01-01T00:00:00.000Z', none: null } }], 'what JSON says of it')
  t.same(await items('return new Proxy({ get a () { return 1 } }, {})'), [{ json: { a: 1 } }], 'proxies and getters are read where they were made')
  t.same(await items('const a = await Promise.resolve(2); await new Promise(resolve => setTimeout(resolve, 5)); return { a }'), [{ json: { a: 2 } }], 'promises')
})

t.test('what cannot be items is named', async t => {
  for (const [source, message] of [
    ['return 1', 'The code returned a number; it must return an object, or a list of objects'],
    ['return "text"', 'The code returned text; it must return an object, or a list of objects'],
    ['return () => 1', 'The code returned a function; it must return an object, or a list of objects'],
    ['return new Map()', 'The code returned a Map; it must return an object, or a list of objects'],
    ['return [{}, 5]', 'Item 1 of what the code returned is a number, not an object'],
    ['return [[{}]]', 'Item 0 of what the code returned is a list, not an object'],
    ['return { json: 5 }', 'Item 0 of what the code returned has a number as "json", not an object'],
    ['return { json: {}, other: 1 }', 'Item 0 of what the code returned has "json" and also "other"; data belongs into "json"'],
    ['return { json: {}, pairedItem: 3 }', 'Item 0 of what the code returned has a "pairedItem" that is no position of an input item'],
    ['return { a: { b: 1n } }', /^Item 0 of what the code returned cannot be written as JSON: .*BigInt/],
    ['const a = {}; a.a = a; return a', 'Item 0 of what the code returned cannot be written as JSON: circular reference'],
    ['return { a: () => 1 }', 'Item 0 of what the code returned cannot be written as JSON: "a" is a function'],
    ['return { a: [new Map()] }', 'Item 0 of what the code returned cannot be written as JSON: "0" is a Map'],
    ['return { toJSON: () => 5 }', 'Item 0 of what the code returned is no object once it is written as JSON'],
    ['let a = {}; for (let i = 0; i < 100; i++) a = { a }; return a', 'Item 0 of what the code returned is nested deeper than 64 levels'],
    ['return JSON.parse(\'{"a":{"__proto__":{"wcPolluted":1}}}\')', 'Item 0 of what the code returned has a key __proto__ (at /json/a)'],
    ['return { a: "\\u0000" }', 'Item 0 of what the code returned holds a NUL character or half of a surrogate pair (at /json/a)'],
    ['return { json: {}, binary: { file: { fileId: "of another" } } }', 'Item 0 of what the code returned has binary data that none of its input items has']
  ] as const) {
    t.match(await error(source), { code: 'WC_CODE_RETURN', message }, source)
  }
  t.equal(('wcPolluted' in {}), false)
})

t.test('mode each', async t => {
  t.same(await items('return { twice: $json.n * 2 }', { mode: 'each' }), [2, 4, 6].map((twice, from) => ({ from, json: { twice } })))
  t.same(await items('if ($json.n !== 2) return $input.item', { mode: 'each' }), [{ from: 0 }, { from: 2 }], 'nothing drops the item; one unchanged is not repeated')
  t.same(await items('return Array.from({ length: $itemIndex }, (_, copy) => ({ copy }))', { mode: 'each' }), [{ from: 1, json: { copy: 0 } }, { from: 2, json: { copy: 0 } }, { from: 2, json: { copy: 1 } }])
  t.same(await items('const item = { sum: $input.all().reduce((sum, { json }) => sum + json.n, 0), last: $input.last().json.n }; return item', { mode: 'each' }), [0, 1, 2].map(from => ({ from, json: { sum: 6, last: 3 } })))
  t.match(await error('const a = 1\nif ($itemIndex === 1)\n  $json.missing.deeper()', { mode: 'each' }), { code: 'WC_CODE_ERROR', detail: { itemIndex: 1, data: { line: 3 } } })
})

t.test('a long list goes in batches', async t => {
  const long = Array.from({ length: 60 }, (_, n) => ({ n, text: 'x'.repeat(200_000) }))
  t.same(await items('return { n: $json.n, index: $itemIndex }', { mode: 'each', items: long }), long.map(({ n }, from) => ({ from, json: { n, index: n } })))
  t.match(await error('if ($itemIndex === 50) throw new Error("here")\nreturn {}', { mode: 'each', items: long }), { message: 'Error: here (line 1, column 39)', detail: { itemIndex: 50 } })
})

t.test('where items come from', async t => {
  t.same(await items('return $input.all().filter(({ json }) => json.n > 1)'), [{ from: 1 }, { from: 2 }], 'the items themselves')
  t.same(await items('return items.map(({ json }) => json).reverse()'), [{ from: 2 }, { from: 1 }, { from: 0 }], 'their data')
  t.same(await items('for (const item of items) item.json.more = true\nreturn items.slice(1)'), [1, 2].map(from => ({ from, json: { n: from + 1, more: true } })), 'changed in place')
  t.same(await items('return items.map(({ json }) => ({ json: { ...json } }))'), [0, 1, 2].map(from => ({ from, json: { n: from + 1 } })), 'as many as came in')
  t.same(await items('return [{ a: 1 }, { a: 2 }]', { items: [{}] }), [{ from: 0, json: { a: 1 } }, { from: 0, json: { a: 2 } }], 'all from the only one')
  t.same(await items('return { sum: 6 }'), [{ json: { sum: 6 } }], 'of several, nobody knows')
  t.same(await items('return [{ json: {}, pairedItem: 2 }, { json: {}, pairedItem: { item: 1 } }, { json: {}, pairedItem: [0, { item: 2 }] }, { json: {} }]'),
    [{ from: 2, json: {} }, { from: 1, json: {} }, { from: [0, 2], json: {} }, { json: {} }], 'what the code says')
})

t.test('names', async t => {
  t.same(await items('return { first: $input.first().json.n, last: $input.last().json.n, item: $input.item.json.n, current: $json.n, $item, $itemIndex, $nodeId, $runIndex, region: $vars.region, workflow: $workflow.name, execution: $execution.id }'), [{
    json: { first: 1, last: 3, item: 1, current: 1, $item: { json: { n: 1 } }, $itemIndex: 0, $nodeId: 'node', $runIndex: 0, region: 'eu', workflow: 'Orders', execution: 'e1' }
  }])
  t.same(await items('const items = 1, $json = 2, item = 3; return { items, $json, item }'), [{ json: { items: 1, $json: 2, item: 3 } }], 'may be declared anew')
  t.same(await items("return { all: $('price').all().map(i => i.json.label), first: $('price').first().json.label, ran: $('none').isExecuted }"),
    [{ json: { all: ['one', 'two'], first: 'one', ran: false } }])
  t.same(await items("const read = name => $(name).last().json.amount; return { amount: read('price') }"), [{ json: { amount: 2 } }], 'by a name that is written somewhere else')
  t.match(await error("return $('none').first()"), { code: 'WC_CODE_ERROR', message: /There is no data of node "none": it has not run, or does not exist \(line 1, column/ })
  t.same(await items('return { random: new Set(Array.from({ length: 100 }, () => Math.random())).size }'), [{ json: { random: 100 } }])
  const draws = await Promise.all([1, 2].map(async () => (await items('return { r: Math.random() }'))[0]?.json?.['r']))
  t.not(draws[0], draws[1], 'every run has chances of its own')
})

t.test('errors say where', async t => {
  t.match(await error('const order = {}\n\nreturn order.customer.name'), {
    code: 'WC_CODE_ERROR',
    message: "TypeError: cannot read property 'name' of undefined (line 3, column 22)",
    detail: { pointer: '/code', position: 39, data: { line: 3, column: 22 } }
  })
  t.match(await error('throw { code: 7 }'), { code: 'WC_CODE_ERROR', message: '{"code":7}' })
  t.match(await error('throw ""'), { message: 'The code threw an error without a message' })
  t.match(await error('await Promise.reject(new Error("later"))'), { message: /^Error: later \(line 1/ })
  t.match(await error('await new Promise(() => {})'), { code: 'WC_CODE_PENDING' })
})

t.test('dates by luxon, where the code names it', async t => {
  const all = `const d = DateTime.fromISO('2030-07-01T12:00', { zone: 'America/New_York' })
    return { now: $now.toISO(), zone: $now.zoneName, today: $today.hour, iso: d.toISO(), day: d.startOf('day').toMillis(), german: d.setLocale('de').toFormat('cccc, d. LLLL'), full: d.toLocaleString(DateTime.DATETIME_FULL),
      gap: DateTime.fromISO('2030-03-31T02:30', { zone: 'Europe/Berlin' }).toISO(), old: DateTime.fromISO('0044-03-15T12:00', { zone: 'Europe/Rome' }).toISODate(), human: Duration.fromObject({ hours: 3, minutes: 5 }).toHuman(),
      days: Interval.fromDateTimes(d, d.plus({ days: 2 })).length('days'), relative: d.plus({ months: 5 }).toRelative({ base: d }), none: d.setZone('Nowhere/Land').isValid, number: new Intl.NumberFormat('de').format(1234.5) }`
  const { items: [made] } = await runCode(sandbox, all)
  t.match(made?.json, {
    now: /^\d{4}-\d\d-\d\dT/, zone: String, today: 0, iso: '2030-07-01T12:00:00.000-04:00', day: Date.UTC(2030, 6, 1, 4), german: 'Montag, 1. Juli', full: /July 1, 2030.*12:00.*EDT/,
    gap: '2030-03-31T03:30:00.000+02:00', old: '0044-03-15', human: '3 hours, 5 minutes', days: 2, relative: 'in 5 months', none: false, number: '1.234,5'
  })
  const twice = await runCode(sandbox, 'const before = globalThis.left; globalThis.left = 1; DateTime.now = undefined; return { before, now: typeof $now.toISO }', { mode: 'each' })
  t.same(twice.items.map(({ json }) => json), [{ now: 'function' }, { before: 1, now: 'function' }, { before: 1, now: 'function' }])
  t.same((await runCode(sandbox, 'return { left: globalThis.left, now: typeof DateTime.now }')).items[0]?.json, { now: 'function' }, 'nothing is left of it')
  t.same((await runCode(sandbox, 'return { names: ["luxon", "Intl"].filter(name => name in globalThis) }')).items[0]?.json, { names: [] }, 'who does not name it has none')
  await t.rejects(runCode(sandbox, 'return { a: new Intl.DateTimeFormat("en", { timeZone: "x".repeat(5000) }) }'), { code: 'WC_CODE_ERROR', message: /RangeError/ })
  await t.rejects(runCode(sandbox, 'for (;;) DateTime.now().setZone("Europe/Paris").toISO()', { timeout: '1s' }), { code: 'WC_CODE_TIMEOUT' })
})

t.test('console goes to the log, up to a point', async t => {
  const { logs } = await runCode(sandbox, 'console.log("a", 1, { b: [2] }, undefined, null); console.warn("w"); console.error(new TypeError("e")); console.debug(() => 1); return []')
  t.same(logs, [['info', 'a 1 {"b":[2]} undefined null'], ['warn', 'w'], ['error', 'TypeError: e'], ['debug', '[function ]']])
  const flood = await runCode(sandbox, 'for (let i = 0; i < 5000; i++) console.log("x".repeat(10000)); return []')
  t.equal(flood.logs.length, 101)
  t.match(flood.logs[0]?.[1], /^x{4096}$/)
  t.same(flood.logs.at(-1), ['warn', 'Only the first 100 lines are kept'])
})

t.test('checks tell mistakes before anything runs', async t => {
  const check = (source: string, more = {}) => code.check?.({ code: source, ...more })
  t.same(check('const a = await $input.all(); return a'), [])
  t.same(check('return {'), [{ pointer: '/code', code: 'WC_CODE_SYNTAX', message: 'Unexpected token (line 1, column 9)' }])
  t.match(check('\n\n  import fs from "fs"'), [{ code: 'WC_CODE_SYNTAX', message: /line 3, column 3/ }])
  t.match(check('}); evil(); (async () => {'), [{ code: 'WC_CODE_SYNTAX' }])
  t.match(check('('.repeat(10_000)), [{ code: 'WC_CODE_SYNTAX', message: /nested too deeply/ }])
  t.match(check('x'.repeat(140_000)), [{ code: 'WC_CODE_SIZE' }])
  t.match(check('return', { timeout: '6m' }), [{ pointer: '/timeout', code: 'WC_DURATION' }])
  t.same(code.references?.({ code: "$('a').item; $(`b`).all(); $(c)" }), [{ nodeId: 'a', position: 0, pointer: '/code' }, { nodeId: 'b', position: 13, pointer: '/code' }])
})
