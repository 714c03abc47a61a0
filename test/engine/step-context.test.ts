import t from 'tap'
import { noFiles } from '../support/node-context.ts'
import { stepContext } from '../../src/engine/step-context.ts'
import { noConnections } from '../support/node-context.ts'
import { node, planOf, Simulation, start } from '../support/engine-simulator.ts'

/** The parameters of a step that runs, for one of its items. */
function parametersOf (run: Simulation, nodeId: string, index = 0): unknown {
  const { node, run: number, attempt, inputs } = run.running.find(step => step.node.id === nodeId)!
  const powers = { signal: new AbortController().signal, fetch: async () => { throw new Error('No network') }, files: noFiles, runCode: async () => { throw new Error('No sandbox') }, connect: noConnections, credential: async () => { throw new Error('No credentials') }, now: () => run.now, log: () => {}, subWorkflow: () => Promise.reject(new Error('No workflows')), answerUrl: (id: string, at: number, choice = '') => `${id}:${at}:${choice}`, randomBytes: () => new Uint8Array(), claimKeys: async () => new Set<string>() }
  const context = stepContext({ plan: run.plan, state: run.state, node, run: number, attempt, inputs }, { id: 'execution', rootId: 'root', trigger: 'manual' }, powers)
  return (context.parameters as (index: number) => unknown)(index)
}

const reader = (expression: string) => node('reader', { parameters: { value: `{{ ${expression} }}` } })

t.test("$('x').item is the item that this one was made from, through any number of nodes", async t => {
  const plan = planOf([start, node('list'), node('swap'), node('passed'), reader("$('list').item.json.n")], ['start -> list', 'list -> swap', 'swap -> passed', 'passed -> reader'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('list', { main: [{ json: { n: 1 } }, { json: { n: 2 } }, { json: { n: 3 } }] })
  run.succeed('swap', { main: [{ from: 2, json: { other: 'c' } }, { from: 0, patch: { more: true } }] })
  run.succeed('passed')
  t.same([0, 1].map(index => parametersOf(run, 'reader', index)), [{ value: 3 }, { value: 1 }])
})

t.test('lineage goes through a merge, to either side', async t => {
  const plan = planOf([start, node('a'), node('b'), node('join', { parameters: { inputs: ['left', 'right'] } }), node('reader', { parameters: { value: "{{ $('a').item.json.n + $('b').item.json.n }}" } })],
    ['start -> a', 'start -> b', 'a -> join.left', 'b -> join.right', 'join -> reader'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('a', { main: [{ json: { n: 1 } }, { json: { n: 2 } }] })
  run.succeed('b', { main: [{ json: { n: 10 } }, { json: { n: 20 } }] })
  run.succeed('join', { main: [{ from: [0, 3], json: {} }, { from: [1, 2], json: {} }] })
  t.same([0, 1].map(index => parametersOf(run, 'reader', index)), [{ value: 21 }, { value: 12 }])
})

t.test('it is also there after a crash', async t => {
  const run = new Simulation(planOf([start, node('list'), node('swap'), reader("$('list').item.json.n")], ['start -> list', 'list -> swap', 'swap -> reader'])).begin()
  run.succeed('start')
  run.succeed('list', { main: [{ json: { n: 1 } }, { json: { n: 2 } }] })
  run.succeed('swap', { main: [{ from: 1, json: {} }] })
  run.crash()
  t.same(parametersOf(run, 'reader'), { value: 2 })
})

t.test('of a node that ran several times, a step sees the run that its items came from, however far the others are', async t => {
  const plan = planOf([start, node('a'), node('b'), node('twice'), reader("$('twice').first().json.from")], ['start -> a', 'start -> b', 'a -> twice', 'b -> twice', 'twice -> reader'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('a', { main: [{ json: { from: 'a' } }] })
  run.succeed('b', { main: [{ json: { from: 'b' } }] })
  run.succeed('twice')
  const early = parametersOf(run, 'reader')
  run.succeed('twice')
  t.same(early, { value: 'a' })
  t.same(parametersOf(run, 'reader'), early)
  run.succeed('reader')
  t.same(parametersOf(run, 'reader'), { value: 'b' })
})

t.test('a ladder of merges is walked once, not by each of its paths', async t => {
  const rungs = Array.from({ length: 60 }, (_, index) => `n${index}`)
  const run = new Simulation(planOf([start, ...rungs.map(id => node(id)), reader("$('n0').item.json.n + $('start').item.json.n")],
    [...rungs, 'reader'].map((id, index) => `${index === 0 ? 'start' : rungs[index - 1]} -> ${id}`)), { n: 5 }).begin()
  run.succeed('start')
  run.succeed('n0', { main: [{ from: 0, json: { n: 10 } }, { from: 0, json: { n: 20 } }] })
  for (const id of rungs.slice(1)) run.succeed(id, { main: [{ from: [0, 1], json: {} }, { from: [1, 0], json: {} }] })
  t.same([0, 1].map(index => parametersOf(run, 'reader', index)), [{ value: 15 }, { value: 25 }])
})

t.test('of several ways back the shortest counts, and ways that met before are one', async t => {
  const join = node('join', { parameters: { inputs: ['far', 'near'] } })
  const run = new Simulation(planOf([start, node('list'), node('a'), node('b'), join, node('passed'), reader("$('list').item.json.n")],
    ['start -> list', 'list -> a', 'a -> b', 'b -> join.far', 'list -> join.near', 'join -> passed', 'passed -> reader'])).begin()
  run.succeed('start')
  run.succeed('list', { main: [{ json: { n: 1 } }, { json: { n: 2 } }, { json: { n: 3 } }] })
  run.succeed('a')
  run.succeed('b')
  run.succeed('join', { main: [{ from: [0, 5], json: {} }, { from: [1, 4], json: {} }, { from: 2, json: {} }] })
  run.succeed('passed')
  t.same([0, 1, 2].map(index => parametersOf(run, 'reader', index)), [{ value: 3 }, { value: 2 }, { value: 3 }])
})

t.test('a node that sent one item in all is looked up without a search, and no other node for it', async t => {
  const run = new Simulation(planOf([start, node('one'), node('fork', { parameters: { outputs: ['yes', 'no'] } }), reader("[$('one').item.json.n, $('fork').item?.json.side, $('fork').all().length]")],
    ['start -> one', 'one -> fork', 'fork.no -> reader'])).begin()
  run.succeed('start')
  run.succeed('one', { main: [{ json: { n: 1 } }] })
  run.succeed('fork', { yes: [{ from: 0, json: { side: 'yes' } }], no: [{ from: 0, json: { side: 'no' } }] })
  t.same(parametersOf(run, 'reader'), { value: [1, 'no', 1] })
})
