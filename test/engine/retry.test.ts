import t from 'tap'
import type { RetryRule } from '../../src/engine/plan.ts'
import { retryAt } from '../../src/engine/retry.ts'
import { node, planOf, Simulation, start } from '../support/engine-simulator.ts'

const RULE: RetryRule = { maxAttempts: 10, backoff: 'exponential', delay: 1000, maxDelay: 60_000, jitter: 0, maxElapsed: undefined }
const FAILED = { code: 'WC_TEST', message: 'It failed', retryable: true }
const NOW = 1_000_000

function waits (rule: Partial<RetryRule>, key = 'e:n:0', error: Parameters<typeof retryAt>[2] = FAILED): Array<number | undefined> {
  return [1, 2, 3, 8].map(failures => {
    const at = retryAt({ ...RULE, ...rule }, { failures, since: NOW, key }, error, NOW)
    return at === undefined ? undefined : at - NOW
  })
}

t.test('without jitter the delays are what the rule says', async t => {
  t.same(waits({}), [1000, 2000, 4000, 60_000])
  t.same(waits({ backoff: 'fixed' }), [1000, 1000, 1000, 1000])
  t.same(waits({}, 'e:n:0', { ...FAILED, retryable: false }), [undefined, undefined, undefined, undefined])
})

t.test('jitter takes off up to its share: differently for each execution and attempt, equally for a decision that is made again', async t => {
  const all = Array.from({ length: 200 }, (_, index) => waits({ jitter: 0.5 }, `execution-${index}:n:0`))
  t.same(all[7], waits({ jitter: 0.5 }, 'execution-7:n:0'))
  const first = all.map(([wait]) => wait!)
  t.ok(first.every(wait => wait >= 500 && wait <= 1000))
  t.ok(new Set(first).size > 100, 'they do not come back together')
  t.ok(Math.min(...first) < 600 && Math.max(...first) > 900, 'the whole range is used')
  t.ok(all.every(wait => wait[3]! >= 30_000 && wait[3]! <= 60_000))
})

t.test('jitter does not come before the time that the far side asked for', async t => {
  t.same(waits({ jitter: 1, backoff: 'fixed' }, 'e:n:0', { ...FAILED, retryAfter: 5000 }), [5000, 5000, 5000, 5000])
})

t.test('no attempt starts when more than maxElapsed is over since the first', async t => {
  t.same(waits({ maxElapsed: 2000 }), [1000, 2000, undefined, undefined])
  const plan = planOf([start, node('shaky', { retry: { maxAttempts: 100, backoff: 'fixed', delay: '1s', maxElapsed: '3s' } })], ['start -> shaky'])
  const run = new Simulation(plan).begin()
  run.succeed('start')
  for (let attempt = 1; attempt <= 4; attempt++) {
    run.fail('shaky', { retryable: true })
    run.crash()
    run.due()
  }
  t.equal(run.state.status, 'failed', 'the time counts from the first attempt, also for another worker')
  t.equal(run.events.filter(event => event.type === 'step.started' && event.nodeId === 'shaky').length, 4)
})

t.test('each iteration of a loop has its attempts and its time', async t => {
  const body = node('shaky', { retry: { maxAttempts: 2, backoff: 'fixed', delay: '1s', maxElapsed: '1s' }, onError: 'errorOutput' })
  const plan = planOf([start, node('each', { type: 'loop' }), body, node('sorry')], ['start -> each', 'each.loop -> shaky', 'shaky -> each', 'shaky.error -> sorry', 'sorry -> each'])
  const run = new Simulation(plan).begin()
  run.succeed('start', { main: [{ from: 0 }, { from: 0 }] })
  run.succeed('each', { loop: [{ from: 0 }] })
  for (let iteration = 0; iteration < 2; iteration++) {
    run.fail('shaky', { retryable: true })
    run.due()
    run.fail('shaky', { retryable: true })
    t.same(run.names(), ['sorry'])
    run.succeed('sorry')
  }
  t.equal(run.state.status, 'succeeded')
  t.equal(run.results('each').at(-1)!['done']!.length, 2)
})
