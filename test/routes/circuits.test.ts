import { pino } from 'pino'
import t from 'tap'
import type { IncomingResponse, OutgoingRequest } from '../../src/lib/guarded-fetch/index.ts'
import { createIdSource } from '../../src/lib/ids.ts'
import { circuitRoutes } from '../../src/routes/circuits.ts'
import { createCircuitBoard } from '../../src/services/egress/circuit-board.ts'
import { createEgress } from '../../src/services/egress/index.ts'
import { createMetrics } from '../../src/services/metrics.ts'
import { until } from '../support/service-process.ts'
import { workflowApp } from '../support/workflow-app.ts'

const { join, database } = await workflowApp(t, [{ prefix: '/circuits', routes: circuitRoutes }])
const PAUSE = 1500

/** A process of its own that calls destinations: as many as there are have circuits of their own. */
function caller () {
  const world = { status: 503 }
  const log = pino({ level: 'silent' })
  const { fetch } = createEgress({
    fetch: async ({ url }): Promise<IncomingResponse> => ({ status: world.status, url, headers: {}, body: new Uint8Array() }),
    circuit: { failures: 2, pause: PAUSE },
    metrics: createMetrics(),
    board: createCircuitBoard({ sql: database.service, nextId: createIdSource(Date.now), log }),
    log,
    now: Date.now
  })
  const request = (url: string): OutgoingRequest => ({ method: 'GET', url, timeout: 1000, maxResponseSize: 1000, followRedirects: 0, signal: new AbortController().signal })
  return { world, get: async (url: string, organizationId: string) => await fetch(request(url), organizationId).then(({ status }) => status, (error: { code: string }) => error.code) }
}

t.test('open circuits are listed until their destination is well', async t => {
  const { call, organizationId } = await join()
  const stranger = await join()
  const list = async (query = ''): Promise<{ data: Array<Record<string, unknown>>, nextCursor: string | null }> => (await call('GET', `/circuits${query}`)).json()
  const [first, second] = [caller(), caller()]
  t.strictSame((await list()).data, [])
  for (const { get } of [first, second]) for (let n = 0; n < 2; n++) await get('http://a.test/x', organizationId)
  t.equal(await first.get('http://a.test/x', organizationId), 'WC_CIRCUIT_OPEN')
  await until('the list to show it', async () => (await list()).data.length === 1)
  t.match((await list()).data, [{ host: 'a.test', since: /Z$/, retryAt: /Z$/, lastFailure: 'it answered 503' }])
  t.strictSame((await stranger.call('GET', '/circuits')).json().data, [], 'to its own organization only')

  for (let n = 0; n < 2; n++) await first.get('http://b.test:81/', organizationId)
  await until('both', async () => (await list()).data.length === 2)
  const page = await list('?limit=1')
  t.equal(page.data[0]!['host'], 'b.test:81', 'the newest first')
  t.match(await list(`?limit=1&cursor=${page.nextCursor!}`), { data: [{ host: 'a.test' }], nextCursor: null })
  await until('the pause to be over', async () => (await list()).data.every(({ state }) => state === 'halfOpen'))

  first.world.status = 200
  await until('a call that goes through', async () => await first.get('http://a.test/', organizationId) === 200)
  await until('the list to be right', async () => (await list()).data.length === 1)
  t.match((await list()).data, [{ host: 'b.test:81' }])
})

t.test('an organization that is gone is no reason to fail', async t => {
  const { get } = caller()
  for (let n = 0; n < 2; n++) t.equal(await get('http://c.test/', '00000000-0000-7000-8000-000000000000'), 503)
  t.equal(await get('http://c.test/', '00000000-0000-7000-8000-000000000000'), 'WC_CIRCUIT_OPEN')
})
