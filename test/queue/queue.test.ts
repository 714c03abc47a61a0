import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Priority } from '../../src/lib/execution-origin.ts'
import { InProcessQueue } from '../../src/queue/in-process.ts'
import type { Delivery, Queue } from '../../src/queue/port.ts'
import { batch, bullQueue, execution, idsOf, until } from '../support/queues.ts'
import { noRedis, ownPrefix, sharedRedis } from '../support/redis-server.ts'

const kinds: Record<string, (t: Test) => Queue> = {
  'in-process': () => new InProcessQueue(),
  BullMQ: t => bullQueue({ redis: sharedRedis, prefix: ownPrefix(t) })
}

for (const [kind, make] of Object.entries(kinds)) {
  t.test(`the ${kind} queue`, { skip: kind === 'BullMQ' && noRedis }, async t => {
    function open (t: Test): Queue {
      const queue = make(t)
      t.teardown(async () => { await queue.close(1000) })
      return queue
    }

    t.test('delivers each execution once, as it was dispatched', async t => {
      const queue = open(t)
      const deliveries: Delivery[] = []
      queue.consume(async delivery => { deliveries.push(delivery) })
      const organizationId = 'acme'
      const executions = [
        execution(organizationId, { payload: '{\n  "text": "line\\nquote\\" ü 💥\u2028"\r\n}' }),
        execution(organizationId, { origin: '{"rootId":"x"}', nodeId: 'a-b_c', version: 12, trigger: 'api' }),
        execution(organizationId, { payload: 'null' })
      ]
      await queue.dispatch({ organizationId, executions })
      await until(() => deliveries.length > 0)
      await sleep(100)
      t.same(deliveries, [{ kind: 'rows', executions }])
    })

    t.test('keeps what is dispatched before somebody consumes, and counts it', async t => {
      const queue = open(t)
      const first = batch(3)
      const second = batch(200)
      await queue.dispatch(first)
      await queue.dispatch(second)
      t.equal(queue.depth(), 203)
      const ids: string[] = []
      queue.consume(async delivery => { ids.push(...idsOf(delivery)) })
      await until(() => ids.length === 203)
      t.same(new Set(ids), new Set([...first.executions, ...second.executions].map(({ id }) => id)))
      await until(() => queue.depth() === 0)
    })

    t.test('hands over what has a high priority first, and last what has a low one', async t => {
      const queue = open(t)
      const organizationId = 'acme'
      const send = async (priority: Priority): Promise<string> => {
        const one = execution(organizationId)
        await queue.dispatch({ organizationId, priority, executions: [one] })
        return one.id
      }
      const [low] = [await send('low'), await send('normal')]
      const last = await send('normal')
      const high = await send('high')
      const ids: string[] = []
      queue.consume(async delivery => { ids.push(...idsOf(delivery)) })
      await until(() => ids.length === 4)
      t.ok(ids.indexOf(high) < ids.indexOf(last))
      t.equal(ids.at(-1), low)
    })

    t.test('hands over at most 200 executions at once', async t => {
      const queue = open(t)
      const sizes: number[] = []
      queue.consume(async delivery => { sizes.push(idsOf(delivery).length) })
      await queue.dispatch(batch(450))
      await until(() => sizes.reduce((sum, size) => sum + size, 0) === 450)
      t.ok(Math.max(...sizes) <= 200)
    })

    t.test('nothing comes of an empty batch', async t => {
      const queue = open(t)
      await queue.dispatch(batch(0))
      t.equal(queue.depth(), 0)
    })

    t.test('an organization that sends little overtakes one that floods', async t => {
      const queue = open(t)
      for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 10 }, async () => { await queue.dispatch(batch(200, 'flood')) }))
      // The backlog is old news by then.
      await sleep(600)
      await queue.dispatch(batch(1, 'quiet'))
      const order: string[] = []
      queue.consume(async delivery => {
        await sleep(1)
        if (delivery.kind === 'rows') order.push(delivery.executions[0]!.organizationId)
      })
      await until(() => order.includes('quiet'))
      t.ok(order.indexOf('quiet') < 10, `came after ${order.indexOf('quiet')} batches of 200`)
    })

    t.test('goes on after work that fails', async t => {
      const queue = open(t)
      const ids: string[] = []
      const bad = batch(1)
      const good = batch(1)
      queue.consume(async delivery => {
        if (idsOf(delivery)[0] === bad.executions[0]!.id) throw new Error('on purpose')
        ids.push(...idsOf(delivery))
      })
      await queue.dispatch(bad)
      await queue.dispatch(good)
      await until(() => ids.length === 1)
      t.same(ids, [good.executions[0]!.id])
    })

    t.test('closing waits for the work at hand', async t => {
      const queue = open(t)
      let begun = 0
      let ended = 0
      queue.consume(async () => {
        begun++
        await sleep(300)
        ended++
      })
      await queue.dispatch(batch(1))
      await until(() => begun === 1)
      await queue.close(5000)
      t.equal(ended, 1)
      await queue.dispatch(batch(1))
      await sleep(200)
      t.equal(begun, 1, 'nothing is handed out afterwards')
    })

    t.test('closing does not wait longer than it may', async t => {
      const queue = open(t)
      let begun = false
      let release = (): void => {}
      queue.consume(async () => {
        begun = true
        await new Promise<void>(resolve => { release = resolve })
      })
      await queue.dispatch(batch(1))
      await until(() => begun)
      const start = Date.now()
      await queue.close(200)
      // The work would never end by itself.
      t.ok(Date.now() - start < 10_000)
      release()
    })

    t.test('says that it can be reached', async t => {
      await t.resolves(open(t).ping())
    })
  })
}
