import t from 'tap'
import type { Incoming } from '../../src/engine/wait.ts'
import { waitingFor } from '../../src/engine/waiting-for.ts'
import { node, planOf, Simulation, start } from '../support/engine-simulator.ts'

const called = (nodeId: string, run = 0): Incoming => ({ kind: 'callback', nodeId, run, request: { method: 'POST', query: {}, headers: {}, body: null } })
const decided = (nodeId: string, choice: string): Incoming => ({ kind: 'approval', nodeId, run: 0, approval: { choice, by: { type: 'link' }, at: '2026-01-01T00:00:00.000Z' } })
const done = { outputs: { main: [{ from: 0 }] } }

function waiting (...rest: ConstructorParameters<typeof Simulation>): Simulation {
  const run = new Simulation(...rest).begin()
  run.succeed('start')
  return run
}

const straight = planOf([start, node('wait'), node('after')], ['start -> wait', 'wait -> after'])

t.test('a step that waits for a time: the execution waits, goes on when it is due, and survives a crash at any event', async t => {
  for (const crash of [false, true]) {
    const run = waiting(straight)
    run.suspend('wait', { kind: 'timer', until: 5000 })
    t.equal(run.state.status, 'waiting')
    t.equal(run.timerAt, 5000)
    if (crash) run.crash()
    t.same(run.names(), [], 'nothing runs meanwhile')
    run.due(4999)
    t.same(run.asked, [])
    run.due(5000)
    t.match(run.asked, [{ node: { id: 'wait' }, resumption: { kind: 'timeUp', wait: { kind: 'timer' } } }])
    run.follow(done)
    run.succeed('after')
    t.equal(run.state.status, 'succeeded')
    t.same(run.types().filter(type => !type.startsWith('step.started')), [
      'execution.started', 'step.succeeded start', 'step.waiting wait', 'execution.waiting', 'execution.resumed', 'step.succeeded wait', 'step.succeeded after', 'execution.succeeded'
    ])
    t.equal(run.state.waits, 0)
  }
})

t.test('a time that is over when the step begins to wait costs no waiting', async t => {
  const run = waiting(straight)
  run.suspend('wait', { kind: 'timer', until: 0 })
  run.follow(done)
  t.notOk(run.types().includes('execution.waiting'))
  t.same(run.names(), ['after'])
})

t.test('a message is for the run that waits for it, of its kind, and counts once', async t => {
  const run = waiting(straight)
  t.same(run.tell(called('wait')).commands, [], 'before the wait nothing follows: the runtime says it again')
  run.suspend('wait', { kind: 'callback' })
  for (const message of [called('after'), called('wait', 1), called('nowhere'), decided('wait', 'approve')]) t.same(run.tell(message).events, [])
  t.same(run.asked, [])
  run.tell(called('wait'))
  run.follow(done)
  run.tell(called('wait'))
  t.same(run.asked, [])
  t.same(run.names(), ['after'])
})

t.test('an answer that came in time goes before a deadline that has passed since', async t => {
  const run = waiting(straight)
  run.suspend('wait', { kind: 'callback', until: 3000 })
  run.now = 9000
  run.asked = []
  run.signal({ type: 'resume', mail: [called('wait')] })
  t.match(run.asked, [{ resumption: { kind: 'message' } }])
  t.equal(run.asked.length, 1)
})

t.test('an approval takes one of its choices', async t => {
  const run = waiting(straight)
  run.suspend('wait', { kind: 'approval', choices: ['yes', 'no'] })
  run.tell(decided('wait', 'perhaps'))
  t.same(run.asked, [])
  run.tell(decided('wait', 'no'))
  t.equal(run.asked.length, 1)
})

t.test('what is answered from outside is closed when it ends; a time is not', async t => {
  for (const [wait, closed] of [[{ kind: 'callback', until: 3000 }, ['wait:0']], [{ kind: 'timer', until: 3000 }, []]] as const) {
    const run = waiting(straight)
    run.suspend('wait', wait)
    run.due(3000)
    run.follow(done)
    t.same(run.closed, closed)
  }
})

t.test('the timeout of a node ends its wait, is not prolonged by a second wait, and may be retried', async t => {
  const plan = planOf([start, node('wait', { timeout: '1s', retry: { maxAttempts: 2, delay: '1s' } })], ['start -> wait'])
  const run = waiting(plan)
  run.now = 1000
  run.suspend('wait', { kind: 'callback', until: 9000 })
  t.equal(run.timerAt, 2000)
  run.now = 1500
  run.tell(called('wait'))
  run.follow({ kind: 'callback', until: 9000 })
  t.equal(run.timerAt, 2000)
  run.due(2000)
  t.match(run.events.findLast(event => event.type === 'step.retrying'), { error: { code: 'WC_STEP_TIMEOUT' }, until: 3000 })
  t.same(run.closed, [], 'another attempt may be answered')
  t.equal(run.state.status, 'waiting')
  run.due(3000)
  t.match(run.running, [{ node: { id: 'wait' }, attempt: 2 }])
  run.suspend('wait', { kind: 'callback' })
  run.due(4000)
  t.match(run.state, { status: 'failed', error: { code: 'WC_STEP_TIMEOUT', nodeId: 'wait' } })
  t.same(run.closed, ['wait:0'])
})

t.test('while another branch runs the execution does not wait; several waits are told together', async t => {
  const plan = planOf([start, node('a'), node('b'), node('c', { retry: { maxAttempts: 2, delay: '9s' } })], ['start -> a', 'start -> b', 'start -> c'])
  const run = waiting(plan)
  run.suspend('a', { kind: 'callback' })
  run.suspend('b', { kind: 'timer', until: 7000 })
  t.equal(run.state.status, 'running')
  run.fail('c', { retryable: true })
  t.equal(run.state.status, 'waiting')
  t.same(waitingFor(plan, run.state), {
    type: 'timer', nodeId: 'b', run: 0, until: '1970-01-01T00:00:07.000Z',
    others: [{ type: 'retry', nodeId: 'c', run: 0, until: '1970-01-01T00:00:10.000Z' }, { type: 'callback', nodeId: 'a', run: 0 }]
  })
  run.signal({ type: 'cancel' })
  t.equal(run.state.status, 'cancelled')
})

t.test('the timeout of the workflow counts the time that is not spent waiting', async t => {
  const plan = planOf([start, node('wait'), node('after')], ['start -> wait', 'wait -> after'], { timeout: '2s' })
  const run = waiting(plan)
  run.now = 2500
  run.suspend('wait', { kind: 'callback' })
  run.now = 60_000
  run.tell(called('wait'))
  run.follow(done)
  t.same(run.names(), ['after'])
  run.due(60_400)
  t.equal(run.state.status, 'running')
  run.due(60_501)
  t.match(run.state, { status: 'timedOut' })
})
