import { pino } from 'pino'
import t from 'tap'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../src/engine/nodes/registry.ts'
import { LocalHintBus } from '../../src/queue/local-hint-bus.ts'
import { createAnswerWaiter } from '../../src/services/await-answer.ts'
import { createPlans } from '../../src/services/plans.ts'
import { createFilesOn, createSite, createWorker, untilEnded } from '../support/durable-path.ts'

t.test('connections that wait for their execution', async t => {
  const site = await createSite(t)
  const { sql, organizationId } = site
  const reply = await site.workflow([{ id: 'reply', type: 'respond', parameters: { status: 201, body: 'made' } }, { id: 'after', type: 'noOp' }], ['start -> reply', 'reply -> after'])
  const broken = await site.workflow([{ id: 'end', type: 'stop', parameters: { message: 'No such order' } }], ['start -> end'])
  const worker = createWorker(t, site)

  function waiterOn (hints: LocalHintBus) {
    const waiter = createAnswerWaiter({ sql, plans: createPlans(sql, new NodeRegistry(builtinNodes)), values: createFilesOn(site).values, hints, log: pino({ level: 'silent' }) })
    t.teardown(() => { waiter.close() })
    return waiter
  }

  for (const [way, hints] of [['by hints', worker.hints], ['by asking the table, where hints are lost', new LocalHintBus()]] as const) {
    await t.test(`are answered ${way}`, async t => {
      const waiter = waiterOn(hints)
      const [answered, ended, failed] = [site.execution(reply), site.execution(reply), site.execution(broken)]
      const waits = [
        waiter.wait({ organizationId, executionId: answered.id, until: 'answer', timeout: 60_000 }),
        waiter.wait({ organizationId, executionId: ended.id, until: 'end', timeout: 60_000 }),
        waiter.wait({ organizationId, executionId: failed.id, until: 'end', timeout: 60_000 })
      ]
      for (const execution of [answered, ended, failed]) await worker.acceptance.accept(execution)
      // It has failed long before anybody looks: no rejection may go unhandled.
      await untilEnded(site, failed.id)
      await new Promise(resolve => setTimeout(resolve, 1200))
      t.match(await waits[0]!.answer, { status: 201, body: 'made' })
      t.match(await waits[1]!.answer, { status: 200 })
      t.match(await waits[2]!.answer.catch((error: unknown) => error), { code: 'WC_EXECUTION_FAILED', message: /No such order/ })
    })
  }

  await t.test('give up at their time, or when they are cancelled; a time of any length is waited for', async t => {
    const waiter = waiterOn(worker.hints)
    const wait = (timeout: number) => waiter.wait({ organizationId, executionId: site.nextId(), until: 'answer', timeout })
    t.equal(await wait(20).answer, undefined)
    const long = wait(90 * 86_400_000)
    t.equal(await Promise.race([long.answer, new Promise(resolve => setTimeout(resolve, 50, 'still waiting'))]), 'still waiting')
    long.cancel()
    t.equal(await long.answer, undefined)
  })
})
