import t from 'tap'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createSecureServer } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { createGuardedFetch } from '../../src/lib/guarded-fetch/index.ts'
import type { IncomingResponse, Lookup, OutgoingRequest } from '../../src/lib/guarded-fetch/index.ts'
import { startServer } from '../support/http-server.ts'
import type { RequestListener } from 'node:http'

type Asked = Partial<OutgoingRequest> & { url: string }
interface Test { teardown (end: () => Promise<void>): unknown }

function client (t: Test, options: { allow?: string[], lookup?: Lookup } = {}): (asked: Asked) => Promise<IncomingResponse> {
  const guarded = createGuardedFetch({ allow: [], userAgent: 'WeConnect test', ...options })
  t.teardown(() => guarded.close())
  return asked => guarded.fetch({
    method: 'GET', timeout: 5000, maxResponseSize: 100_000, followRedirects: 5, signal: new AbortController().signal, ...asked
  })
}

async function server (t: Test, handler: RequestListener) {
  const started = await startServer(handler)
  t.teardown(() => started.close())
  return started
}

const LOOPBACK = ['127.0.0.0/8']
const textOf = ({ body }: IncomingResponse): string => Buffer.from(body).toString()

interface BadInput {
  readonly id: string
  readonly group: string
  readonly input: { readonly url: string, readonly headers?: Record<string, string>, readonly credentialId?: string }
}

t.test('no form of a private address is reached', async t => {
  const listener = await server(t, (_request, response) => response.end('reached'))
  // Any name that resolves at all resolves to the listener's address, as localhost and 127.0.0.1.nip.io do.
  const lookup: Lookup = async hostname => hostname === 'mixed.test'
    ? [{ address: '93.184.216.34', family: 4 }, { address: '127.0.0.1', family: 4 }]
    : [{ address: '127.0.0.1', family: 4 }]
  const fetch = client(t, { lookup })
  const cases = JSON.parse(await readFile(new URL('../support/testdata/bad-inputs.json', import.meta.url), 'utf8')) as BadInput[]
  const urls = cases.filter(({ group, input }) => group === 'egress' && input.credentialId === undefined && !input.url.includes('{'))
  t.ok(urls.length >= 16, 'the cases are there')
  for (const { id, input } of urls) {
    // The listener's own port, where the case names none.
    const url = input.url.replace(/^(http:\/\/(?:[^/#@]*@)?)(\[[^\]]*\]|[^/#@:]+)(:\d+)?/, `$1$2:${listener.port}`)
    const expected = id === 'egress-36' ? /^WC_HTTP_URL$/ : /^WC_EGRESS_BLOCKED$/
    await t.rejects(fetch({ url: input.url }), { code: expected, retryable: false }, `${id} ${input.url}`)
    await t.rejects(fetch({ url }), { code: expected }, `${id} ${url}`)
  }
  await t.rejects(fetch({ url: `${listener.url}/` }), { code: 'WC_EGRESS_BLOCKED' })
  t.equal(listener.connections(), 0, 'the listener saw no connection')
  const socket = connect(listener.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
  t.equal(listener.connections(), 1, 'and would have seen one')
})

t.test('headers that frame or smuggle messages are refused before any connection', async t => {
  const { url, connections } = await server(t, (_request, response) => response.end())
  const fetch = client(t, { allow: LOOPBACK })
  for (const name of ['Host', 'content-length', 'Transfer-Encoding', 'connection', 'Upgrade', 'TE', 'expect', 'proxy-authorization', 'a b', '', 'x\r\ny']) {
    await t.rejects(fetch({ url, headers: { [name]: 'chunked' } }), { code: 'WC_HTTP_HEADER' }, JSON.stringify(name))
  }
  for (const value of ['a\r\nb: c', 'a\nb', 'a\0', 'snow ☃']) {
    await t.rejects(fetch({ url, headers: { x: value } }), { code: 'WC_HTTP_HEADER' }, JSON.stringify(value))
  }
  for (const method of ['CONNECT', 'TRACE', 'get', 'GET / HTTP/1.1\r\n', '']) {
    await t.rejects(fetch({ url, method }), { code: 'WC_HTTP_METHOD' }, JSON.stringify(method))
  }
  t.equal(connections(), 0)
})

t.test('answers without a body may name its length, and headers reach no prototype', async t => {
  const { url } = await server(t, (request, response) => {
    request.socket.write(request.url === '/304' ? 'HTTP/1.1 304 Not Modified\r\netag: "a"\r\ncontent-length: 10\r\n\r\n' : 'HTTP/1.1 200 OK\r\n__proto__: x\r\ncontent-length: 2\r\n\r\nok')
  })
  const fetch = client(t, { allow: LOOPBACK })
  t.match(await fetch({ url: `${url}/304` }), { status: 304, headers: { etag: '"a"' }, body: { length: 0 } })
  t.same(Object.getOwnPropertyNames((await fetch({ url: `${url}/proto` })).headers), ['content-length'])
})

t.test('an allowed address is reached, with the request as given', async t => {
  const { url, requests } = await server(t, (request, response) => {
    response.setHeader('Set-Cookie', ['a=1', 'b=2'])
    response.setHeader('X-Many', ['1', '2'])
    request.pipe(response)
  })
  const fetch = client(t, { allow: LOOPBACK })
  const response = await fetch({ url: `${url}/path?q=1#fragment`, method: 'POST', headers: { 'X-Own': 'yes' }, body: 'héllo' })
  t.match(response, { status: 200, url: `${url}/path?q=1`, headers: { 'set-cookie': 'a=1\nb=2', 'x-many': '1, 2' } })
  t.equal(textOf(response), 'héllo')
  t.match(requests[0], { method: 'POST', url: '/path?q=1', headers: { 'x-own': 'yes', 'user-agent': 'WeConnect test', host: url.slice(7) } })
})

t.test('proxies of the environment are not used', async t => {
  const proxy = await server(t, (_request, response) => response.end('proxy'))
  const { url } = await server(t, (_request, response) => response.end('direct'))
  const before = process.env.HTTP_PROXY
  process.env.HTTP_PROXY = process.env.http_proxy = proxy.url
  t.teardown(() => {
    delete process.env.http_proxy
    if (before === undefined) delete process.env.HTTP_PROXY
    else process.env.HTTP_PROXY = before
  })
  t.equal(textOf(await client(t, { allow: LOOPBACK })({ url })), 'direct')
  t.equal(proxy.connections(), 0)
})

t.test('the address that was checked is the one that is used', async t => {
  const { port } = await server(t, (_request, response) => response.end('reached'))
  let calls = 0
  const fetch = client(t, { allow: ['127.0.0.1/32'], lookup: async () => [{ address: ++calls === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }] })
  t.equal(textOf(await fetch({ url: `http://rebind.test:${port}/` })), 'reached')
  t.equal(calls, 1)
})

t.test('redirects', async t => {
  const other = await server(t, (request, response) => response.end(JSON.stringify({ method: request.method, headers: request.headers })))
  const { url, requests } = await server(t, (request, response) => {
    const target = new URL(request.url ?? '', 'http://x').searchParams
    const again = target.get('again')
    const location = again === null ? target.get('to') : `/?again=${Number(again) + 1}`
    if (location === null) request.pipe(response)
    else response.writeHead(Number(target.get('status') ?? 302), { location }).end('a body that nobody reads')
  })
  const fetch = client(t, { allow: ['127.0.0.1/32'] })
  const to = (location: string, status = 302): string => `${url}/?status=${status}&to=${encodeURIComponent(location)}`
  const secrets = { Authorization: 'Bearer x', cookie: 'a=1', 'X-Api-Key': 'k', 'Content-Type': 'text/plain', 'x-own': 'yes' }

  await t.test('to closed places are refused', async t => {
    for (const location of ['http://127.0.0.2/', 'http://[::1]/', '//169.254.169.254/', 'file:///etc/passwd', `http://u:p@127.0.0.1:${other.port}/`]) {
      await t.rejects(fetch({ url: to(location) }), { code: 'WC_EGRESS_BLOCKED' }, location)
    }
    await t.rejects(fetch({ url: to('http://%00/') }), { code: 'WC_HTTP_REDIRECT' })
  })
  await t.test('to another origin take no credentials along', async t => {
    const { headers } = JSON.parse(textOf(await fetch({ url: to(other.url), headers: secrets }))) as { headers: Record<string, string> }
    t.equal(headers['x-own'], 'yes')
    for (const name of ['authorization', 'cookie', 'x-api-key']) t.notOk(name in headers, name)
  })
  await t.test('to the same origin keep them', async t => {
    await fetch({ url: to('/end'), headers: secrets })
    t.match(requests.at(-1), { url: '/end', headers: { authorization: 'Bearer x', cookie: 'a=1' } })
  })
  await t.test('turn POST into GET without a body, or keep both', async t => {
    for (const [status, method] of [[301, 'GET'], [302, 'GET'], [303, 'GET'], [307, 'POST'], [308, 'POST']] as const) {
      const response = await fetch({ url: to('/end', status), method: 'POST', body: 'body', headers: { 'content-type': 'text/plain' } })
      t.equal(requests.at(-1)?.method, method, String(status))
      t.equal(textOf(response), method === 'GET' ? '' : 'body', String(status))
      t.equal(requests.at(-1)?.headers['content-type'], method === 'GET' ? undefined : 'text/plain')
    }
  })
  await t.test('end after so many, and are the answer where none is followed', async t => {
    const before = requests.length
    await t.rejects(fetch({ url: `${url}/?again=0`, followRedirects: 3 }), { code: 'WC_HTTP_REDIRECT' })
    t.equal(requests.length - before, 4)
    t.match(await fetch({ url: to('/end'), followRedirects: 0 }), { status: 302, headers: { location: '/end' } })
  })
})

t.test('sizes', async t => {
  const zeros = Buffer.alloc(2_000_000)
  const encoders: Record<string, readonly [string, (plain: Buffer) => string | Buffer]> = {
    gzip: ['gzip', gzipSync],
    'x-gzip': ['x-gzip', gzipSync],
    br: ['br', brotliCompressSync],
    deflate: ['deflate', deflateSync],
    'raw-deflate': ['deflate', deflateRawSync],
    twice: ['gzip, gzip', plain => gzipSync(gzipSync(plain))],
    broken: ['gzip', () => 'no gzip at all'],
    cut: ['gzip', plain => gzipSync(plain).subarray(0, 15)]
  }
  const { url } = await server(t, (request, response) => {
    const [, encoding = '', size] = (request.url ?? '').split('/')
    const plain = zeros.subarray(0, Number(size))
    if (encoding === 'endless') {
      const timer = setInterval(() => response.write(zeros.subarray(0, 65_536)), 1)
      response.on('close', () => clearInterval(timer))
      return
    }
    const [name, encode] = encoders[encoding] ?? [undefined, (bytes: Buffer) => bytes]
    if (name !== undefined) response.setHeader('content-encoding', name)
    response.end(encode(plain))
  })
  const fetch = client(t, { allow: LOOPBACK })
  for (const encoding of ['plain', 'gzip', 'x-gzip', 'br', 'deflate', 'raw-deflate']) {
    t.equal((await fetch({ url: `${url}/${encoding}/100000` })).body.length, 100_000, `${encoding} up to the limit`)
    await t.rejects(fetch({ url: `${url}/${encoding}/100001` }), { code: 'WC_HTTP_TOO_LARGE' }, `${encoding} past it`)
    await t.rejects(fetch({ url: `${url}/${encoding}/2000000` }), { code: 'WC_HTTP_TOO_LARGE' }, `${encoding} far past it`)
  }
  await t.rejects(fetch({ url: `${url}/endless` }), { code: 'WC_HTTP_TOO_LARGE' })
  const declined = fetch({ url: `${url}/endless`, sink: () => undefined, maxResponseSize: Number.MAX_SAFE_INTEGER, timeout: 120_000 })
  await t.rejects(declined, { code: 'WC_HTTP_TOO_LARGE' }, 'also where a file may be larger, and the answer is none')
  for (const encoding of ['twice', 'broken', 'cut']) await t.rejects(fetch({ url: `${url}/${encoding}/1000` }), { code: 'WC_HTTP_BODY' }, encoding)
  t.equal((await fetch({ url: `${url}/gzip/1000`, method: 'HEAD' })).body.length, 0)
})

t.test('time', async t => {
  const { url, requests } = await server(t, (request, response) => {
    if (request.url === '/drip') response.write('a')
  })
  const fetch = client(t, { allow: LOOPBACK, lookup: () => new Promise(() => {}) })
  const started = performance.now()
  for (const target of [`${url}/hang`, `${url}/drip`, 'http://never-resolves.test/']) {
    await t.rejects(fetch({ url: target, timeout: 100 }), { code: 'WC_HTTP_TIMEOUT', retryable: true }, target)
  }
  for (const target of [`${url}/hang`, `${url}/drip`, 'http://never-resolves.test/']) {
    const controller = new AbortController()
    const reason = new Error('cancelled')
    const cut = requests.length
    setTimeout(() => controller.abort(reason), 50)
    const error: unknown = await fetch({ url: target, signal: controller.signal }).catch((error: unknown) => error)
    t.equal(error, reason, `an abort ends ${target} with its own reason`)
    if (target.startsWith(url)) t.equal(requests.length, cut + 1)
  }
  await t.rejects(fetch({ url, signal: AbortSignal.abort(new Error('before')) }), { message: 'before' })
  t.ok(performance.now() - started < 15_000, 'each at its time: none would end by itself')
})

t.test('network failures say what failed and that another try may help', async t => {
  const { url, port, close } = await startServer((request, response) => {
    if (request.url === '/rubbish') request.socket.end('not http at all\r\n\r\n')
    else if (request.url === '/headers') response.setHeader('x', 'y'.repeat(100_000)).end()
    else request.socket.destroy()
  })
  const refuse: Lookup = async () => { throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }) }
  const fetch = client(t, { allow: LOOPBACK, lookup: refuse })
  await t.rejects(fetch({ url }), { code: 'WC_HTTP_NETWORK', retryable: true, message: /was cut/ })
  await t.rejects(fetch({ url: `${url}/rubbish` }), { code: 'WC_HTTP_NETWORK', message: /not valid HTTP/ })
  await t.rejects(fetch({ url: `${url}/headers` }), { code: 'WC_HTTP_TOO_LARGE' })
  await t.rejects(fetch({ url: 'http://nowhere.test/' }), { code: 'WC_HTTP_NETWORK', message: /does not resolve/ })
  await t.rejects(fetch({ url: url.replace('http', 'https') }), { code: 'WC_HTTP_NETWORK', message: /does not speak TLS/, retryable: false })
  await close()
  await t.rejects(fetch({ url: `http://127.0.0.1:${port}/` }), { code: 'WC_HTTP_NETWORK', message: /was refused/ })
})

t.test('certificates are verified, unless a request says otherwise, which opens the way to no other', async t => {
  const pem = await readFile(new URL('../support/testdata/self-signed.pem', import.meta.url))
  const secure = createSecureServer({ key: pem, cert: pem }, (_request, response) => response.end('secret'))
  await new Promise<void>(resolve => { secure.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    secure.closeAllConnections()
    secure.close()
  })
  const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/`
  const fetch = client(t, { allow: LOOPBACK })
  const refused = { code: 'WC_HTTP_NETWORK', retryable: false, message: /self-signed/ }
  await t.rejects(fetch({ url }), refused)
  t.equal(textOf(await fetch({ url, allowUnauthorizedCerts: true })), 'secret')
  await t.rejects(fetch({ url }), refused, 'also while a connection stands open')
  await t.rejects(client(t)({ url, allowUnauthorizedCerts: true }), { code: 'WC_EGRESS_BLOCKED' })
})
