import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import type { Event } from '../../src/engine/events.ts'
import { decodeEvents, encodeEvents } from '../../src/engine/stored-events.ts'
import { choicesFrom, drive } from '../support/histories-of-workflows.ts'
import { drafts, worldOf } from '../support/random-workflows.ts'

const RUNS = 300
const AT = 1_795_949_384_919

const step = (nodeId: string, at = AT) => ({ nodeId, run: 0, attempt: 1, at })

/** An output that sent nothing is not told. */
function kept (events: readonly Event[]): boolean {
  const text = encodeEvents(events)
  const expected = JSON.parse(JSON.stringify(events)) as Array<{ outputs?: Record<string, unknown[]> }>
  for (const event of expected) if (event.outputs !== undefined) event.outputs = Object.fromEntries(Object.entries(event.outputs).filter(([, items]) => items.length > 0))
  return !text.includes('\n') && isDeepStrictEqual(decodeEvents(JSON.parse(text)), expected)
}

t.test('whatever happens in an execution, cut anywhere into segments, is read as it was', async t => {
  fc.assert(fc.property(drafts(8), fc.nat(), fc.boolean(), fc.array(fc.nat(6), { minLength: 1 }), (draft, seed, crashes, cuts) => {
    const { events } = drive(worldOf(draft), choicesFrom(seed), crashes)
    for (let at = 0, piece = 0; at < events.length; piece++) {
      const length = 1 + cuts[piece % cuts.length]!
      if (!kept(events.slice(at, at + length))) throw new Error(JSON.stringify(events.slice(at, at + length)))
      at += length
    }
  }), { numRuns: RUNS })
  t.pass()
})

t.test('any names, items and moments', async t => {
  const item = fc.record({ from: fc.oneof(fc.nat(9), fc.array(fc.nat(9))), json: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }), patch: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }) }, { requiredKeys: [] })
  // JSON has no -0.
  const outputs = fc.dictionary(fc.string({ unit: 'binary' }), fc.array(item, { minLength: 1, maxLength: 3 }), { noNullPrototype: true, maxKeys: 3 }).map(value => JSON.parse(JSON.stringify(value)) as Record<string, object[]>)
  const place = fc.record({ nodeId: fc.string({ unit: 'binary' }), run: fc.nat(2), attempt: fc.integer({ min: 1, max: 2 }), at: fc.integer({ min: AT, max: AT + 1 }) })
  const event = fc.oneof(
    place.map((key): Event[] => [{ type: 'step.started', ...key }]),
    fc.tuple(place, outputs).map(([key, outputs]): Event[] => [{ type: 'step.succeeded', ...key, outputs }]),
    fc.tuple(place, outputs).map(([key, outputs]): Event[] => [{ type: 'step.started', ...key }, { type: 'step.succeeded', ...key, outputs }]),
    place.map(({ at }): Event[] => [{ type: 'execution.started', at }]),
    place.map(({ at, nodeId }): Event[] => [{ type: 'execution.started', at, vars: { [`v${nodeId}`]: 1 } }]),
    place.map(({ at }): Event[] => [{ type: 'execution.succeeded', at }]),
    place.map(({ at, nodeId }): Event[] => [{ type: 'log', at, level: 'info', message: nodeId }])
  )
  fc.assert(fc.property(fc.array(event), events => kept(events.flat())), { numRuns: RUNS })
  t.pass()
})

t.test('a step of one moment is one stored event, and a moment is told once', async t => {
  const events: Event[] = [
    { type: 'execution.started', at: AT },
    { type: 'step.started', ...step('in') },
    { type: 'step.succeeded', ...step('in'), outputs: { main: [{ from: 0 }] } },
    { type: 'step.started', ...step('slow') },
    { type: 'step.succeeded', ...step('slow', AT + 5), outputs: { main: [{ from: 0, patch: { n: 1 } }] } },
    { type: 'execution.succeeded', at: AT + 5 }
  ]
  t.same(JSON.parse(encodeEvents(events)), [
    { type: 'execution.started', at: AT },
    { type: 'step.ran', node: 'in', outputs: { main: [{ from: 0 }] } },
    { type: 'step.started', nodeId: 'slow' },
    { type: 'step.succeeded', nodeId: 'slow', at: AT + 5, outputs: { main: [{ from: 0, patch: { n: 1 } }] } },
    { type: 'execution.succeeded' }
  ])
})

t.test('a release that does not know the short form finds no step in it, and each moment in all else', async t => {
  const events: Event[] = [{ type: 'execution.started', at: AT }, { type: 'step.started', ...step('in') }, { type: 'log', at: AT, level: 'info', message: 'in' }]
  t.same((JSON.parse(encodeEvents(events)) as Array<{ at?: number }>).map(({ at }) => at), [AT, AT, AT])
  const [ran] = JSON.parse(encodeEvents([{ type: 'step.started', ...step('in') }, { type: 'step.succeeded', ...step('in'), outputs: {} }])) as [object]
  t.notOk('nodeId' in ran)
})

t.test('what was stored before, each event with its moment and in full, is read too', async t => {
  t.same(decodeEvents([
    { type: 'execution.started', at: 1 },
    { type: 'step.started', nodeId: 'in', at: 2 },
    { type: 'step.started', nodeId: 'in', at: 3, attempt: 2 }
  ]), [
    { type: 'execution.started', at: 1 },
    { type: 'step.started', nodeId: 'in', run: 0, attempt: 1, at: 2 },
    { type: 'step.started', nodeId: 'in', run: 0, attempt: 2, at: 3 }
  ])
})
