import { mock } from 'node:test'
import { pino } from 'pino'
import t from 'tap'
import type { QueuedExecution } from '../../src/lib/queued-execution.ts'
import type { Batch, Queue } from '../../src/queue/port.ts'
import { createDispatcher } from '../../src/services/dispatcher.ts'
import type { Teardown } from '../support/database.ts'

const PAUSE = 20

/** Batches as the queue gets them; its clock goes on only when it is told to. */
function site (t: Teardown) {
  let now = 1000
  mock.timers.enable({ apis: ['setTimeout'] })
  const clock = mock.method(performance, 'now', () => now)
  t.teardown(() => {
    mock.timers.reset()
    clock.mock.restore()
  })
  const batches: Batch[] = []
  const queue = { depth: () => 0, dispatch: async (batch: Batch) => { batches.push(batch) } } as unknown as Queue
  const dispatcher = createDispatcher(queue, pino({ level: 'silent' }), PAUSE)
  let made = 0
  return {
    dispatcher,
    dispatch (count: number, more: Partial<QueuedExecution> = {}): void {
      dispatcher.dispatch(Array.from({ length: count }, () => ({ id: String(made++), organizationId: 'a', workflowId: 'w', version: 1, nodeId: 'in', trigger: 'webhook', payload: '{}', origin: '', ...more })))
    },
    async sent (): Promise<number[]> {
      // The queue takes what it was sent.
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
      return batches.splice(0).map(({ executions }) => executions.length)
    },
    pass (milliseconds: number): void {
      now += milliseconds
      mock.timers.tick(milliseconds)
    },
    batches
  }
}

t.test('what comes alone goes at once; what comes right behind it gathers', async t => {
  const { dispatch, sent, pass } = site(t)
  dispatch(1)
  t.same(await sent(), [1])
  dispatch(2)
  dispatch(3)
  pass(PAUSE - 1)
  t.same(await sent(), [])
  pass(1)
  t.same(await sent(), [5])
})

t.test('where many come they gather twice as long, until few do', async t => {
  const { dispatch, sent, pass } = site(t)
  dispatch(40)
  t.same(await sent(), [40])
  dispatch(10)
  pass(PAUSE)
  dispatch(25)
  pass(PAUSE - 1)
  t.same(await sent(), [], 'what comes in the second half does not send the first')
  pass(1)
  t.same(await sent(), [35])
  dispatch(1)
  pass(2 * PAUSE)
  t.same(await sent(), [1])
  dispatch(1)
  pass(PAUSE)
  t.same(await sent(), [1])
})

t.test('a full batch waits for nothing; organizations and priorities travel apart', async t => {
  const { dispatch, sent, batches, dispatcher } = site(t)
  dispatch(1)
  t.same(await sent(), [1])
  dispatch(401)
  t.same(await sent(), [400])
  dispatch(1, { organizationId: 'b' })
  dispatch(1, { origin: '{"priority":"high"}' })
  await dispatcher.flush()
  t.same(batches.map(({ organizationId, priority, executions }) => [organizationId, priority, executions.length]), [['a', 'normal', 1], ['b', 'normal', 1], ['a', 'high', 1]])
})

t.test('large payloads make a batch full sooner: the rows of larger ones would not travel with it', async t => {
  const { dispatch, sent, dispatcher } = site(t)
  dispatch(1)
  t.same(await sent(), [1])
  const payload = JSON.stringify('x'.repeat(512 * 1024))
  dispatch(3, { payload })
  t.same(await sent(), [])
  dispatch(2, { payload })
  t.same(await sent(), [4])
  await dispatcher.flush()
  t.same(await sent(), [1])
})
