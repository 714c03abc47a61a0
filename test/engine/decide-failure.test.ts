import t from 'tap'
import { foldSteps } from '../../src/engine/steps.ts'
import { decodeEvents, encodeEvents } from '../../src/engine/stored-events.ts'
import { node, planOf, Simulation, start } from '../support/engine-simulator.ts'

t.test('onError stop: the execution fails for the step, and what still runs is cancelled', async t => {
  const run = new Simulation(planOf([start, node('bad'), node('other'), node('after')], ['start -> bad', 'start -> other', 'bad -> after'])).begin()
  run.succeed('start')
  run.fail('bad', { code: 'WC_BAD', message: 'Bad' })
  t.match(run.state, { status: 'failed', error: { code: 'WC_BAD', nodeId: 'bad' } })
  t.equal(run.finished, 1)
  const { steps } = foldSteps(run.plan, 'start', {}, run.events)
  t.same(Object.fromEntries(steps.map(step => [step.nodeId, step.status])), { start: 'succeeded', bad: 'failed', other: 'cancelled' })
  t.equal(steps.find(step => step.nodeId === 'other')?.finishedAt, run.events.at(-1)?.at, 'a cancelled step ends with its execution')
  t.same(run.signal({ type: 'stepSucceeded', nodeId: 'other', run: 0, attempt: 1, outcome: { outputs: {} } }).events, [])
})

t.test('onError continue: the items go on with the error beside what they hold', async t => {
  const run = new Simulation(planOf([start, node('bad', { onError: 'continue' }), node('after')], ['start -> bad', 'bad -> after']), { kept: 1 }).begin()
  run.succeed('start')
  run.fail('bad')
  t.same(run.inputsOf('after')[0]!.map(item => item.json), [{ kept: 1, error: { code: 'WC_TEST', message: 'It failed' } }])
  run.succeed('after')
  t.equal(run.state.status, 'succeeded')
})

t.test('onError errorOutput: the items leave by the output error, and the other output stays silent', async t => {
  const plan = planOf([start, node('bad', { onError: 'errorOutput' }), node('fine'), node('mend')], ['start -> bad', 'bad -> fine', 'bad.error -> mend'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.fail('bad')
  t.same(run.names(), ['mend'])
  t.ok(run.types().includes('step.skipped fine'))
})

t.test('a node without outputs may fail under onError continue', async t => {
  const run = new Simulation(planOf([start, node('end', { onError: 'continue', parameters: { outputs: [] } })], ['start -> end'])).begin()
  run.succeed('start')
  run.fail('end')
  t.equal(run.state.status, 'succeeded')
  t.same(run.results('end'), [{}])
})

const retry = { maxAttempts: 3, delay: '100ms', maxDelay: '1s' }

t.test('retries wait with exponential backoff, hold the execution in waiting, and end with the last failure', async t => {
  const run = new Simulation(planOf([start, node('shaky', { retry })], ['start -> shaky'])).begin()
  run.succeed('start')
  for (const [attempt, wait] of [[1, 100], [2, 200]] as const) {
    t.equal(run.running[0]!.attempt, attempt)
    const at = run.now
    run.fail('shaky', { retryable: true })
    t.equal(run.state.status, 'waiting')
    t.equal(run.timerAt, at + wait)
    t.same(run.due(at + wait - 1).commands.filter(command => command.type === 'runStep'), [])
    run.due(at + wait)
    t.equal(run.state.status, 'running')
  }
  run.fail('shaky', { retryable: true })
  t.equal(run.state.status, 'failed')
})

t.test('an error that another attempt cannot mend is not retried', async t => {
  const run = new Simulation(planOf([start, node('shaky', { retry })], ['start -> shaky'])).begin()
  run.succeed('start')
  run.fail('shaky')
  t.equal(run.state.status, 'failed')
})

t.test('Retry-After moves the next attempt later, up to maxDelay, and never earlier', async t => {
  for (const [retryAfter, wait] of [[500, 500], [10, 100], [60_000, 1000], [Infinity, 1000]] as const) {
    const run = new Simulation(planOf([start, node('shaky', { retry })], ['start -> shaky'])).begin()
    run.succeed('start')
    run.fail('shaky', { retryable: true, retryAfter })
    t.equal(run.timerAt, run.now + wait)
  }
})

t.test('a retry in a million years is still a date', async t => {
  const plan = planOf([start, node('shaky', { retry: { maxAttempts: 2, delay: '999999999d', maxDelay: '999999999d' } })], ['start -> shaky'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.fail('shaky', { retryable: true })
  t.doesNotThrow(() => new Date(run.timerAt!).toISOString())
})

t.test('a retry does not wait for another branch that still runs', async t => {
  const run = new Simulation(planOf([start, node('shaky', { retry }), node('slow')], ['start -> shaky', 'start -> slow'])).begin()
  run.succeed('start')
  run.fail('shaky', { retryable: true })
  t.equal(run.state.status, 'running')
  t.equal(run.timerAt, run.now + 100)
  run.due()
  t.same(run.names(), ['slow', 'shaky'])
})

t.test('a retry that fell due while another branch ended starts with it', async t => {
  const run = new Simulation(planOf([start, node('shaky', { retry }), node('slow')], ['start -> shaky', 'start -> slow'])).begin()
  run.succeed('start')
  run.fail('shaky', { retryable: true })
  run.now += 5000
  run.succeed('slow')
  t.same(run.names(), ['shaky'])
  t.notOk(run.types().includes('execution.waiting'))
})

t.test('reports of an attempt that was given up are ignored', async t => {
  const run = new Simulation(planOf([start, node('shaky', { retry }), node('slow')], ['start -> shaky', 'start -> slow'])).begin()
  run.succeed('start')
  run.fail('shaky', { retryable: true })
  run.due()
  const late = { nodeId: 'shaky', run: 0, attempt: 1 }
  t.same(run.signal({ type: 'stepSucceeded', ...late, outcome: { outputs: {} } }).events, [])
  t.same(run.signal({ type: 'stepFailed', ...late, error: { code: 'LATE', message: 'Late' } }).events, [])
  t.same(run.signal({ type: 'stepSucceeded', nodeId: 'shaky', run: 1, attempt: 2, outcome: { outputs: {} } }).events, [])
  t.equal(run.succeed('shaky').events[0]!.type, 'step.succeeded')
})

t.test('cancel ends it at once, running or waiting; an ended execution does not change any more', async t => {
  const running = new Simulation(planOf([start, node('slow')], ['start -> slow'])).begin()
  running.succeed('start')
  running.signal({ type: 'cancel', reason: 'enough' })
  t.equal(running.state.status, 'cancelled')
  t.match(running.events.at(-1), { type: 'execution.cancelled', reason: 'enough' })
  const events = running.events.length
  running.succeed('slow')
  running.signal({ type: 'cancel' })
  running.signal({ type: 'timerDue' })
  running.signal({ type: 'resume' })
  t.equal(running.events.length, events)

  const waiting = new Simulation(planOf([start, node('shaky', { retry })], ['start -> shaky'])).begin()
  waiting.succeed('start')
  waiting.fail('shaky', { retryable: true })
  waiting.signal({ type: 'cancel' })
  t.equal(waiting.state.status, 'cancelled')
  const { steps } = foldSteps(waiting.plan, 'start', {}, waiting.events)
  t.equal(steps.at(-1)!.status, 'cancelled')
})

t.test('cancelled before it began', async t => {
  const run = new Simulation(planOf([start], []))
  run.signal({ type: 'cancel' })
  t.same(run.types(), ['execution.cancelled'])
})

t.test('settings.timeout counts what is not spent in waiting', async t => {
  const plan = planOf([start, node('shaky', { retry: { maxAttempts: 5, delay: '10s', backoff: 'fixed', maxDelay: '10s' } })], ['start -> shaky'], { timeout: '1s' })
  const run = new Simulation(plan).begin()
  run.succeed('start')
  run.now += 600
  run.fail('shaky', { retryable: true })
  run.due()
  t.same(run.names(), ['shaky'])
  run.now += 399
  run.signal({ type: 'timerDue' })
  t.equal(run.state.status, 'running')
  run.now += 1
  run.signal({ type: 'timerDue' })
  t.match(run.state, { status: 'timedOut', error: { code: 'WC_EXECUTION_TIMEOUT' } })
  t.equal(run.finished, 1)
})

t.test('events survive being stored, with their defaults left out', async t => {
  const run = new Simulation(planOf([start, node('shaky', { retry })], ['start -> shaky'])).begin()
  run.succeed('start')
  run.fail('shaky', { retryable: true })
  run.due()
  run.succeed('shaky')
  t.same(decodeEvents(JSON.parse(encodeEvents(run.events))), run.events)
})
