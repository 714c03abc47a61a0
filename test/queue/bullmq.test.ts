import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { Delivery } from '../../src/queue/port.ts'
import { batch, bullQueue, execution, idsOf, recordingLog, until } from '../support/queues.ts'
import { noRedis, ownPrefix, sharedRedis } from '../support/redis-server.ts'

function redis (t: Test): Redis {
  const client = new Redis(sharedRedis.port, sharedRedis.host)
  t.teardown(() => { client.disconnect() })
  return client
}

t.test('rows that Redis has lost leave the ids', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const client = redis(t)
  const queue = bullQueue({ redis: sharedRedis, prefix })
  t.teardown(async () => { await queue.close(1000) })
  const { organizationId, executions } = batch(3)
  await queue.dispatch({ organizationId, executions })
  const [key] = await client.keys(`${prefix}:rows:*`)
  t.ok(await client.ttl(key!) > 0, 'the rows go away by themselves')
  await client.del(key!)
  const deliveries: Delivery[] = []
  queue.consume(async delivery => { deliveries.push(delivery) })
  await until(() => deliveries.length === 1)
  t.same(deliveries, [{ kind: 'ids', ids: executions.map(({ id }) => id) }])
})

t.test('rows that are not what they should be leave the ids', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const client = redis(t)
  const queue = bullQueue({ redis: sharedRedis, prefix })
  t.teardown(async () => { await queue.close(1000) })
  await queue.dispatch(batch(1))
  await queue.dispatch(batch(1))
  const [one, other] = await client.keys(`${prefix}:rows:*`)
  await client.set(one!, 'nonsense')
  await client.append(other!, 'more')
  const deliveries: Delivery[] = []
  queue.consume(async delivery => { deliveries.push(delivery) })
  await until(() => deliveries.length === 2)
  t.same(deliveries.map(({ kind }) => kind), ['ids', 'ids'])
})

t.test('payloads are not in the job, and very large ones not in Redis at all', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const client = redis(t)
  const queue = bullQueue({ redis: sharedRedis, prefix })
  t.teardown(async () => { await queue.close(1000) })
  await queue.dispatch({ organizationId: 'a', executions: [execution('a', { payload: JSON.stringify('x'.repeat(10_000)) })] })
  await queue.dispatch({ organizationId: 'a', executions: [execution('a', { payload: JSON.stringify('ü'.repeat(2 * 1024 * 1024)) })] })
  t.equal((await client.keys(`${prefix}:rows:*`)).length, 1)
  for (const id of await client.zrange(`${prefix}:executions:prioritized`, '0', '-1')) {
    t.ok(JSON.stringify(await client.hgetall(`${prefix}:executions:${id}`)).length < 1000)
  }
  const kinds: string[] = []
  queue.consume(async ({ kind }) => { kinds.push(kind) })
  await until(() => kinds.length === 2)
  t.same(kinds.sort(), ['ids', 'rows'])
})

t.test('failed work is tried again by id, as often as the attempts say', { skip: noRedis }, async t => {
  const { log, lines } = recordingLog()
  const queue = bullQueue({ redis: sharedRedis, prefix: ownPrefix(t), backoffDelay: 50, log })
  t.teardown(async () => { await queue.close(1000) })
  const kinds: string[] = []
  queue.consume(async ({ kind }) => {
    kinds.push(kind)
    throw new Error('on purpose')
  })
  await queue.dispatch(batch(1))
  await until(() => kinds.length === 3)
  t.same(kinds, ['rows', 'ids', 'ids'])
  await until(() => lines.filter(({ level }) => level === 'error').length === 3)
})

t.test('what a killed worker held is handed to another, marked', { timeout: 60_000, skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const queue = bullQueue({ redis: sharedRedis, prefix })
  t.teardown(async () => { await queue.close(1000) })
  const fixture = fileURLToPath(new URL('../fixtures/queue-worker.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, fixture, prefix], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const { organizationId, executions } = batch(2)
  await queue.dispatch({ organizationId, executions })
  await once(child.stdout, 'data')
  const deliveries: Delivery[] = []
  queue.consume(async delivery => { deliveries.push(delivery) })
  child.kill('SIGKILL')
  const killed = Date.now()
  await once(child, 'exit')
  await until(() => deliveries.length > 0, 50_000)
  t.comment(`after ${Date.now() - killed} ms`)
  t.same(deliveries, [{ kind: 'redelivered', ids: executions.map(({ id }) => id) }])
  await until(() => queue.depth() === 0)
})

t.test('several workers share the batches, each is taken once', { skip: noRedis }, async t => {
  const prefix = ownPrefix(t)
  const queues = [bullQueue({ redis: sharedRedis, prefix }), bullQueue({ redis: sharedRedis, prefix })]
  t.teardown(async () => { await Promise.all(queues.map(async queue => { await queue.close(1000) })) })
  const api = bullQueue({ redis: sharedRedis, prefix })
  t.teardown(async () => { await api.close(1000) })
  const taken: string[][] = [[], []]
  for (const [index, queue] of queues.entries()) {
    queue.consume(async delivery => {
      taken[index]!.push(...idsOf(delivery))
      // One may be connected long before the other.
      await until(() => taken.every(ids => ids.length > 0))
    })
  }
  const batches = Array.from({ length: 60 }, () => batch(5))
  await Promise.all(batches.map(async one => { await api.dispatch(one) }))
  await until(() => taken.flat().length >= 300)
  t.equal(new Set(taken.flat()).size, 300)
  t.equal(taken.flat().length, 300)
  t.ok(taken.every(ids => ids.length > 0))
})
