import t from 'tap'
import { burst } from '../support/burst.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { pureWorkflow } from '../support/fault-workflows.ts'
import { countBodies, countHistories, known } from '../support/histories.ts'
import { until } from '../support/service-process.ts'

const POSTS = 2000
/** More requests than the API has connections. */
const ALL_CONNECTIONS = 40

t.test('connections to PostgreSQL die at random during a storm of posts', { skip: missing('database', 'redis') }, async t => {
  const service = await deploySeparate(t)
  const client = await service.client()
  const workflow = await client.publish(pureWorkflow())

  let killed = 0
  let storming = true
  const posts = burst(client, 'pure', { count: POSTS, lanes: 24 })
  const killer = (async () => {
    while (storming) {
      const [row] = await service.sql<Array<{ count: number }>>`
        select count(pg_terminate_backend(pid))::integer as count from (
          select pid from pg_stat_activity where datname = current_database() and application_name = 'weconnect' order by random() limit 2
        ) victim`
      killed += row!.count
      await new Promise(resolve => setTimeout(resolve, 40))
    }
  })()
  await posts.done
  storming = false
  await killer
  // A connection of the API's pool may not have noticed its death yet: the next statement on it does, and fails.
  await until('the API to have noticed its dead', async () => {
    const answers = await Promise.all(Array.from({ length: ALL_CONNECTIONS }, async () => await client.request('GET', '/v1/executions?limit=1')))
    return answers.every(({ status }) => status === 200)
  })

  t.ok(killed > 10, `${killed} connections were cut`)
  t.same([...posts.refused.keys()].filter(status => status !== 503), [], 'posts are accepted, or refused with 503')
  t.equal((await known(service.sql, posts.accepted)).size, posts.accepted.size, 'every 202 has its row')
  const refused = posts.refused.get(503) ?? 0
  const executions = await client.allFinished(workflow.id, posts.accepted.size)
  t.equal(await countBodies(service.sql, workflow.id), executions.length, 'none is doubled')
  t.ok(executions.length <= posts.accepted.size + refused)
  t.ok(executions.every(({ status }) => status === 'succeeded'))
  t.match(await countHistories(service.sql), { executions: executions.length, terminal: executions.length, broken: 0 })
})
