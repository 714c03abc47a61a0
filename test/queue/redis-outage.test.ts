import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Queue } from '../../src/queue/port.ts'
import { batch, bullQueue, idsOf, recordingLog, until, type LoggedLine } from '../support/queues.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'

/** Milliseconds, on a machine that may be busy: without a limit of its own, all of this waits until Redis is back. */
const FAST = 10_000

interface Scene { server: RedisServer, api: Queue, received: string[], lines: LoggedLine[], send: () => Promise<readonly string[]> }

/** An API process's queue and a worker's, on a server of their own. */
async function scene (t: Test): Promise<Scene> {
  const server = await startRedis(t)
  const { log, lines } = recordingLog()
  const api = bullQueue({ redis: server.address, prefix: 'outage', log })
  const worker = bullQueue({ redis: server.address, prefix: 'outage', log })
  t.teardown(async () => { await Promise.all([api.close(100), worker.close(100)]) })
  const received: string[] = []
  worker.consume(async delivery => { received.push(...idsOf(delivery)) })
  async function send (): Promise<readonly string[]> {
    const sent = batch(2)
    await api.dispatch(sent)
    return sent.executions.map(({ id }) => id)
  }
  const ids = await send()
  await until(() => ids.every(id => received.includes(id)))
  return { server, api, received, lines, send }
}

/** As the dispatcher and the sweeper do: what cannot be sent is sent later. */
async function sendUntilTaken (send: Scene['send'], milliseconds = 30_000): Promise<readonly string[]> {
  const limit = Date.now() + milliseconds
  for (;;) {
    try {
      return await send()
    } catch (error) {
      if (Date.now() > limit) throw error
      await sleep(100)
    }
  }
}

t.test('goes on after Redis was flushed, and no longer counts what was in it', { timeout: 100_000, skip: noRedis }, async t => {
  const { server, api, received, send } = await scene(t)
  const idle = bullQueue({ redis: server.address, prefix: 'nobody-consumes' })
  t.teardown(async () => { await idle.close(100) })
  await idle.dispatch(batch(200))
  await sleep(600)
  t.equal(idle.depth(), 200)
  await server.command('flushall')
  await until(() => idle.depth() === 0)
  const ids = await send()
  await until(() => ids.every(id => received.includes(id)))
  await until(() => api.depth() === 0)
})

t.test('goes on when Redis is flushed in the middle of a batch', { timeout: 100_000, skip: noRedis }, async t => {
  const { server, received, send } = await scene(t)
  const slow = bullQueue({ redis: server.address, prefix: 'slow' })
  t.teardown(async () => { await slow.close(100) })
  const begun: string[] = []
  let finish = (): void => {}
  slow.consume(async delivery => {
    begun.push(...idsOf(delivery))
    if (begun.length === 1) await new Promise<void>(resolve => { finish = resolve })
  })
  await slow.dispatch(batch(1))
  await until(() => begun.length === 1)
  await server.command('flushall')
  finish()
  await slow.dispatch(batch(1))
  await until(() => begun.length === 2)
  const ids = await send()
  await until(() => ids.every(id => received.includes(id)))
})

t.test('goes on after all its connections were cut', { timeout: 100_000, skip: noRedis }, async t => {
  const { server, received, send } = await scene(t)
  for (let round = 0; round < 3; round++) {
    await server.command('client', 'kill', 'type', 'normal')
    const ids = await sendUntilTaken(send)
    await until(() => ids.every(id => received.includes(id)))
  }
  t.pass()
})

t.test('fails fast while Redis is dead, and goes on when it is back', { timeout: 100_000, skip: noRedis }, async t => {
  const { server, api, received, lines, send } = await scene(t)
  await server.kill()
  await sleep(300)
  for (let attempt = 0; attempt < 5; attempt++) {
    const start = Date.now()
    await t.rejects(send())
    t.ok(Date.now() - start < FAST, `after ${Date.now() - start} ms`)
  }
  await t.rejects(api.ping())
  await sleep(3000)
  await server.start()
  const ids = await sendUntilTaken(send)
  await until(() => ids.every(id => received.includes(id)))
  await t.resolves(api.ping())
  await until(() => lines.filter(({ msg }) => msg === 'Redis answers again').length === 2)
  t.equal(lines.filter(({ msg }) => msg.startsWith('Redis cannot be reached')).length, 2, 'each process says it once')
})

t.test('fails fast while Redis hangs, and goes on when it wakes', { timeout: 100_000, skip: noRedis }, async t => {
  const { server, api, received, send } = await scene(t)
  server.suspend()
  for (let attempt = 0; attempt < 6; attempt++) {
    const start = Date.now()
    await t.rejects(send())
    t.ok(Date.now() - start < FAST, `after ${Date.now() - start} ms`)
    await t.rejects(api.ping())
  }
  await sleep(5000)
  server.resume()
  const ids = await sendUntilTaken(send)
  await until(() => ids.every(id => received.includes(id)))
})

t.test('starts while Redis is away', { timeout: 100_000, skip: noRedis }, async t => {
  const server = await startRedis(t)
  await server.kill()
  const queue = bullQueue({ redis: server.address, prefix: 'early' })
  t.teardown(async () => { await queue.close(100) })
  const received: string[] = []
  queue.consume(async delivery => { received.push(...idsOf(delivery)) })
  await t.rejects(queue.dispatch(batch(1)))
  await sleep(2000)
  await server.start()
  const ids = await sendUntilTaken(async () => {
    const sent = batch(1)
    await queue.dispatch(sent)
    return sent.executions.map(({ id }) => id)
  })
  await until(() => ids.every(id => received.includes(id)))
})

t.test('closes while Redis is dead, hangs, or never was there', { timeout: 100_000, skip: noRedis }, async t => {
  for (const harm of ['kill', 'suspend'] as const) {
    const server = await startRedis(t)
    const queue = bullQueue({ redis: server.address, prefix: 'close' })
    queue.consume(async () => {})
    await queue.dispatch(batch(1))
    await sleep(300)
    await server[harm]()
    await sleep(500)
    const start = Date.now()
    await queue.close(500)
    t.ok(Date.now() - start < FAST, `${harm}: after ${Date.now() - start} ms`)
    server.resume()
  }
  const server = await startRedis(t)
  await server.kill()
  const queue = bullQueue({ redis: server.address, prefix: 'close' })
  queue.consume(async () => {})
  await sleep(300)
  const start = Date.now()
  await queue.close(500)
  t.ok(Date.now() - start < FAST)
})
