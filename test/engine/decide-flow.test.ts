import t from 'tap'
import { node, planOf, Simulation, start } from '../support/engine-simulator.ts'

const fork = node('fork', { parameters: { outputs: ['yes', 'no'] } })
const join = (wait?: unknown, inputs = ['a', 'b']) => node('join', { parameters: { inputs, ...(wait === undefined ? {} : { wait }) } })

t.test('a chain runs in order, each step with what the one before it sent', async t => {
  const run = new Simulation(planOf([start, node('one'), node('two')], ['start -> one', 'one -> two']), { n: 1 }).begin()
  run.succeed('start')
  t.same(run.names(), ['one'])
  run.succeed('one', { main: [{ from: 0, patch: { m: 2 } }, { json: { k: 3 } }] })
  t.same(run.inputsOf('two')[0]!.map(item => item.json), [{ n: 1, m: 2 }, { k: 3 }])
  run.succeed('two')
  t.equal(run.state.status, 'succeeded')
  t.equal(run.finished, 1)
  t.equal(run.state.seq, run.events.length + 1)
})

t.test('branches run in parallel', async t => {
  const run = new Simulation(planOf([start, node('a'), node('b')], ['start -> a', 'start -> b'])).begin()
  run.succeed('start')
  t.same(run.names(), ['a', 'b'])
  run.succeed('b')
  t.notOk(run.isOver)
  run.succeed('a')
  t.equal(run.state.status, 'succeeded')
})

t.test('a branch not taken is skipped to its end, and a merge does not wait for it', async t => {
  const plan = planOf([start, fork, node('y'), node('n1'), node('n2'), join(), node('after')],
    ['start -> fork', 'fork.yes -> y', 'fork.no -> n1', 'n1 -> n2', 'y -> join.a', 'n2 -> join.b', 'join -> after'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('fork', { yes: [{ from: 0 }] })
  t.same(run.names(), ['y'])
  t.ok(run.types().includes('step.skipped n1') && run.types().includes('step.skipped n2'))
  run.succeed('y')
  t.same(run.names(), ['join'])
  t.same(run.inputsOf('join').map(token => token.length), [1, 0])
  run.succeed('join')
  run.succeed('after')
  t.equal(run.state.status, 'succeeded')
})

t.test('a merge waits for all that can still come', async t => {
  const plan = planOf([start, node('a'), node('b'), join()], ['start -> a', 'start -> b', 'a -> join.a', 'b -> join.b'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('b')
  t.same(run.names(), ['a'])
  run.succeed('a')
  t.same(run.names(), ['join'])
})

t.test('a merge whose last branch sends nothing goes on with what it has; with nothing at all it is skipped', async t => {
  const plan = planOf([start, node('a'), node('b'), join()], ['start -> a', 'start -> b', 'a -> join.a', 'b -> join.b'])
  const some = new Simulation(plan).begin()
  some.succeed('start')
  some.succeed('a')
  some.succeed('b', {})
  t.same(some.names(), ['join'])
  const none = new Simulation(plan).begin()
  none.succeed('start')
  none.succeed('a', {})
  none.succeed('b', { main: [] })
  t.equal(none.state.status, 'succeeded')
  t.ok(none.types().includes('step.skipped join'))
})

t.test('a merge that waits for any input runs once, with the first; later arrivals change nothing', async t => {
  const plan = planOf([start, node('a'), node('b'), join('any'), node('after')], ['start -> a', 'start -> b', 'a -> join.a', 'b -> join.b', 'join -> after'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('b')
  t.same(run.inputsOf('join').map(token => token.length), [0, 1])
  run.succeed('join')
  run.succeed('after')
  run.succeed('a')
  t.equal(run.state.status, 'succeeded')
  t.equal(run.types().filter(type => type === 'step.started join').length, 1)
})

t.test('a merge that waits for two of three runs with two, or with one where no more can come', async t => {
  const ids = ['a', 'b', 'c']
  const plan = planOf([start, ...ids.map(id => node(id)), join(2, ids)], ids.flatMap(id => [`start -> ${id}`, `${id} -> join.${id}`]))
  const two = new Simulation(plan).begin()
  two.succeed('start')
  two.succeed('c')
  t.notOk(two.names().includes('join'))
  two.succeed('a')
  t.ok(two.names().includes('join'))
  const one = new Simulation(plan).begin()
  one.succeed('start')
  one.succeed('c')
  one.succeed('a', {})
  t.notOk(one.names().includes('join'))
  one.succeed('b', {})
  t.ok(one.names().includes('join'))
})

for (const order of [['a', 'b'], ['b', 'a']]) {
  t.test(`several links into one input run the node once for each, in plan order, when ${order.join(' is before ')}`, async t => {
    const plan = planOf([start, node('a'), node('b'), node('sink')], ['start -> a', 'start -> b', 'b -> sink', 'a -> sink'])
    const run = new Simulation(plan).begin()
    run.succeed('start')
    for (const id of order) run.succeed(id, { main: [{ json: { from: id } }] })
    const seen: unknown[] = []
    while (run.names().includes('sink')) {
      seen.push(run.inputsOf('sink')[0]!.map(item => item.json['from']))
      run.succeed('sink')
    }
    t.same(seen, [['a'], ['b']])
    t.equal(run.state.status, 'succeeded')
    t.equal(run.results('sink').length, 2)
  })
}

t.test('what only another trigger leads to is no part of the execution', async t => {
  const plan = planOf([start, { id: 'other', type: 'manual' }, node('mine'), node('theirs'), join()],
    ['start -> mine', 'other -> theirs', 'mine -> join.a', 'theirs -> join.b'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('mine')
  run.succeed('join')
  t.equal(run.state.status, 'succeeded')
  t.notOk(run.types().some(type => type.includes('other') || type.includes('theirs')))
})

t.test('an output that is called like a property of every object sends what the node sent and nothing else', async t => {
  for (const name of ['constructor', 'hasOwnProperty', '__proto__']) {
    const plan = planOf([start, node('odd', { parameters: { outputs: ['main', name] } }), node('next')], ['start -> odd', `odd.${name} -> next`])
    const silent = new Simulation(plan).begin()
    silent.succeed('start')
    silent.succeed('odd')
    t.equal(silent.state.status, 'succeeded', name)
    const speaking = new Simulation(plan).begin()
    speaking.succeed('start')
    speaking.succeed('odd', Object.fromEntries([[name, [{ json: { said: name } }]]]))
    t.same(speaking.inputsOf('next')[0]!.map(item => item.json), [{ said: name }])
    t.same(Object.entries(speaking.results('odd')[0]!).map(([output, token]) => [output, token.length]), [[name, 1]])
  }
})

t.test('an answer is commanded and remembered', async t => {
  const run = new Simulation(planOf([start, node('reply')], ['start -> reply'])).begin()
  run.succeed('start')
  run.succeed('reply', {}, { status: 201, headers: {}, body: 'ok' })
  t.same(run.answers, [{ status: 201, headers: {}, body: 'ok' }])
  t.equal(run.state.answer?.status, 201)
})
