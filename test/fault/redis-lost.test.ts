import t from 'tap'
import { burst } from '../support/burst.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { pureWorkflow } from '../support/fault-workflows.ts'
import { countHistories, known } from '../support/histories.ts'
import { startRedis } from '../support/redis-server.ts'

const QUEUED = 1000
const RECOVERY_LIMIT = 15_000
const OUTAGE = 10_000

t.test('Redis may lose everything', { skip: missing('database', 'redis') }, async t => {
  const redis = await startRedis(t)
  const service = await deploySeparate(t, { redisUrl: `redis://127.0.0.1:${redis.address.port}`, workers: 0 })
  const client = await service.client()
  const workflow = await client.publish(pureWorkflow())

  await t.test('FLUSHALL with 1,000 queued: all finish within 15 s of a worker', async t => {
    const posts = burst(client, 'pure', { count: QUEUED })
    await posts.done
    t.equal(posts.accepted.size, QUEUED)
    t.ok(Number(await redis.command('DBSIZE')) > 0, 'there is something to lose')
    await redis.command('FLUSHALL')
    await service.startWorker()
    const began = Date.now()
    const executions = await client.allFinished(workflow.id, QUEUED, RECOVERY_LIMIT)
    t.comment(`finished after ${Date.now() - began} ms`)
    t.equal(executions.length, QUEUED)
    t.ok(executions.every(({ status }) => status === 'succeeded'))
    t.match(await countHistories(service.sql), { executions: QUEUED, terminal: QUEUED, broken: 0 })
  })

  await t.test('away for 10 s while posts go on', async t => {
    const posts = burst(client, 'pure', { count: Infinity, lanes: 4, pause: 20 })
    await redis.kill()
    await new Promise(resolve => setTimeout(resolve, OUTAGE))
    const during = posts.accepted.size
    await redis.start()
    await new Promise(resolve => setTimeout(resolve, 1000))
    posts.stop()
    await posts.done

    t.ok(during > 0, `${during} were accepted without Redis`)
    t.same([...posts.refused.keys()].filter(status => status !== 503), [], 'what was not accepted was refused with 503')
    t.equal(posts.withoutRetryAfter, 0)
    t.ok(posts.slowest < 5000, `the slowest answer took ${posts.slowest} ms`)
    const total = QUEUED + posts.accepted.size
    t.equal((await known(service.sql, posts.accepted)).size, posts.accepted.size)
    const executions = await client.allFinished(workflow.id, total, 30_000)
    t.ok(executions.every(({ status }) => status === 'succeeded'))
    t.match(await countHistories(service.sql), { executions: total, terminal: total, broken: 0 })
    t.ok(service.api.isAlive && service.workers.every(worker => worker.isAlive))
  })
})
