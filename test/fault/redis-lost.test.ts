import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { burst } from '../support/burst.ts'
import { deploySeparate, missing } from '../support/deployment.ts'
import { pureWorkflow } from '../support/fault-workflows.ts'
import { countHistories, known } from '../support/histories.ts'
import { ApiClient } from '../support/api-client.ts'
import { startRedis } from '../support/redis-server.ts'
import { entrypoints, freePort, startProcess, until } from '../support/service-process.ts'

const QUEUED = 1000
/** What is promised. They are missed within 3 s. */
const RECOVERY_LIMIT = 15_000
const OUTAGE = 10_000
/** Each answer waits for Redis for about a second; a client gives up after 30 s. */
const ANSWER_LIMIT = 20_000
/** How long a revocation may take anywhere. */
const REVOCATION_LIMIT = 5000

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

  await t.test('sessions: what one process ends is over in the other, with Redis, after FLUSHALL, and without', async t => {
    const port = String(await freePort())
    const second = startProcess(t, 'second api', entrypoints.api, { ...service.env, PORT: port })
    await second.says('WeConnect is ready')
    const [here, there] = [new ApiClient(service.address), new ApiClient(`http://127.0.0.1:${port}`)]
    const login = async (): Promise<Record<string, string>> => {
      const { accessToken } = await here.call('POST', '/v1/auth/login', { email: 'tester@example.org', password: 'correct staple horse 9' })
      return { authorization: `Bearer ${accessToken}` }
    }
    const status = async (api: ApiClient, session: Record<string, string>) => (await api.request('GET', '/v1/auth/me', undefined, session)).status
    const kept = await login()

    const first = await login()
    t.equal(await status(there, first), 200)
    await until('Redis knows of it', async () => String(await redis.command('keys', '*:session:*')).length > 0)
    t.equal((await here.request('POST', '/v1/auth/logout', undefined, first)).status, 204)
    await until('the other process refuses it', async () => await status(there, first) === 401)

    const next = await login()
    t.equal(await status(there, next), 200)
    await redis.command('FLUSHALL')
    t.equal(await status(there, next), 200, 'a session outlives Redis')
    t.equal((await here.request('POST', '/v1/auth/logout', undefined, next)).status, 204)
    await redis.command('FLUSHALL')
    await until('it is not taken from the dead', async () => await status(there, next) === 401)

    const last = await login()
    await redis.kill()
    t.equal(await status(there, last), 200, 'without Redis')
    t.equal((await here.request('POST', '/v1/auth/logout', undefined, last)).status, 204)
    t.equal(await status(here, last), 401)
    await sleep(REVOCATION_LIMIT)
    t.equal(await status(there, last), 401, 'nobody told the other process, and it knows')
    await redis.start()
    for (const api of [here, there]) t.equal(await status(api, kept), 200, 'and whose session was not ended never noticed')
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
    t.ok(posts.slowest < ANSWER_LIMIT, `the slowest answer took ${posts.slowest} ms`)
    const total = QUEUED + posts.accepted.size
    t.equal((await known(service.sql, posts.accepted)).size, posts.accepted.size)
    const executions = await client.allFinished(workflow.id, total)
    t.ok(executions.every(({ status }) => status === 'succeeded'))
    t.match(await countHistories(service.sql), { executions: total, terminal: total, broken: 0 })
    t.ok(service.api.isAlive && service.workers.every(worker => worker.isAlive))
  })
})
