import { pino } from 'pino'
import t from 'tap'
import { FetchError } from '../../../src/lib/guarded-fetch/index.ts'
import type { IncomingResponse, OutgoingRequest } from '../../../src/lib/guarded-fetch/index.ts'
import { createEgress } from '../../../src/services/egress/index.ts'
import { createPacer } from '../../../src/services/egress/pacer.ts'
import { createMetrics } from '../../../src/services/metrics.ts'
import { until } from '../../support/service-process.ts'

const signal = new AbortController().signal
const request = (url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest => ({ method: 'GET', url, timeout: 1000, maxResponseSize: 1000, followRedirects: 0, signal, ...more })

function setUp (failures = 3, pause = 20) {
  const calls: string[] = []
  const world = { answer: (): IncomingResponse => ({ status: 500, url: '', headers: {}, body: new Uint8Array() }) }
  const metrics = createMetrics()
  const { fetch } = createEgress({
    fetch: async ({ url }) => { calls.push(url); return world.answer() }, circuit: { failures, pause }, metrics, board: { opened () {}, closed () {} }, log: pino({ level: 'silent' }), now: Date.now
  })
  return { calls, world, metrics, fetch }
}

const good = (): IncomingResponse => ({ status: 200, url: '', headers: {}, body: new Uint8Array() })
const fails = (error: Error) => () => { throw error }

t.test('a destination that keeps failing is not called, until one call finds it well', async t => {
  const { calls, world, metrics, fetch } = setUp(3, 1000)
  for (let n = 0; n < 3; n++) t.equal((await fetch(request('http://a.test/x'), 'one')).status, 500, 'failures pass through')
  const refused = fetch(request('http://a.test/other'), 'one')
  await t.rejects(refused, { code: 'WC_CIRCUIT_OPEN', message: /a\.test failed 3 times .* it answered 500/, detail: { retryable: true, data: { host: 'a.test', state: 'open', lastFailure: 'it answered 500' } } })
  const { retryAfter } = await refused.then(() => { throw new Error('was called') }, (error: { detail: { retryAfter: number } }) => error.detail)
  t.ok(retryAfter >= 0 && retryAfter <= 1000)
  t.equal(calls.length, 3)
  t.match(await metrics.registry.metrics(), /weconnect_circuits_open 1[^]*weconnect_circuits_broken_total 1/)
  await until('the probe', async () => await fetch(request('http://a.test/probe'), 'one').then(() => true, () => false))
  await t.rejects(fetch(request('http://a.test/again'), 'one'), { code: 'WC_CIRCUIT_OPEN' }, 'a failed probe opens it again')
  world.answer = good
  await until('the destination is well', async () => await fetch(request('http://a.test/probe'), 'one').then(({ status }) => status === 200, () => false))
  for (let n = 0; n < 5; n++) t.equal((await fetch(request('http://a.test/'), 'one')).status, 200)
  t.match(await metrics.registry.metrics(), /weconnect_circuits_open 0/)
})

t.test('each organization and each host has a circuit of its own', async t => {
  const { fetch } = setUp(1, 60_000)
  await fetch(request('http://a.test/'), 'one')
  await t.rejects(fetch(request('http://a.test/'), 'one'), { code: 'WC_CIRCUIT_OPEN' })
  t.equal((await fetch(request('http://a.test/'), 'two')).status, 500, 'another tenant calls it')
  t.equal((await fetch(request('http://a.test:8080/'), 'one')).status, 500, 'another port')
  t.equal((await fetch(request('http://b.test/'), 'one')).status, 500, 'another host')
})

t.test('only what the destination is to blame for counts', async t => {
  const { world, fetch } = setUp(1, 60_000)
  const answer = (status: number) => () => ({ ...good(), status })
  for (const harmless of [answer(404), answer(429), answer(501), fails(new FetchError('WC_EGRESS_BLOCKED', 'no')), fails(new FetchError('WC_HTTP_TOO_LARGE', 'no')), fails(new FetchError('WC_HTTP_PROXY', 'away', { retryable: true })), fails(new Error('aborted'))]) {
    world.answer = harmless
    for (let n = 0; n < 3; n++) await fetch(request('http://a.test/'), 'one').then(() => {}, (error: { code?: string }) => { t.not(error.code, 'WC_CIRCUIT_OPEN') })
  }
  world.answer = fails(new FetchError('WC_HTTP_NETWORK', 'cut', { retryable: true }))
  await t.rejects(fetch(request('http://a.test/'), 'one'), { code: 'WC_HTTP_NETWORK' })
  await t.rejects(fetch(request('http://a.test/'), 'one'), { code: 'WC_CIRCUIT_OPEN' })
  const never = setUp(0)
  for (let n = 0; n < 20; n++) t.equal((await never.fetch(request('http://a.test/'), 'one')).status, 500)
})

t.test('requests are paced by host and organization', async t => {
  let now = 0
  const pacer = createPacer(() => now)
  const a = { organizationId: 'one', host: 'a.test' }
  const begun: number[] = []
  const pace = { requests: 2, per: 40 }
  const turns = Array.from({ length: 4 }, async (_, n) => await pacer.turn(a, pace, signal).then(() => { begun.push(n) }))
  await pacer.turn({ ...a, organizationId: 'two' }, pace, signal)
  t.same(begun, [0], 'the others wait; another tenant does not')
  await Promise.all(turns)
  t.same(begun, [0, 1, 2, 3], 'in order')
  now = 1000
  await pacer.turn(a, pace, signal)
  const abort = new AbortController()
  const waiting = pacer.turn(a, { requests: 1, per: 3_600_000 }, abort.signal).then(async () => await pacer.turn(a, pace, abort.signal))
  abort.abort(new Error('cancelled'))
  await t.rejects(waiting, { message: 'cancelled' })
})
