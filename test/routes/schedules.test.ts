import t from 'tap'
import { scheduleRoutes } from '../../src/routes/schedules.ts'
import { createLog } from '../../src/log.ts'
import { createQuotas } from '../../src/services/quotas/quotas.ts'
import { createSchedules } from '../../src/services/schedules/schedules.ts'
import { createIdSource } from '../../src/lib/ids.ts'
import { ensurePartitions } from '../../src/db/partitions.ts'
import type { QueuedExecution } from '../../src/lib/queued-execution.ts'
import { testDatabase } from '../support/database.ts'
import { workflowApp } from '../support/workflow-app.ts'

const database = await testDatabase(t)
const dispatched: QueuedExecution[] = []
const schedules = createSchedules({ sql: database.service, quotas: createQuotas({ sql: database.service, now: Date.now, log: createLog('silent') }), dispatcher: { dispatch: executions => { dispatched.push(...executions) } }, nextId: createIdSource(Date.now), now: Date.now })
const { join } = await workflowApp(t, [{ prefix: '/schedules', routes: async app => { await app.register(scheduleRoutes, { schedules }) } }], { database })
const owner = database.owner()
await ensurePartitions(owner, Date.now())
await owner.end()
const { call } = await join()
const stranger = await join()

const flow = (parameters: object) => ({ name: 'S', nodes: [{ id: 'tick', type: 'schedule', parameters }] })

async function publish (parameters: object): Promise<string> {
  const { id } = (await call('POST', '/workflows', flow(parameters))).json<{ id: string }>()
  const answer = await call('POST', `/workflows/${id}/publish`)
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return id
}

const only = async (workflowId: string) => (await call('GET', `/schedules?workflowId=${workflowId}`)).json().data[0]

t.test('publishing makes schedules, unpublishing removes them, a change of the rule starts anew', async t => {
  const workflowId = await publish({ cron: '0 9 * * *', timeZone: 'Europe/Paris', overlap: 'skip' })
  const first = await only(workflowId)
  t.match(first, { workflowId, nodeId: 'tick', version: 1, rule: { cron: '0 9 * * *', timeZone: 'Europe/Paris', missed: 'one', overlap: 'skip' }, pausedAt: null, lastAt: null })
  t.ok(Date.parse(first.nextAt) > Date.now())
  t.match((await call('GET', `/schedules/${first.id}/next?count=3`)).json().data, [first.nextAt, /T0[78]:00:00.000Z$/, /T/])

  await call('PUT', `/workflows/${workflowId}`, { ...flow({ cron: '0 9 * * *', timeZone: 'Europe/Paris', overlap: 'skip' }), name: 'Other' })
  await call('POST', `/workflows/${workflowId}/publish`)
  t.match(await only(workflowId), { id: first.id, version: 2, nextAt: first.nextAt })
  await call('PUT', `/workflows/${workflowId}`, flow({ at: '2999-01-01T00:00:00Z' }))
  await call('POST', `/workflows/${workflowId}/publish`)
  t.match(await only(workflowId), { id: first.id, version: 3, nextAt: '2999-01-01T00:00:00.000Z' })
  await call('POST', `/workflows/${workflowId}/unpublish`)
  t.equal(await only(workflowId), undefined)
})

t.test('pausing and resuming', async t => {
  const { id } = await only(await publish({ every: '1h' }))
  t.type((await call('POST', `/schedules/${id}/pause`)).json().pausedAt, 'string')
  await database.service`update schedules set next_tick = now() - interval '5 hours', next_at = now() - interval '5 hours' where id = ${id}`
  const resumed = (await call('POST', `/schedules/${id}/resume`, {})).json()
  t.equal(resumed.pausedAt, null)
  t.ok(Date.parse(resumed.nextAt) > Date.now(), 'goes on from now')
  t.strictSame((await database.service`select action from audit_log where target_id = ${id} order by id`).map(({ action }) => action), ['schedule.paused', 'schedule.resumed'])
})

t.test('a backfill starts each tick of a range once', async t => {
  const workflowId = await publish({ cron: '0 * * * *' })
  const { id } = await only(workflowId)
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000
  const range = { from: new Date(hour - 4 * 3_600_000).toISOString(), to: new Date(hour + 9 * 3_600_000).toISOString() }
  t.match(await call('POST', `/schedules/${id}/backfill`, range).then(answer => [answer.statusCode, answer.json()]), [202, { started: 5 }], 'the future is left out')
  t.match((await call('POST', `/schedules/${id}/backfill`, range)).json(), { started: 0 })
  t.equal(dispatched.filter(execution => execution.workflowId === workflowId).length, 5)
  t.equal((await database.service`select from executions where workflow_id = ${workflowId} and trigger = 'schedule'`).length, 5)
})

t.test('bad input', async t => {
  const pointers = async (parameters: object) => (await call('POST', '/workflows/validate', flow(parameters))).json().errors.map(({ pointer }: { pointer: string }) => pointer.replace('/nodes/0/parameters', ''))
  t.strictSame(await pointers({}), [''])
  t.strictSame(await pointers({ cron: '* * * * *', every: '5m' }), [''])
  for (const cron of ['* * *', '99 * * * *', '0 0 31 2 *', '* * * * * * *', 'x', '0 0 * * MON#9', '*/0 * * * *', '@daily x']) t.strictSame(await pointers({ cron }), ['/cron'], cron)
  for (const every of ['0s', '999ms']) t.strictSame(await pointers({ every }), ['/every'], every)
  for (const at of ['tomorrow', '2026-13-01T00:00:00Z', 7]) t.strictSame(await pointers({ at }), ['/at'], String(at))
  t.strictSame(await pointers({ cron: '* * * * *', timeZone: 'Nowhere/Zone' }), ['/timeZone'])
  t.strictSame(await pointers({ every: '1h', startAt: '2026-02-01T00:00:00Z', endAt: '2026-01-01T00:00:00Z' }), ['/endAt'])
  t.strictSame(await pointers({ every: '1h', missed: 'some', overlap: 'no', jitter: 'x' }), ['/missed', '/overlap', '/jitter'])

  const { id } = await only(await publish({ every: '1s' }))
  for (const [method, path] of [['POST', 'pause'], ['POST', 'resume'], ['GET', 'next']] as const) {
    t.equal((await stranger.call(method, `/schedules/${id}/${path}`)).statusCode, 404, path)
  }
  const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' }
  t.equal((await stranger.call('POST', `/schedules/${id}/backfill`, range)).statusCode, 404)
  t.equal((await call('GET', `/schedules/${id}/next?count=101`)).statusCode, 422)
  t.equal((await call('GET', `/schedules/${id}/next?count=x`)).statusCode, 422)
  t.equal((await call('POST', `/schedules/${id}/backfill`, { from: range.to, to: range.from })).statusCode, 422)
  t.match((await call('POST', `/schedules/${id}/backfill`, {})).json(), { errors: [{ pointer: '/from' }, { pointer: '/to' }] })
})
