import t from 'tap'
import { burst } from '../support/burst.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { pureWorkflow } from '../support/fault-workflows.ts'
import { countBodies, countHistories, known } from '../support/histories.ts'
import { until } from '../support/service-process.ts'

const POSTS = 2000

t.test('kill -9 of the API during a burst: every 202 has its execution, and it finishes', { skip: missing('database', 'redis') }, async t => {
  const service = await deploySeparate(t)
  const client = await service.client()
  const workflow = await client.publish(pureWorkflow())

  const posts = burst(client, 'pure', { count: POSTS })
  await until('half of the burst is accepted', () => posts.accepted.size >= POSTS / 2, 60_000, 1)
  await service.api.kill()
  const acceptedByFirst = posts.accepted.size
  await service.startApi()
  await posts.done

  t.ok(acceptedByFirst < POSTS, 'it was killed in the middle')
  t.ok((posts.refused.get(0) ?? 0) > 0, 'requests under way were cut')
  t.equal((await known(service.sql, posts.accepted)).size, posts.accepted.size, 'every 202 has a row')
  const executions = await client.allFinished(workflow.id, posts.accepted.size)
  t.equal(await countBodies(service.sql, workflow.id), executions.length, 'no request made two executions')
  t.ok(executions.every(({ status }) => status === 'succeeded'))
  const { executions: rows, terminal, broken } = await countHistories(service.sql)
  t.equal(rows, executions.length)
  t.equal(terminal, rows, 'each has one end, those too whose 202 never left')
  t.equal(broken, 0)
})
