import t from 'tap'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { cpuTime } from '../support/cpu-time.ts'
import { validateDefinition, type Issue } from '../../src/engine/validate.ts'

const registry = new NodeRegistry(builtinNodes)
interface Part { nodes?: unknown, connections?: unknown, settings?: unknown }

const start = { id: 'start', type: 'manual' }
const errorsOf = ({ nodes = [], connections = [], settings = {} }: Part): readonly Issue[] => validateDefinition({ nodes, connections, settings }, registry).errors
const codesAt = (issues: readonly Issue[]): string[] => issues.map(({ pointer, code }) => `${code} ${pointer}`).sort()
const noOps = (...ids: string[]) => ids.map(id => ({ id, type: 'noOp' }))

/** Milliseconds of processor time from now on: what else runs on the machine does not count. */
function cpuClock (): () => number {
  const start = cpuTime()
  return () => cpuTime() - start
}

t.test('what a message says is short, whatever was sent', async t => {
  const long = 'x'.repeat(1_000_000)
  const { errors } = validateDefinition({ nodes: [{ id: 'a', type: long }], connections: [{ from: long, to: 'a' }], settings: {} }, registry)
  t.ok(errors.every(({ message }) => message.length < 500))
})

t.test('more mistakes than anyone reads are cut, quickly', async t => {
  const settings = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`timeou${index}`, 1]))
  const cpu = cpuClock()
  const { errors } = validateDefinition({ nodes: [start], connections: [], settings }, registry)
  t.equal(errors.length, 1001)
  t.equal(errors.at(-1)?.code, 'WC_TOO_MANY_ISSUES')
  t.ok(cpu() < 2000)
})

t.test('bodies made to keep the process busy are turned away at once', async t => {
  const set = (x: unknown) => ({ nodes: [start, { id: 'a', type: 'set', parameters: { fields: { x } } }] })
  const list = (length: number, value: unknown) => Array.from({ length }, () => value)
  const cpu = cpuClock()
  t.match(errorsOf(set(list(2_000_000, 0))), [{ code: 'WC_TOO_MANY_VALUES', pointer: '' }])
  t.match(errorsOf(set(list(100_000, '{{ $(0) }}'))), [{ code: 'WC_TOO_MANY_EXPRESSIONS' }])
  t.match(errorsOf(set('{{1}}'.repeat(1_000_000))), [{ code: 'WC_TOO_MANY_EXPRESSIONS' }])
  t.match(errorsOf(set(list(50, `{{ [${'1,'.repeat(30_000)}] }}`))), [{ code: 'WC_TOO_MANY_EXPRESSIONS' }])
  t.match(errorsOf({ nodes: Array.from({ length: 60_000 }, (_, index) => ({ id: `n${index}`, type: 'nope' })) }), [{ code: 'WC_OUT_OF_RANGE', pointer: '/nodes' }])
  t.ok(cpu() < 3000, `took ${Math.round(cpu())} ms`)
  t.strictSame(errorsOf(set('x'.repeat(10_000_000))).filter(({ code }) => code.startsWith('WC_TOO')), [], 'large texts are fine')
})

t.test('what cannot be stored or is too deep is refused', async t => {
  const fields = (value: unknown) => codesAt(errorsOf({ nodes: [start, { id: 'x', type: 'set', parameters: { fields: value } }] })).map(text => text.replace('/nodes/1/parameters/fields', ''))
  t.strictSame(fields({ a: 'x\0' }), ['WC_TEXT_NOT_STORABLE /a'])
  t.strictSame(fields({ a: ['\ud800'] }), ['WC_TEXT_NOT_STORABLE /a/0'])
  t.strictSame(fields({ a: 'a pair 😀 is fine' }), [])
  t.strictSame(fields({ a: JSON.parse('1e999') }), ['WC_WRONG_TYPE /a'])
  t.ok(fields(JSON.parse('{"__proto__": 1}')).includes('WC_KEY_NOT_ALLOWED /__proto__'))
  const deep = JSON.parse('['.repeat(5000) + ']'.repeat(5000))
  t.match(errorsOf({ nodes: [start, { id: 'x', type: 'set', parameters: { fields: { deep } } }] }), [{ code: 'WC_TOO_DEEP' }])
})

t.test('a cycle of 5,000 nodes names the first ten and takes no stack', async t => {
  const ids = Array.from({ length: 5000 }, (_, index) => `n${index}`)
  const cpu = cpuClock()
  const errors = errorsOf({
    nodes: [start, ...noOps(...ids)],
    connections: [{ from: 'start', to: 'n0' }, ...ids.map((id, index) => ({ from: id, to: ids[(index + 1) % ids.length] }))]
  })
  t.match(errors, [{ code: 'WC_CYCLE', message: /"n0" → .*"n9" → … \(5000 nodes\)/ }])
  t.notMatch(errors[0]?.message, /"n10"/)
  t.ok(cpu() < 1000)
})

t.test('10,000 nodes that all refer to each other take a second or so', async t => {
  const ids = Array.from({ length: 9999 }, (_, index) => `n${index}`)
  const nodes = [start, ...ids.map((id, index) => ({ id, type: 'set', parameters: { fields: { x: index === 0 ? 1 : `{{ $('n${index >> 1}').item.json.x + 1 }}` } } }))]
  const connections = [{ from: 'start', to: 'n0' }, ...ids.slice(1).map((id, index) => ({ from: ids[index], to: id }))]
  const cpu = cpuClock()
  t.strictSame(errorsOf({ nodes, connections }), [])
  const took = cpu()
  // Some 500 ms on an idle machine; twice as much where others compete for its caches.
  t.ok(took < 2000, `took ${Math.round(took)} ms`)
  t.match(errorsOf({ nodes: [...nodes, ...noOps('one', 'more')], connections }), [{ code: 'WC_OUT_OF_RANGE', pointer: '/nodes' }])
})

t.test('10,000 nodes with expressions are validated within a second', async t => {
  const chain = (length: number): Part => {
    const nodes = [start, ...Array.from({ length: length - 1 }, (_, index) => index % 3 === 0
      ? { id: `n${index}`, type: 'if', parameters: { condition: `{{ $json.a > ${index} }}` } }
      : { id: `n${index}`, type: 'set', parameters: { fields: { [`f${index}`]: `{{ $json.b * ${index} + $('start').item.json.c }}` } } })]
    return { nodes, connections: nodes.slice(1).map(({ id }, index) => ({ from: nodes[index]!.id, to: id })) }
  }
  // What the first workflow of a process costs beside, it costs once.
  errorsOf(chain(500))
  const large = chain(10_000)
  const cpu = cpuClock()
  t.strictSame(errorsOf(large), [])
  t.ok(cpu() < 1000, `${Math.round(cpu())} ms`)
})
