import t from 'tap'
import type { WorkflowNode } from '../../../src/engine/definition.ts'
import { createAnswers, type Answers } from '../../../src/services/answers.ts'
import { createSite, createWorker, eventsOf, statusOf, until, untilEnded, type Worker } from '../../support/durable-path.ts'
import { gateNode } from '../../support/gate-node.ts'

const callback = (rest: object = {}): WorkflowNode => ({ id: 'hold', type: 'wait', parameters: { callback: true, ...rest } })
const call = { method: 'POST', queryText: 'a=1', headers: { 'content-type': 'application/json' }, body: Buffer.from('{"paid":true}'), limit: 1000 }

t.test('executions that wait for an answer', async t => {
  const site = await createSite(t)
  const { sql } = site
  const answersOf = (worker: Worker): Answers => createAnswers({ sql, links: worker.links, hints: worker.hints, now: Date.now })
  const tokenFor = (worker: Worker, executionId: string, nodeId = 'hold', choice?: string): string => worker.links.url({ executionId, nodeId, run: 0, choice }).split('/').at(-1)!
  const parked = async (id: string) => await until('the wait', async () => (await sql`select waiting_for from execution_leases where execution_id = ${id} and status = 'waiting' and owner is null`)[0])
  const outputsOf = async (id: string, nodeId: string) => (await eventsOf(site, id)).flatMap(event => event.type === 'step.succeeded' && event.nodeId === nodeId ? [event.outputs] : [])[0]

  await t.test('a callback resumes the execution that was sent its address, with what it brought', async t => {
    const gate = gateNode('gate')
    const worker = createWorker(t, site, { nodes: [gate.type], slots: 1 })
    worker.hints.onControl(hint => { if (hint.type === 'due') worker.runner.wake(hint) })
    const execution = site.execution(await site.workflow(
      [{ id: 'tell', type: 'set', parameters: { fields: { link: '{{ $execution.resumeUrl }}' } } }, callback({ timeout: '1h' }), { id: 'late', type: 'noOp' }],
      ['start -> tell', 'tell -> hold', 'hold.timedOut -> late']))
    await worker.acceptance.accept(execution)
    t.match(await parked(execution.id), { waiting_for: { type: 'callback', nodeId: 'hold', until: /Z$/ } })
    await until('no slot to be held', () => worker.runner.free === 1)
    const { main } = await outputsOf(execution.id, 'tell') as { main: [{ patch: { link: string } }] }
    const { link } = main[0].patch
    t.match(link, /^http:\/\/weconnect\.test\/v1\/resume\/[A-Za-z0-9_-]+$/)
    const answers = answersOf(worker)
    t.same(await answers.resume(link.split('/').at(-1)!, call), { executionId: execution.id })
    t.equal(await untilEnded(site, execution.id), 'succeeded', 'without a sweep')
    t.match(await outputsOf(execution.id, 'hold'), { resumed: [{ json: { method: 'POST', query: { a: '1' }, body: { paid: true } } }] })
    await t.rejects(answers.resume(link.split('/').at(-1)!, call), { code: 'WC_EXECUTION_TERMINAL' })
    t.equal((await sql`select from execution_inbox`).length, 0)
  })

  await t.test('a callback before the wait is recorded is kept for it, and wakes nobody twice', async t => {
    const gate = gateNode('gate')
    const worker = createWorker(t, site, { nodes: [gate.type] })
    const execution = site.execution(await site.workflow([{ id: 'call', type: 'gate' }, { id: 'pause', type: 'wait', parameters: { callback: true } }, callback()], ['start -> call', 'call -> pause', 'pause -> hold']))
    await worker.acceptance.accept(execution)
    await until('the call', () => gate.visits.length === 1)
    const answers = answersOf(worker)
    await answers.resume(tokenFor(worker, execution.id), call)
    await t.rejects(answers.resume(tokenFor(worker, execution.id), call), { code: 'WC_ANSWER_USED' })
    gate.open()
    await parked(execution.id)
    await until('the early answer to be known', async () => {
      await worker.sweeper.sweep()
      return (await sql`select from execution_inbox where seen`).length === 1 && worker.runner.running === 0
    })
    const before = await sql`select due_at from execution_leases`
    await worker.sweeper.sweep()
    t.same(await sql`select due_at from execution_leases`, before, 'mail that nothing waits for yet wakes nobody')
    await answers.resume(tokenFor(worker, execution.id, 'pause'), call)
    t.equal(await untilEnded(site, execution.id, [worker]), 'succeeded')
  })

  await t.test('the first of many answers counts: one is taken, the others are told so', async t => {
    const worker = createWorker(t, site)
    const execution = site.execution(await site.workflow([callback(), { id: 'more', type: 'wait', parameters: { callback: true } }], ['start -> hold', 'hold -> more']))
    await worker.acceptance.accept(execution)
    await parked(execution.id)
    const token = tokenFor(worker, execution.id)
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, async () => await answersOf(worker).resume(token, call)))
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    t.ok(outcomes.every(one => one.status === 'fulfilled' || one.reason.code === 'WC_ANSWER_USED'))
    await until('the next wait', async () => {
      await worker.sweeper.sweep()
      return (await sql<Array<{ waiting_for: { nodeId: string } }>>`select waiting_for from execution_leases where execution_id = ${execution.id} and status = 'waiting'`)[0]?.waiting_for.nodeId === 'more'
    })
    await t.rejects(answersOf(worker).resume(token, call), { code: 'WC_ANSWER_USED' }, 'also once the execution has gone on')
    t.equal((await eventsOf(site, execution.id)).filter(event => event.type === 'step.succeeded' && event.nodeId === 'hold').length, 1)
  })

  await t.test('after its time an answer is turned away; one that came in time is never passed over', async t => {
    const worker = createWorker(t, site)
    const workflowId = await site.workflow([callback({ timeout: '50ms' }), { id: 'after', type: 'wait', parameters: { for: '1h' } }], ['start -> hold', 'hold.timedOut -> after', 'hold.resumed -> after'])
    const late = site.execution(workflowId)
    await worker.acceptance.accept(late)
    await until('the time to be over', async () => { await worker.sweeper.sweep(); return await outputsOf(late.id, 'hold') })
    t.match(await outputsOf(late.id, 'hold'), { timedOut: [{ from: 0 }] })
    await t.rejects(answersOf(worker).resume(tokenFor(worker, late.id), call), { code: 'WC_ANSWER_USED' })

    const raced = site.execution(await site.workflow([callback({ timeout: '1h' })], ['start -> hold']))
    await worker.acceptance.accept(raced)
    await parked(raced.id)
    // Its timer fires in a process that has not read the answer.
    await sql`insert into execution_inbox (execution_id, message_id, organization_id, kind, body)
      select ${raced.id}, ${(await import('../../../src/services/runner/mailbox.ts')).answerId(raced.id, 'hold', 0)}, ${site.organizationId}, 'callback', ${JSON.stringify({ nodeId: 'hold', run: 0, request: { method: 'GET', query: {}, headers: {}, body: 1 } })}::text::json`
    await sql`update execution_leases set due_at = now() where execution_id = ${raced.id}`
    const later = createWorker(t, site, { now: () => Date.now() + 2 * 3_600_000 })
    await until('the wait to end', async () => { await later.sweeper.sweep(); return await outputsOf(raced.id, 'hold') })
    t.match(await outputsOf(raced.id, 'hold'), { resumed: [{ json: { body: 1 } }] })
  })

  await t.test('an approval by link: who holds it decides once; the items say so', async t => {
    const worker = createWorker(t, site)
    const execution = site.execution(await site.workflow([
      { id: 'ask', type: 'set', parameters: { fields: { links: '{{ $execution.approvalUrls }}' } } },
      { id: 'ok', type: 'approval', parameters: { choices: ['yes', 'no'], message: 'Pay {{ 40 + 2 }}?' } }
    ], ['start -> ask', 'ask -> ok']))
    await worker.acceptance.accept(execution)
    t.match(await parked(execution.id), { waiting_for: { type: 'approval', nodeId: 'ok', choices: ['yes', 'no'], message: 'Pay 42?' } })
    const { main } = await outputsOf(execution.id, 'ask') as { main: [{ patch: { links: { yes: string, no: string } } }] }
    const { yes, no } = main[0].patch.links
    t.same(await answersOf(worker).ask(no.split('/').at(-1)!), { choice: 'no', message: 'Pay 42?', isOver: false })
    await t.rejects(answersOf(worker).resume(no.split('/').at(-1)!, call), { code: 'WC_NOT_FOUND' }, 'a link is for one purpose')
    await answersOf(worker).decide(no.split('/').at(-1)!, Buffer.from('comment=Too+much'), 'application/x-www-form-urlencoded')
    await t.rejects(answersOf(worker).decide(yes.split('/').at(-1)!, Buffer.alloc(0), undefined), { code: 'WC_ANSWER_USED' })
    t.match(await answersOf(worker).ask(yes.split('/').at(-1)!), { choice: 'yes', isOver: true })
    t.equal(await untilEnded(site, execution.id, [worker]), 'succeeded')
    t.match(await outputsOf(execution.id, 'ok'), { no: [{ from: 0, patch: { approval: { choice: 'no', by: { type: 'link' }, comment: 'Too much' } } }] })
  })

  await t.test('links that were not made here answer nothing', async t => {
    const worker = createWorker(t, site)
    const token = tokenFor(worker, site.nextId())
    const flipped = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
    for (const bad of ['', 'x', '..', flipped, `${token}A`, token.slice(1), 'A'.repeat(80)]) t.equal(worker.links.open(bad), undefined)
    await t.rejects(answersOf(worker).resume(token, call), { code: 'WC_NOT_FOUND' }, 'an execution that is not there')
  })

  await t.test('two thousand waiting executions hold no slot, and all wake after their worker is gone', async t => {
    const workflowId = await site.workflow([{ id: 'hold', type: 'wait', parameters: { until: '{{ $json.at }}' } }], ['start -> hold'])
    const first = createWorker(t, site, { slots: 1000 })
    const executions = Array.from({ length: 2000 }, () => site.execution(workflowId, { payload: JSON.stringify({ at: Date.now() + 3_600_000 }) }))
    await Promise.all(executions.map(async execution => await first.acceptance.accept(execution)))
    const waiting = async () => (await sql<Array<{ count: number }>>`select count(*)::integer as count from execution_leases where workflow_id = ${workflowId} and status = 'waiting' and owner is null`)[0]!.count
    await until('all to wait', async () => { await first.sweeper.sweep(); return await waiting() === 2000 }, 60_000)
    await until('no slot to be held', () => first.runner.free === 1000 && first.runner.running === 0)
    first.die()
    const second = createWorker(t, site, { slots: 1000, now: () => Date.now() + 3_600_000 })
    await second.sweeper.sweep()
    t.equal(await waiting(), 2000, 'not before their time')
    // The time of the database cannot be put forward, so their hour passes by making them due; those that run keep their leases.
    await sql`update execution_leases set due_at = now() - interval '1 second' where workflow_id = ${workflowId} and status = 'waiting' and owner is null`
    const ended = async () => await sql<Array<{ status: string }>>`select status from execution_events where workflow_id = ${workflowId} and status is not null`
    await until('all to end', async () => {
      await second.sweeper.sweep()
      return (await ended()).length === 2000
    }, 60_000)
    t.ok((await ended()).every(({ status }) => status === 'succeeded'))
    t.equal(await statusOf(site, executions[0]!.id), 'succeeded')
  })
})
