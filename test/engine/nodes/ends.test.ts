import t from 'tap'
import type { Static } from '@sinclair/typebox'
import { manual } from '../../../src/engine/nodes/manual.ts'
import { noOp } from '../../../src/engine/nodes/no-op.ts'
import { respond } from '../../../src/engine/nodes/respond.ts'
import { stop } from '../../../src/engine/nodes/stop.ts'
import { wait } from '../../../src/engine/nodes/wait.ts'
import { webhook } from '../../../src/engine/nodes/webhook.ts'
import { nodeContext } from '../../support/node-context.ts'

t.test('triggers have no inputs and pass on what started them', async t => {
  t.same([webhook.trigger, webhook.inputs({}), webhook.outputs({})], [true, [], ['main']])
  t.same([manual.trigger, manual.inputs({})], [true, []])
  t.same(await webhook.run(nodeContext({ items: [{ body: 1 }], parameters: { path: 'a' } })), { outputs: { main: [{ from: 0 }] } })
  t.same(await manual.run(nodeContext({ items: [{}], parameters: {} })), { outputs: { main: [{ from: 0 }] } })
  t.same(await noOp.run(nodeContext({ items: [{}, {}], parameters: {} })), { outputs: { main: [{ from: 0 }, { from: 1 }] } })
})

t.test('webhook paths', async t => {
  for (const path of ['orders', 'orders/:id', 'a/b.c/d~e_f-g/:x/:y_1', '...', 'a'.repeat(512)]) t.same(webhook.check?.({ path }), [], path.slice(0, 30))
  const bad = [
    '', '/', '/orders', 'orders/', 'a//b', '.', 'a/../b', 'a/.', 'a b', 'a%2fb', 'é', 'a?b', 'a#b', 'a*', 'a\\b', 'a\n',
    ':', 'a/:', ':1', ':a-b', ':a/:a', 'a:b', ':__proto__', ':constructor', 'a'.repeat(513)
  ]
  for (const path of bad) t.match(webhook.check?.({ path }), [{ pointer: '/path', code: 'WC_WEBHOOK_PATH' }], JSON.stringify(path.slice(0, 30)))
})

t.test('nobody waits for a webhook longer than five minutes', async t => {
  t.same(webhook.check?.({ path: 'a', responseTimeout: '5m' }), [])
  t.match(webhook.check?.({ path: 'a', responseTimeout: '301s' }), [{ pointer: '/responseTimeout', code: 'WC_DURATION' }])
})

t.test('a wait whose expression gives nothing says so', async t => {
  const waiting = async (parameters: object) => wait.run(nodeContext<Static<typeof wait.parameters>>({ items: [{}], parameters }))
  await t.rejects(waiting({}), { code: 'WC_WAIT', message: 'There is nothing to wait for: the expression of for or until gave no value' })
  await t.rejects(waiting({ for: null }), { code: 'WC_DURATION', detail: { pointer: '/for' } })
  await t.rejects(waiting({ until: 'soon' }), { code: 'WC_TIME', detail: { pointer: '/until' } })
})

t.test('stop fails with the message and data of its author', async t => {
  const stopped = async (parameters: object) => stop.run(nodeContext<Static<typeof stop.parameters>>({ items: [{}], parameters }))
  await t.rejects(stopped({ message: 'No stock', data: { sku: 1 } }), { name: 'NodeError', code: 'WC_STOPPED', message: 'No stock', detail: { data: { sku: 1 } } })
  await t.rejects(stopped({}), { message: 'Stopped by the workflow' })
  await t.rejects(stopped({ message: 5 }), { message: '5' })
  t.same(stop.outputs({}), [])
})

async function answer (parameters: object, items = [{ a: 1 }, { a: 2 }]) {
  return respond.run(nodeContext<Static<typeof respond.parameters>>({ items, parameters }))
}

t.test('respond answers for the first item and passes all on', async t => {
  t.strictSame(await answer({}), { outputs: { main: [{ from: 0 }, { from: 1 }] }, answer: { status: 200, headers: {}, body: { a: 1 } } })
  t.strictSame((await answer({ status: 201, headers: { 'X-A': 1, 'x-b': null }, body: 'text' })).answer, { status: 201, headers: { 'x-a': '1' }, body: 'text' })
  t.strictSame((await answer({ status: '404', body: null })).answer, { status: 404, headers: {}, body: null })
  t.strictSame((await answer({}, [])).answer, { status: 200, headers: {}, body: null })
  for (const status of [204, 205, 304]) t.equal((await answer({ status })).answer?.body, '', `${status} has no body`)
})

t.test('respond refuses what would break the answer', async t => {
  for (const status of [100, 199, 600, 200.5, 'ok', {}, NaN]) await t.rejects(answer({ status }), { code: 'WC_RESPOND_STATUS' }, String(status))
  for (const headers of [
    { 'Content-Length': 5 }, { 'transfer-encoding': 'chunked' }, { Connection: 'close' }, { 'Keep-Alive': 'x' }, { upgrade: 'x' },
    { 'Clear-Site-Data': '"*"' }, { 'strict-transport-security': 'max-age=0' }, { 'Service-Worker-Allowed': '/' },
    { x: 'a\r\nset-cookie: b' }, { x: 'a\nb' }, { 'x\r\ny': 'z' }, { '': 'x' }, { x: '☃' }, { x: 'a'.repeat(20_000) },
    { 'set-cookie': 'wc_sso_0123=x' }, { 'Set-Cookie': ['a=1', ' WC_oauth2_0123 = x'] }, { 'set-cookie': '__Host-a=1; Path=/; Secure' }, { 'set-cookie': '__secure-a=1' }, { 'set-cookie': '=wc_sso_0123=x' }, { 'set-cookie': 'wc_sso_0123' }
  ]) await t.rejects(answer({ headers }), { code: 'WC_RESPOND_HEADER' }, JSON.stringify(headers))
  t.strictSame((await answer({ headers: { 'Set-Cookie': ['a=1; Path=/', null, 'b=2'], 'x-a': 'y' }, body: '' })).answer, { status: 200, headers: { 'set-cookie': ['a=1; Path=/', 'b=2'], 'x-a': 'y' }, body: '' })
  t.strictSame((await answer({ headers: { 'set-cookie': ['a=1'] }, body: '' })).answer, { status: 200, headers: { 'set-cookie': 'a=1' }, body: '' })
  t.strictSame((await answer({ headers: { 'set-cookie': [] }, body: '' })).answer, { status: 200, headers: {}, body: '' })
  await t.rejects(answer({ headers: { 'set-cookie': ['a=1', 'b=2\r\nx: y'] } }), { code: 'WC_RESPOND_HEADER' })
  await t.rejects(answer({ headers: { 'set-cookie': [['a=1']] } }), { code: 'WC_PARAMETER' })
  for (const headers of ['x: y', [], { x: ['a'] }]) await t.rejects(answer({ headers }), { code: 'WC_PARAMETER' }, JSON.stringify(headers))
})
