import t from 'tap'
import type { WorkflowNode } from '../../src/engine/definition.ts'
import { node, planOf, Simulation, start } from '../support/engine-simulator.ts'

/** The first runs of loop nodes are the test's to report, like all steps; `batch` items go into the body. */
function enter (run: Simulation, id: string, batch = 1): void {
  const count = run.inputsOf(id)[0]!.length
  run.succeed(id, { loop: Array.from({ length: Math.min(batch, count) }, (_, from) => ({ from })) })
}

const loop = (id: string, rest: Partial<WorkflowNode> = {}): WorkflowNode => node(id, { type: 'loop', ...rest })
const letters = (run: Simulation, id: string): string[] => run.inputsOf(id).flat().map(({ json }) => String(json['x']))
const sent = (run: Simulation, id: string, output: string): string[][] => run.results(id).map(result => (result[output] ?? []).map(({ json }) => String(json['x'])))

/** The trigger's one item becomes these. */
function given (run: Simulation, ...values: string[]): Simulation {
  run.begin().succeed('start', { main: values.map(x => ({ from: 0, json: { x } })) })
  return run
}

t.test('batches go through the body one after the other, and done gets what came back', async t => {
  const run = given(new Simulation(planOf([start, loop('l'), node('a'), node('end')], ['start -> l', 'l.loop -> a', 'a -> l', 'l.done -> end'])), 'p', 'q', 'r')
  enter(run, 'l', 2)
  t.strictSame([run.names(), letters(run, 'a')], [['a'], ['p', 'q']])
  run.succeed('a', { main: [{ from: 0, patch: { x: 'P' } }, { from: 1, patch: { x: 'Q' } }] })
  t.strictSame([run.names(), letters(run, 'a'), run.running[0]!.run], [['a'], ['r'], 1])
  run.succeed('a', { main: [{ from: 0, patch: { x: 'R' } }] })
  t.strictSame([run.names(), letters(run, 'end')], [['end'], ['P', 'Q', 'R']])
  run.succeed('end')
  t.equal(run.state.status, 'succeeded')
  t.strictSame(sent(run, 'l', 'loop'), [['p', 'q'], ['r'], []])
  t.equal(run.results('l')[2]!['done']![0]!.parents[0]!.nodeId, 'a', 'an item of done comes from the one that came back')
})

t.test('an iteration ends when its body rests: dropped items, branches that end, and merges do not hold it up', async t => {
  const nodes = [start, loop('l'), node('split', { parameters: { outputs: ['left', 'right'] } }), node('side'), node('join', { parameters: { inputs: ['a', 'b'] } }), node('end')]
  const run = given(new Simulation(planOf(nodes, ['start -> l', 'l.loop -> split', 'split.left -> join.a', 'split.right -> join.b', 'split.right -> side', 'join -> l', 'l.done -> end'])), 'p', 'q', 'r')
  enter(run, 'l')
  run.succeed('split', { left: [{ from: 0 }] })
  t.strictSame(run.names(), ['join'], 'the branch that was not taken in this iteration is not waited for')
  run.succeed('join')
  run.succeed('split', { left: [{ from: 0 }], right: [{ from: 0, json: { x: 'right' } }] })
  t.strictSame(run.names(), ['side', 'join'])
  t.strictSame(letters(run, 'join'), ['q', 'right'])
  run.succeed('join', { main: [{ from: 1 }] })
  t.strictSame(run.names(), ['side'], 'the branch that leads nowhere is part of the iteration')
  run.succeed('side')
  run.succeed('split', {})
  t.strictSame([run.names(), letters(run, 'end')], [['end'], ['p', 'right']])
  run.succeed('end')
  t.equal(run.state.status, 'succeeded')
})

t.test('a merge that does not wait for all runs once an iteration', async t => {
  const nodes = [start, loop('l'), node('a'), node('b'), node('first', { parameters: { inputs: ['a', 'b'], wait: 'any' } })]
  const run = given(new Simulation(planOf(nodes, ['start -> l', 'l.loop -> a', 'l.loop -> b', 'a -> first.a', 'b -> first.b', 'first -> l'])), 'p', 'q')
  enter(run, 'l')
  run.succeed('b')
  run.succeed('first')
  run.succeed('a')
  t.strictSame(run.names(), ['a', 'b'], 'what came late is not left over for the next iteration')
  run.succeed('a')
  t.strictSame(letters(run, 'first'), ['q'])
  run.succeed('first')
  run.succeed('b')
  t.equal(run.state.status, 'succeeded')
  t.equal(run.results('first').length, 2)
})

t.test('an inner loop starts over in each iteration of the outer one', async t => {
  const nodes = [start, loop('outer'), node('more'), loop('inner'), node('a'), node('b'), node('end')]
  const run = given(new Simulation(planOf(nodes, ['start -> outer', 'outer.loop -> more', 'more -> inner', 'inner.loop -> a', 'a -> inner', 'inner.done -> b', 'b -> outer', 'outer.done -> end'])), 'p', 'q')
  enter(run, 'outer')
  for (const x of ['p', 'q']) {
    run.succeed('more', { main: [{ from: 0, json: { x: `${x}1` } }, { from: 0, json: { x: `${x}2` } }] })
    enter(run, 'inner')
    t.strictSame(letters(run, 'a'), [`${x}1`])
    run.succeed('a')
    run.succeed('a')
    t.strictSame(letters(run, 'b'), [`${x}1`, `${x}2`])
    run.succeed('b')
  }
  t.strictSame(letters(run, 'end'), ['p1', 'p2', 'q1', 'q2'])
  run.succeed('end')
  t.equal(run.state.status, 'succeeded')
  t.strictSame(run.results('a').length, 4)
})

t.test('a node beside the loop takes what leaves the body, iteration after iteration', async t => {
  const nodes = [start, loop('l'), node('a', { onError: 'errorOutput' }), node('notify')]
  const run = given(new Simulation(planOf(nodes, ['start -> l', 'l.loop -> a', 'a.main -> l', 'a.error -> notify', 'l.done -> notify'])), 'p', 'q')
  enter(run, 'l')
  run.fail('a')
  t.strictSame(run.names().sort(), ['a'], 'what l.done may bring comes first in plan order')
  run.succeed('a')
  t.strictSame(letters(run, 'notify'), ['q'])
  run.succeed('notify')
  t.strictSame(letters(run, 'notify'), ['p'])
  run.succeed('notify')
  t.equal(run.state.status, 'succeeded')
})

t.test('nothing to go around: the loop and all of its body are skipped', async t => {
  const run = new Simulation(planOf([start, loop('l'), node('a'), loop('m'), node('b'), node('end')],
    ['start -> l', 'l.loop -> a', 'a -> m', 'm.loop -> b', 'b -> m', 'm.done -> l', 'l.done -> end'])).begin()
  run.succeed('start', {})
  t.equal(run.state.status, 'succeeded')
  t.strictSame(run.types().filter(type => type.startsWith('step.skipped')).sort(), ['a', 'b', 'end', 'l', 'm'].map(id => `step.skipped ${id}`))
})

t.test('of the body only what never ran in any iteration counts as skipped', async t => {
  const run = given(new Simulation(planOf([start, loop('l'), node('split', { parameters: { outputs: ['x', 'y'] } }), node('sometimes'), node('never')],
    ['start -> l', 'l.loop -> split', 'split.x -> sometimes', 'split.y -> never', 'sometimes -> l'])), 'p', 'q')
  enter(run, 'l')
  run.succeed('split', {})
  run.succeed('split', { x: [{ from: 0 }] })
  run.succeed('sometimes')
  t.equal(run.state.status, 'succeeded')
  t.strictSame(run.types().filter(type => type.startsWith('step.skipped')), ['step.skipped never'])
})

t.test('each arrival goes around by itself', async t => {
  const run = new Simulation(planOf([start, node('a'), node('b'), loop('l'), node('body'), node('end')],
    ['start -> a', 'start -> b', 'a -> l', 'b -> l', 'l.loop -> body', 'body -> l', 'l.done -> end'])).begin()
  run.succeed('start')
  run.succeed('b', { main: [{ json: { x: 'b' } }] })
  run.succeed('a', { main: [{ json: { x: 'a' } }] })
  for (const x of ['a', 'b']) {
    enter(run, 'l')
    t.strictSame(letters(run, 'body'), [x])
    run.succeed('body')
  }
  t.strictSame(letters(run, 'end'), ['a'])
  run.succeed('end')
  run.succeed('end')
  t.equal(run.state.status, 'succeeded')
  t.strictSame(sent(run, 'l', 'done'), [[], ['a'], [], ['b']])
})

t.test('a loop that fails sends its items on by done or error', async t => {
  for (const onError of ['continue', 'errorOutput'] as const) {
    const output = onError === 'continue' ? 'done' : 'error'
    const run = given(new Simulation(planOf([start, loop('l', { onError }), node('a'), node('end')], ['start -> l', 'l.loop -> a', 'a -> l', `l.${output} -> end`])), 'p')
    run.fail('l')
    t.strictSame(run.names(), ['end'])
    run.succeed('end')
    t.equal(run.state.status, 'succeeded')
    t.strictSame(run.types().filter(type => type.startsWith('step.skipped')), ['step.skipped a'])
  }
})

t.test('a body without an end, or none at all, goes around as well', async t => {
  for (const links of [['l.loop -> a'], [], ['l.loop -> l']]) {
    const run = given(new Simulation(planOf([start, loop('l'), node('a'), node('end')], ['start -> l', ...links, 'l.done -> end'])), 'p', 'q')
    enter(run, 'l')
    while (run.running.length > 0) run.succeed(run.names()[0]!)
    t.equal(run.state.status, 'succeeded')
    t.equal(run.results('l').length, 3)
    t.strictSame(sent(run, 'l', 'done').flat(), links[0] === 'l.loop -> l' ? ['p', 'q'] : [])
  }
})

t.test('what goes around more than 100,000 times ends', async t => {
  const run = new Simulation(planOf([start, loop('l')], ['start -> l', 'l.loop -> l'])).begin()
  run.succeed('start', { main: Array.from({ length: 100_001 }, (_, x) => ({ json: { x } })) })
  enter(run, 'l')
  t.equal(run.state.status, 'failed')
  t.match(run.state.error, { code: 'WC_LOOP_LIMIT', nodeId: 'l' })
  t.equal(run.finished, 1)
})
