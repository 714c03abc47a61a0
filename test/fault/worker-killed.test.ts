import t from 'tap'
import { startCallee } from '../support/callee.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { callingWorkflow } from '../support/fault-workflows.ts'
import { countHistories } from '../support/histories.ts'
import { until } from '../support/service-process.ts'

const IN_FLIGHT = 12
/** Lease 2 s, a look each second, and a machine that may be busy; what nobody resumes is found after 120 s. */
const RECOVERY_LIMIT = 30_000

t.test('kill -9 of the worker in the middle of HTTP nodes: another one resumes there', { skip: missing('database', 'redis') }, async t => {
  const callee = await startCallee(t)
  const service = await deploySeparate(t)
  const client = await service.client()
  const workflow = await client.publish(callingWorkflow(callee.url))

  await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, n) => await client.start('calling', { n })))
  await until('the executions that run first are done', () => callee.callsTo('/call').every(call => call.answered) && callee.callsTo('/call').length === IN_FLIGHT)
  await client.allFinished(workflow.id, IN_FLIGHT)
  const quiet = callee.calls.length

  callee.hold = true
  const ids = await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, n) => await client.start('calling', { n })))
  await until('all wait in their first call', () => callee.calls.length - quiet === IN_FLIGHT)
  callee.hold = false
  callee.hold = true
  await until('all wait in their second call', () => callee.calls.length - quiet === 2 * IN_FLIGHT)
  await service.startWorker()
  await service.workers[0]!.kill()
  const killedAt = Date.now()
  callee.hold = false
  await client.allFinished(workflow.id, 2 * IN_FLIGHT)
  const recovery = Date.now() - killedAt

  t.ok(recovery < RECOVERY_LIMIT, `recovered within ${recovery} ms`)
  const mine = callee.calls.slice(quiet)
  t.equal(mine.filter(({ path }) => path === '/first').length, IN_FLIGHT, 'what had been answered was not called again')
  t.equal(mine.filter(({ path }) => path === '/call').length, 2 * IN_FLIGHT, 'what was in flight was called once more')
  for (const id of ids) {
    t.equal(mine.filter(({ key }) => key === `${id}:first:0:0`).length, 1)
    t.equal(mine.filter(({ key }) => key === `${id}:call:0:0`).length, 2, 'with the same key')
    t.equal((await client.execution(id)).status, 'succeeded')
    const steps = await client.steps(id)
    t.match(steps.get('first'), { status: 'succeeded', attempt: 1 })
    t.match(steps.get('call'), { status: 'succeeded', attempt: 2 })
    t.match(steps.get('after'), { status: 'succeeded', attempt: 1 })
  }
  const { executions, terminal, broken, leases } = await countHistories(service.sql)
  t.equal(executions, 2 * IN_FLIGHT)
  t.equal(terminal, executions)
  t.equal(broken, 0)
  t.equal(leases, 0)
})

t.test('kill -9 of the worker in the middle of a poll: another one asks again, and no item is lost or doubled', { skip: missing('database', 'redis') }, async t => {
  const callee = await startCallee(t)
  const service = await deploySeparate(t)
  const client = await service.client()
  callee.hold = true
  const workflow = await client.publish({
    name: 'Polling',
    nodes: [
      { id: 'poll', type: 'poll', parameters: { every: '1s', url: `${callee.url}/poll`, query: { after: '{{ $cursor }}' }, key: 'call', cursor: '{{ $json.call }}' } },
      { id: 'after', type: 'set', parameters: { fields: { done: true } } }
    ],
    connections: [{ from: 'poll', to: 'after' }],
    settings: {}
  })
  const [{ id }] = (await client.call('GET', `/v1/polls?workflowId=${workflow.id}`)).data
  for (let round = 1; round <= 3; round++) {
    await until('it asks', () => callee.callsTo('/poll').some(call => !call.answered && !call.aborted))
    await service.startWorker()
    await service.workers[round - 1]!.kill()
    callee.hold = false
    const answered = callee.callsTo('/poll').filter(call => call.answered).length
    await until('another worker polls', () => callee.callsTo('/poll').filter(call => call.answered).length > answered + 1)
    callee.hold = true
  }
  callee.hold = false
  await client.call('POST', `/v1/polls/${id}/pause`)
  const state = await until('the last poll is over', async () => {
    const poll = await client.call('GET', `/v1/polls/${id}`)
    return poll.polling === false && poll
  })
  await client.allFinished(workflow.id, callee.callsTo('/poll').filter(call => call.answered).length)
  const items = (await service.sql<Array<{ payload: { items: Array<{ call: number }> } }>>`select payload from executions where workflow_id = ${workflow.id} order by id`).flatMap(({ payload }) => payload.items.map(({ call }) => call))
  t.strictSame(items, callee.calls.flatMap((call, index) => call.answered ? [index] : []), 'each answer that reached a worker started one execution')
  t.equal(state.cursor, items.at(-1))
  t.match(state, { failures: 0, lastError: null })
})
