import t from 'tap'
import { node, planOf, Simulation, start } from '../support/engine-simulator.ts'

for (const type of ['none', 'idempotent']) {
  t.test(`a step with effects ${type} runs again after a crash, as the next attempt with the same inputs`, async t => {
    const run = new Simulation(planOf([start, node('work', { type })], ['start -> work']), { n: 1 }).begin()
    run.succeed('start')
    run.crash()
    t.match(run.running, [{ node: { id: 'work' }, run: 0, attempt: 2 }])
    t.same(run.inputsOf('work')[0]!.map(item => item.json), [{ n: 1 }])
    t.same(run.signal({ type: 'stepSucceeded', nodeId: 'work', run: 0, attempt: 1, outcome: { outputs: {} } }).events, [])
    run.succeed('work')
    t.equal(run.state.status, 'succeeded')
  })
}

t.test('a step that may happen once only is not repeated', async t => {
  const run = new Simulation(planOf([start, node('mail', { type: 'once' })], ['start -> mail'])).begin()
  run.succeed('start')
  run.crash()
  t.same(run.names(), [])
  t.match(run.state, { status: 'failed', error: { code: 'WC_STEP_INTERRUPTED', nodeId: 'mail' } })
})

t.test('a step that may happen once only goes on by its error output, or runs again where its retry rule allows it', async t => {
  const mended = new Simulation(planOf([start, node('mail', { type: 'once', onError: 'errorOutput' }), node('mend')], ['start -> mail', 'mail.error -> mend'])).begin()
  mended.succeed('start')
  mended.crash()
  t.same(mended.names(), ['mend'])
  const repeated = new Simulation(planOf([start, node('mail', { type: 'once', retry: { maxAttempts: 2, delay: '1s' } })], ['start -> mail'])).begin()
  repeated.succeed('start')
  repeated.crash()
  t.equal(repeated.state.status, 'waiting')
  repeated.due()
  t.match(repeated.running, [{ node: { id: 'mail' }, attempt: 2 }])
})

t.test('finished steps do not run again, and a step that was never recorded runs as if for the first time', async t => {
  const run = new Simulation(planOf([start, node('one'), node('two')], ['start -> one', 'one -> two'])).begin()
  run.succeed('start')
  run.succeed('one', { main: [{ json: { made: 1 } }] })
  const recorded = run.events.findIndex(event => event.type === 'step.started' && event.nodeId === 'two')
  run.crash(recorded)
  t.match(run.running, [{ node: { id: 'two' }, attempt: 1 }])
  t.same(run.inputsOf('two')[0]!.map(item => item.json), [{ made: 1 }])
})

t.test('a merge behind a skipped branch still runs when the skip is only known from the events', async t => {
  const plan = planOf([start, node('fork', { parameters: { outputs: ['yes', 'no'] } }), node('work', { type: 'idempotent' }), node('dead'),
    node('join', { parameters: { inputs: ['a', 'b'] } })],
  ['start -> fork', 'fork.yes -> work', 'fork.no -> dead', 'work -> join.a', 'dead -> join.b'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.succeed('fork')
  run.crash()
  run.succeed('work')
  t.same(run.names(), ['join'])
})

t.test('a wait survives: resumed early it goes on waiting for the same time, resumed late it starts', async t => {
  const run = new Simulation(planOf([start, node('shaky', { retry: { maxAttempts: 2, delay: '10s' } })], ['start -> shaky'])).begin()
  run.succeed('start')
  run.fail('shaky', { retryable: true })
  const due = run.timerAt!
  run.now = due - 1
  run.crash()
  t.equal(run.timerAt, due)
  t.same(run.names(), [])
  t.equal(run.state.status, 'waiting')
  run.now = due
  run.crash()
  t.match(run.running, [{ attempt: 2 }])
  t.same(run.types().slice(-2), ['execution.resumed', 'step.started shaky'])
})

t.test('variables that were recorded at the start stay what they were', async t => {
  const run = new Simulation(planOf([start, node('work')], ['start -> work']))
  run.signal({ type: 'begin', vars: { rate: 7 } })
  run.succeed('start')
  run.crash()
  t.same(run.state.vars, { rate: 7 })
})
