import t from 'tap'
import { burst } from '../support/burst.ts'
import { startCallee } from '../support/callee.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { callingWorkflow, pureWorkflow } from '../support/fault-workflows.ts'
import { countHistories, known } from '../support/histories.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/service-process.ts'

const CALLING = 6
const OUTAGE = 6000
/** A client must hear of it before it would give up, after 30 s; milliseconds, on a machine that may be busy. */
const ANSWER_LIMIT = 20_000

t.test('PostgreSQL is stopped and started: 503 meanwhile, nothing lost, nothing hangs', { skip: missing('database', 'redis') }, async t => {
  const callee = await startCallee(t)
  const postgres = await startPostgres(t)
  const service = await deploySeparate(t, { databaseUrl: postgres.url })
  const client = await service.client()
  const calling = await client.publish(callingWorkflow(callee.url))
  const pure = await client.publish(pureWorkflow())

  callee.hold = true
  for (let n = 0; n < CALLING; n++) await client.start('calling', { n })
  await until('all are in their first call', () => callee.calls.length === CALLING)

  const posts = burst(client, 'pure', { count: Infinity, lanes: 8, pause: 10 })
  await until('posts are accepted', () => posts.accepted.size > 100)
  await postgres.stop()
  const stoppedAt = Date.now()
  // Their answers come while nothing can be written down.
  callee.hold = false
  const ready = await until('it says that it is not ready', async () => {
    const answer = await client.request('GET', '/readyz')
    return answer.status === 503 && answer
  }, ANSWER_LIMIT)
  t.match(ready.body, { status: 'unavailable', dependencies: { database: { status: 'away' }, redis: { status: 'ok' } } }, 'the dependency is named')
  t.equal((await client.request('GET', '/healthz')).status, 200)
  const reading = await client.request('GET', '/v1/workflows')
  t.match({ status: reading.status, code: reading.body?.code }, { status: 503, code: 'WC_UNAVAILABLE' }, 'reading answers 503 too')
  t.ok(reading.headers.has('retry-after'))
  await new Promise(resolve => setTimeout(resolve, Math.max(0, OUTAGE - (Date.now() - stoppedAt))))
  await postgres.start()
  const acceptedBefore = posts.accepted.size
  await until('posts are accepted again', () => posts.accepted.size > acceptedBefore + 20)
  posts.stop()
  await posts.done

  t.ok((posts.refused.get(503) ?? 0) > 0, 'posts were refused meanwhile')
  t.same([...posts.refused.keys()].filter(status => status !== 503), [], 'and with nothing but 503')
  t.equal(posts.withoutRetryAfter, 0, 'each with Retry-After')
  t.ok(posts.slowest < ANSWER_LIMIT, `the slowest answer took ${posts.slowest} ms`)
  await until('it is ready again', async () => (await client.request('GET', '/readyz')).status === 200)
  t.equal((await known(service.sql, posts.accepted)).size, posts.accepted.size, 'every 202 has a row')
  const ended = [...await client.allFinished(pure.id, posts.accepted.size), ...await client.allFinished(calling.id, CALLING)]
  t.ok(ended.every(({ status }) => status === 'succeeded'))
  t.match(await countHistories(service.sql), { executions: ended.length, terminal: ended.length, broken: 0 })
  t.equal(new Set(callee.calls.map(({ key }) => key)).size, 2 * CALLING, 'each call has its one key')
  t.ok(service.api.isAlive && service.workers.every(worker => worker.isAlive), 'without a restart of our processes')
})
