import t from 'tap'
import type { Static } from '@sinclair/typebox'
import { gzipSync } from 'node:zlib'
import type { IncomingMessage, RequestListener } from 'node:http'
import { httpRequest } from '../../../src/engine/nodes/http-request.ts'
import { parseRetryAfter } from '../../../src/engine/nodes/http-response.ts'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch/index.ts'
import { startServer } from '../../support/http-server.ts'
import { nodeContext } from '../../support/node-context.ts'

type Parameters = Static<typeof httpRequest.parameters>

const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'WeConnect test' })
t.teardown(() => guarded.close())

interface Test { teardown (end: () => Promise<void>): unknown }

async function server (t: Test, handler: RequestListener) {
  const started = await startServer(handler)
  t.teardown(() => started.close())
  return started
}

async function run (parameters: object | ((index: number) => object), count = 1, signal?: AbortSignal) {
  const items = Array.from({ length: count }, (_, index) => ({ index }))
  const { outputs } = await httpRequest.run(nodeContext<Parameters>({
    // Evaluated expressions hold anything, whatever the schema says of their places.
    items, parameters: parameters as Parameters, fetch: guarded.fetch, ...(signal && { signal })
  }))
  return outputs.main ?? []
}

async function textOf (request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

const echo: RequestListener = (request, response) => {
  textOf(request).then(body => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }))
  }, error => response.destroy(error as Error))
}

t.test('an item is the answer to its request', async t => {
  const { url } = await server(t, echo)
  const [output] = await run({ url: `${url}/a?x=1`, query: { q: 'é&=', list: [1, true], none: null, deep: { a: 1 } }, headers: { 'X-Own': 5, left: null } })
  t.match(output, {
    from: 0,
    json: {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: { method: 'GET', url: '/a?x=1&q=%C3%A9%26%3D&list=1&list=true&deep=%7B%22a%22%3A1%7D', body: '', headers: { 'x-own': '5' } }
    }
  })
  const [kept] = await run({ url: `${url}/a?f=a%20b&plus=a+b&flag&q=~`, query: { q: 'x y' }, pagination: { mode: 'page', parameter: 'plus', maxPages: 1 } })
  t.match(kept, { json: { body: { url: '/a?f=a%20b&flag&q=~&q=x%20y&plus=1' } } }, 'what stands in the URL stays as it was written')
  const { headers } = (output?.json?.body) as { headers: object }
  for (const name of ['left', 'idempotency-key', 'content-type']) t.notOk(name in headers, name)
})

t.test('bodies', async t => {
  const { url } = await server(t, echo)
  const cases: [object, string, string | undefined][] = [
    [{ body: { a: [1] } }, '{"a":[1]}', 'application/json'],
    [{ body: 'text' }, '"text"', 'application/json'],
    [{ body: null }, 'null', 'application/json'],
    [{ body: { a: ['1', 2], b: 'é &' }, bodyType: 'form' }, 'a=1&a=2&b=%C3%A9+%26', 'application/x-www-form-urlencoded'],
    [{ body: 'plain é', bodyType: 'text' }, 'plain é', 'text/plain; charset=utf-8'],
    [{ body: '<a/>', bodyType: 'text', headers: { 'Content-Type': 'text/xml' } }, '<a/>', 'text/xml'],
    [{ body: { a: 1 }, bodyType: 'none' }, '', undefined],
    [{}, '', undefined]
  ]
  for (const [parameters, body, type] of cases) {
    const [output] = await run({ url, method: 'POST', ...parameters })
    const echoed = output?.json?.body as { body: string, headers: Record<string, string> }
    t.equal(echoed.body, body, JSON.stringify(parameters))
    t.equal(echoed.headers['content-type'], type)
  }
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  await t.rejects(run({ url, method: 'POST', body: cyclic }), { code: 'WC_HTTP_BODY' })
  await t.rejects(run({ url, method: 'POST', body: 'a=1', bodyType: 'form' }), { code: 'WC_PARAMETER' })
  await t.rejects(run({ url, method: 'POST', bodyType: 'multipart', files: { 'a/b': 'photo' } }), { code: 'WC_PARAMETER', detail: { pointer: '/files/a~1b' } })
})

t.test('what may act carries a key that stays the same in every attempt', async t => {
  const { url } = await server(t, echo)
  const keys = async (parameters: object) => (await run({ url, ...parameters }, 2)).map(({ json }) =>
    (json?.body as { headers: Record<string, string> }).headers['idempotency-key'])
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'post']) t.same(await keys({ method }), ['root:node:0:0', 'root:node:0:1'], method)
  t.same(await keys({ method: 'GET' }), [undefined, undefined])
  t.same(await keys({ method: 'POST', headers: { 'IDEMPOTENCY-KEY': 'mine' } }), ['mine', 'mine'])
})

t.test('answers are read as what they are', async t => {
  const deep = '['.repeat(65) + ']'.repeat(65)
  const answers: Record<string, [type: string, body: string | Buffer]> = {
    json: ['application/json', '{"a":1}'],
    problem: ['application/problem+json; charset=utf-8', '{"a":1}'],
    bad: ['application/json', '{"a":'],
    deep: ['application/json', deep],
    proto: ['application/json', '{"__proto__":1}'],
    text: ['text/plain', '{"a":1}'],
    latinJson: ['application/json; charset=iso-8859-1', Buffer.from('{"a":"\xe9"}', 'latin1')],
    badJson: ['application/json', Buffer.from('{"a":"\xe9"}', 'latin1')],
    latin: ['text/plain; charset=iso-8859-1', Buffer.from([0xe9])],
    strange: ['text/plain; charset=nobody-knows', 'é'],
    image: ['image/png', Buffer.from([0x89, 0x50, 0xff])],
    unknown: ['', 'text'],
    empty: ['application/json', '']
  }
  const { url } = await server(t, (request, response) => {
    const [type, body] = answers[(request.url ?? '').slice(1)] ?? ['', '']
    if (type !== '') response.setHeader('content-type', type)
    response.end(body)
  })
  const body = async (name: string, response?: string) => (await run({ url: `${url}/${name}`, ...(response && { response }) }))[0]?.json?.body
  t.strictSame(await body('json'), { a: 1 })
  t.strictSame(await body('problem'), { a: 1 })
  t.strictSame(await body('bad'), '{"a":')
  t.strictSame(await body('text'), '{"a":1}')
  t.strictSame(await body('text', 'json'), { a: 1 })
  t.strictSame(await body('json', 'text'), '{"a":1}')
  t.strictSame(await body('latin'), 'é')
  t.strictSame(await body('latinJson'), { a: 'é' }, 'JSON that says that it is no UTF-8, and is none')
  t.strictSame(await body('latinJson', 'json'), { a: 'é' })
  t.strictSame(await body('strange'), 'é')
  t.strictSame(await body('unknown'), 'text')
  t.strictSame(await body('empty'), null)
  t.strictSame(await body('empty', 'json'), null)
  for (const name of ['deep', 'proto', 'image']) await t.rejects(body(name), { code: 'WC_HTTP_BODY', detail: { itemIndex: 0 } }, name)
  for (const name of ['bad', 'badJson', 'deep', 'image']) await t.rejects(body(name, 'json'), { code: 'WC_HTTP_BODY', ...(name === 'bad' && { detail: { data: { status: 200, body: '{"a":' } } }) }, name)
})

t.test('a status of 400 or more fails, and says whether another attempt may help', async t => {
  const { url } = await server(t, (request, response) => {
    response.writeHead(Number((request.url ?? '').slice(1, 4)), { 'retry-after': '7' }).end('x'.repeat(5000))
  })
  for (const [status, retryable] of [[400, false], [404, false], [408, true], [425, true], [429, true], [500, true], [503, true]] as const) {
    const error = await run({ url: `${url}/${status}?secret=1` }).then(() => t.fail(), (error: unknown) => error)
    t.match(error, { code: 'WC_HTTP_STATUS', message: `GET ${url}/${status} answered ${status}`, detail: { retryable, retryAfter: 7000, itemIndex: 0, data: { status } } })
    t.equal((error as { detail: { data: { body: string } } }).detail.data.body.length, 2000, 'with the beginning of the body')
  }
  t.match(await run({ url: `${url}/404`, failOnStatus: false }), [{ json: { status: 404 } }])
  t.match(await run({ url: `${url}/302` }), [{ json: { status: 302 } }], 'a redirect to nowhere is an answer')
})

t.test('Retry-After is a number of seconds or a date', async t => {
  const now = Date.UTC(2030, 0, 1)
  t.equal(parseRetryAfter('120', now), 120_000)
  t.equal(parseRetryAfter('Tue, 01 Jan 2030 00:00:30 GMT', now), 30_000)
  t.equal(parseRetryAfter('Mon, 31 Dec 2029 00:00:00 GMT', now), 0)
  t.equal(parseRetryAfter('99999999999999999999', now), 86_400_000)
  t.equal(parseRetryAfter('soon', now), null)
  t.equal(parseRetryAfter(undefined, now), null)
})

t.test('failures of the exchange keep their class and name the item', async t => {
  const { url, requests } = await server(t, (request, response) => {
    if (request.url === '/large') response.end(gzipSync('x'.repeat(1000)).toString('latin1').padEnd(2000))
    else if (request.url === '/cut') request.socket.destroy()
  })
  const cases: [object, string, boolean][] = [
    [{ url: 'http://169.254.169.254/' }, 'WC_EGRESS_BLOCKED', false],
    [{ url: 'nonsense' }, 'WC_HTTP_URL', false],
    [{ url: undefined }, 'WC_HTTP_URL', false],
    [{ url: `${url}/large`, maxResponseSize: 1000 }, 'WC_HTTP_TOO_LARGE', false],
    [{ url: `${url}/cut` }, 'WC_HTTP_NETWORK', true],
    [{ url: `${url}/hang`, timeout: '50ms' }, 'WC_HTTP_TIMEOUT', true]
  ]
  for (const [parameters, code, retryable] of cases) {
    await t.rejects(run(parameters), { name: 'NodeError', code, detail: { retryable, itemIndex: 0 } }, code)
  }
  const before = requests.length
  for (const headers of [{ Host: 'a' }, { 'content-length': 5 }, { 'transfer-encoding': 'chunked' }, { connection: 'close' }, { x: 'a\r\nb: c' }, { 'x\r\ny': 'z' }]) {
    await t.rejects(run({ url, headers }), { code: 'WC_HTTP_HEADER', detail: { pointer: '/headers' } }, JSON.stringify(headers))
  }
  for (const parameters of [{ headers: { x: {} } }, { headers: 'x: y' }, { query: [1] }, { timeout: '30d' }, { timeout: 'soon' }, { timeout: '0s' }, { followRedirects: 21 }, { ca: 'rubbish' }]) {
    await t.rejects(run({ url, ...parameters }), { code: 'WC_PARAMETER' }, JSON.stringify(parameters))
  }
  t.equal(requests.length, before, 'none of these was sent')
})

t.test('requests of one step run ten at a time, and their answers keep the order of the items', async t => {
  let running = 0
  let most = 0
  const { url } = await server(t, (request, response) => {
    most = Math.max(most, ++running)
    const index = Number((request.url ?? '').slice(1))
    setTimeout(() => {
      running--
      response.end(String(index))
    }, 20 + (25 - index) * 2)
  })
  const outputs = await run((index: number) => ({ url: `${url}/${index}` }), 25)
  t.same(outputs.map(({ from, json }) => [from, json?.body]), Array.from({ length: 25 }, (_, index) => [index, String(index)]))
  t.equal(most, 10)
})

t.test('one failure ends the step and what is under way', async t => {
  const closed: string[] = []
  const { url, requests } = await server(t, (request, response) => {
    if (request.url === '/2') setTimeout(() => response.writeHead(500).end(), 50)
    else request.socket.on('close', () => { closed.push(request.url ?? '') })
  })
  await t.rejects(run((index: number) => ({ url: `${url}/${index}` }), 30), { code: 'WC_HTTP_STATUS', detail: { itemIndex: 2 } })
  t.equal(requests.length, 10)
  while (closed.length < 9) await new Promise(resolve => setTimeout(resolve, 5))
})

t.test('an abort ends the step at once, with its own reason', async t => {
  const controller = new AbortController()
  const reason = new Error('cancelled')
  const { url, requests } = await server(t, () => { if (requests.length === 10) controller.abort(reason) })
  t.equal(await run({ url }, 20, controller.signal).catch((error: unknown) => error), reason)
  t.equal(requests.length, 10)
  t.equal(await run({ url }, 20, controller.signal).catch((error: unknown) => error), reason)
  t.equal(requests.length, 10)
})

t.test('timeouts out of bounds are found before anything runs', async t => {
  for (const ca of ['-----BEGIN CERTIFICATE-----', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----']) t.match(httpRequest.check?.({ ca }), [{ pointer: '/ca', code: 'WC_INVALID_FORMAT' }])
  for (const timeout of ['2h', '0s']) t.match(httpRequest.check?.({ timeout }), [{ pointer: '/timeout', code: 'WC_DURATION' }])
  for (const timeout of ['1h', '{{ $vars.timeout }}', undefined]) t.same(httpRequest.check?.({ timeout }), [])
})
