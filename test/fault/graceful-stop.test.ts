import t from 'tap'
import { burst } from '../support/burst.ts'
import { startCallee } from '../support/callee.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { callingWorkflow, pureWorkflow } from '../support/fault-workflows.ts'
import { countHistories } from '../support/histories.ts'
import { until } from '../support/service-process.ts'

const SHORT = 6
const POSTS = 400

t.test('SIGTERM during work', { skip: missing('database', 'redis') }, async t => {
  const callee = await startCallee(t)
  const service = await deploySeparate(t)
  const client = await service.client()
  const workflow = await client.publish(callingWorkflow(callee.url))

  await t.test('a worker ends what ends in time, and takes nothing new', async t => {
    callee.delay = 1500
    const ids = await Promise.all(Array.from({ length: SHORT }, async (_, n) => await client.start('calling', { n })))
    await until('all are in their first call', () => callee.calls.length === SHORT)
    const stopped = service.workers[0]!.stop()
    t.equal(await stopped, 0, 'exit code 0')
    for (const id of ids) t.equal((await client.execution(id)).status, 'succeeded', 'it finished before it went')
    t.equal(callee.calls.length, 2 * SHORT, 'no call was made twice')
  })

  await t.test('what does not end in time is given back, and that is no crash', async t => {
    callee.hold = true
    await service.startWorker()
    const id = await client.start('calling', { n: 1 })
    const before = callee.calls.length
    await until('it is in its first call', () => callee.calls.length > before || callee.callsTo('/first').some(call => call.key?.startsWith(id)))
    t.equal(await service.workers[1]!.stop(), 0, 'exit code 0')
    const [lease] = await service.sql`select status, owner, takeovers from execution_leases where execution_id = ${id}`
    t.match(lease, { status: 'queued', owner: null, takeovers: 0 }, 'given back')
    callee.hold = false
    callee.delay = 0
    const next = await service.startWorker()
    t.equal((await client.finished(id)).status, 'succeeded')
    t.match((await client.steps(id)).get('first'), { attempt: 2 })
    t.equal(callee.calls.filter(({ key }) => key === `${id}:first:0:0`).length, 2)
    t.notMatch(next.output, 'Taking over an execution whose worker went away')
  })

  await t.test('an API answers what it has taken', async t => {
    const pure = await client.publish(pureWorkflow())
    const posts = burst(client, 'pure', { count: POSTS, lanes: 16 })
    await until('some are accepted', () => posts.accepted.size > POSTS / 4, 30_000, 1)
    t.equal(await service.api.stop(), 0, 'exit code 0')
    posts.stop()
    await posts.done
    await service.startApi()
    const executions = await client.allFinished(pure.id, posts.accepted.size)
    t.equal(executions.length, posts.accepted.size, 'nothing was accepted without its 202')
  })

  const { executions, terminal, broken, leases } = await countHistories(service.sql)
  t.equal(terminal, executions)
  t.equal(broken, 0)
  t.equal(leases, 0)
  t.equal(workflow.version, 1)
})
