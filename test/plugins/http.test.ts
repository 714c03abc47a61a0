import { connect, type AddressInfo } from 'node:net'
import { EventEmitter, once } from 'node:events'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import t from 'tap'
import { trustedProxies } from '../../src/plugins/trusted-proxies.ts'
import { needs, PUBLIC } from '../../src/schemas/access.ts'
import { send, testApp, register } from '../support/app.ts'

const sent = new EventEmitter()
const { app, logged } = await testApp(t, {
  publicRoutes: [{
    prefix: '/faults',
    routes: async scope => {
      scope.addHook('onSend', async (request, reply) => { sent.emit(request.url, reply.statusCode) })
      scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
      scope.post('/body', { config: { access: PUBLIC } }, async () => 'read')
      scope.get('/unexpected', { config: { access: PUBLIC } }, async () => { throw new Error('select secret from users') })
      scope.get('/away', { config: { access: PUBLIC } }, async () => { throw Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' }) })
    }
  }],
  tenantRoutes: [{
    prefix: '/echo',
    routes: async scope => {
      scope.post('/', { config: { access: needs('workflow:read') }, schema: { body: Type.Object({ value: Type.Unknown(), name: Type.Optional(Type.String({ minLength: 2 })) }, { additionalProperties: false }) } }, async request => request.body)
    }
  }]
})
const person = await register(app)
const echo = async (body: string | Buffer, headers: Record<string, string> = {}) => await send(app, '/v1/echo', body, { ...person.headers, ...headers })

t.test('every error is a problem with its request id', async t => {
  for (const [response, status, code] of [
    [await app.inject('/v1/nowhere'), 404, 'WC_NOT_FOUND'],
    [await app.inject({ method: 'POST', url: '/nowhere', payload: 'x', headers: { 'content-type': 'text/plain' } }), 404, 'WC_NOT_FOUND'],
    [await app.inject({ method: 'DELETE', url: '/v1/auth/me' }), 405, 'WC_METHOD_NOT_ALLOWED'],
    [await app.inject('/v1/%zz'), 400, 'WC_MALFORMED_REQUEST'],
    [await app.inject({ url: '/v1/api-keys?cursor=%00', headers: person.headers }), 400, 'WC_MALFORMED_REQUEST'],
    [await echo('{"value":1}', { 'content-type': 'text/plain' }), 415, 'WC_UNSUPPORTED_MEDIA_TYPE'],
    [await echo(JSON.stringify({ value: 'x'.repeat(1_100_000) })), 413, 'WC_TOO_LARGE'],
    [await app.inject('/faults/unexpected'), 500, 'WC_INTERNAL'],
    [await app.inject('/faults/away'), 503, 'WC_UNAVAILABLE']
  ] as const) {
    t.equal(response.statusCode, status, code)
    t.match(response.headers['content-type'], /^application\/problem\+json/)
    t.match(response.json(), { status, code, type: /^urn:weconnect:problem:/, title: /./, detail: /./, instance: /^[0-9a-f-]{36}$/ })
  }
})

t.test('5xx reveal nothing, and the log finds them by their id', async t => {
  const response = await app.inject('/faults/unexpected')
  t.notMatch(response.body, /secret/)
  t.ok(logged.some(line => line.includes(response.json<{ instance: string }>().instance) && line.includes('select secret from users')))
  t.equal((await app.inject('/faults/away')).headers['retry-after'], '2')
})

t.test('media types are read strictly', async t => {
  for (const type of ['application/json\ta', 'application/jsonp', 'application/json; charset=latin1', 'application/json, text/plain', 'application/json;charset=utf-8;x=y']) {
    const { statusCode } = await echo('{"value":1}', { 'content-type': type })
    t.ok(statusCode === 400 || statusCode === 415, `${type}: ${statusCode}`)
  }
  for (const type of ['application/json', 'Application/JSON ; charset=utf-8', 'application/json; charset="UTF-8"']) {
    t.equal((await echo('{"value":1}', { 'content-type': type })).statusCode, 200, type)
  }
  t.equal((await echo('{"value":1}', { 'content-encoding': 'gzip' })).statusCode, 415)
})

t.test('JSON is read strictly', async t => {
  for (const [body, status] of [
    ['', 422], ['null', 422], ['[]', 422], ['{"value":NaN,}', 400], ['{"value":1', 400],
    [Buffer.from('7b2276616c7565223a22ff227d', 'hex'), 400],
    ['{"value":{"__proto__":{"x":1}}}', 400], ['{"value":{"__pro\\u0074o__":1}}', 400],
    [`{"value":${'['.repeat(100)}${']'.repeat(100)}}`, 400], [`{"value":${'['.repeat(100_000)}`, 400],
    ['{"value":1,"extra":2}', 422], ['{"value":1,"name":"a"}', 422], ['{"value":1,"name":12}', 422]
  ] as const) {
    t.equal((await echo(body)).statusCode, status, String(body).slice(0, 60))
  }
  t.match((await echo('{"value":{"list":["a","b\\u0000"]}}')).json(), { status: 422, errors: [{ pointer: '/value/list/1' }] })
  t.match((await echo('{"value":"\\ud800 half"}')).json(), { status: 422, errors: [{ pointer: '/value' }] })
  t.same((await echo('{"value":"\\ud83d\\ude00"}')).json(), { value: '😀' })
  t.same((await echo('{"value":1,"value":2}')).json(), { value: 2 }, 'the last of two keys wins')
  t.same((await echo('\uFEFF{"value":"é"}')).json(), { value: 'é' })
  t.equal(({} as Record<string, unknown>)['x'], undefined)
})

t.test('all that is wrong is named, by JSON pointers', async t => {
  const { errors } = (await echo('{"name":"a","ex/tra~":2}')).json<{ errors: unknown[] }>()
  t.same(new Set(errors), new Set([
    { pointer: '/value', message: 'is required', code: 'WC_REQUIRED' },
    { pointer: '/ex~1tra~0', message: 'is not a known property', code: 'WC_UNKNOWN_PROPERTY' },
    { pointer: '/name', message: 'must NOT have fewer than 2 characters', code: 'WC_OUT_OF_RANGE' }
  ]))
})

t.test('what never becomes a request is answered too', async t => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  async function raw (text: string): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    socket.write(text)
    let answer = ''
    socket.on('data', chunk => { answer += String(chunk) })
    await once(socket, 'close')
    return answer
  }
  const large = await raw(`GET /healthz HTTP/1.1\r\nHost: x\r\n${'X-Filler: yyyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(2000)}\r\n`)
  t.match(large, /^HTTP\/1\.1 431 [\s\S]*application\/problem\+json[\s\S]*WC_HEADERS_TOO_LARGE/)
  t.match(await raw('NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*WC_MALFORMED_REQUEST/)
})

t.test('a client that sends all of a body that is too large before it reads hears so', async t => {
  const { port } = app.server.address() as AddressInfo
  const piece = Buffer.alloc(65_536, 'x')
  for (const length of [`Content-Length: ${300 * piece.length}`, 'Transfer-Encoding: chunked']) {
    const socket = connect(port, '127.0.0.1').pause()
    t.teardown(() => socket.destroy())
    socket.write(`POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${length}\r\n\r\n`)
    for (let n = 0; n < 300; n++) {
      const bytes = length.startsWith('C') ? piece : Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')])
      if (!socket.write(bytes)) await once(socket, 'drain')
    }
    if (length.startsWith('T')) socket.write('0\r\n\r\n')
    let answer = ''
    socket.on('data', chunk => { answer += String(chunk) })
    await once(socket.resume(), 'end')
    t.match(answer, /^HTTP\/1\.1 413 [\s\S]*WC_TOO_LARGE/, length)
  }
})

t.test('a client that goes away in its body is no dependency that is away', async t => {
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  const answered = once(sent, '/faults/body')
  socket.write('POST /faults/body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"half')
  await once(app.server, 'request')
  const lines = logged.length
  socket.destroy()
  t.strictSame(await answered, [400])
  t.strictSame(logged.slice(lines).filter(line => line.includes('"level":"warn"')), [])
})

t.test('logs hold no query and no secret', async t => {
  await app.inject({ url: '/v1/auth/me?access_token=leaked-token&ticket=leaked-ticket', headers: { authorization: 'Bearer leaked.bearer.x' } })
  app.log.info({ headers: { authorization: 'leaked-header', 'x-api-key': 'leaked-key' }, body: { password: 'leaked-password' } }, 'probe')
  const text = logged.join('')
  t.match(text, /probe/)
  t.notMatch(text, /leaked/)
})

t.test('clients are who the proxies in front say, and nobody else does', async t => {
  const seen = async (trusted: Parameters<typeof trustedProxies>[0], from: string, forwarded: string) => {
    const server = Fastify({ trustProxy: trustedProxies(trusted) })
    server.get('/', async request => request.ip)
    return (await server.inject({ url: '/', remoteAddress: from, headers: { 'x-forwarded-for': forwarded } })).body
  }
  const written = '203.0.113.66, 198.51.100.1, 10.0.0.2'
  t.equal(await seen(false, '10.0.0.1', written), '10.0.0.1')
  t.equal(await seen(1, '10.0.0.1', written), '10.0.0.2')
  t.equal(await seen(2, '10.0.0.1', written), '198.51.100.1')
  t.equal(await seen(['10.0.0.0/8'], '10.0.0.1', written), '198.51.100.1', 'what the client wrote before it does not count')
  t.equal(await seen(['10.0.0.0/8'], '::ffff:10.0.0.1', written), '198.51.100.1')
  t.equal(await seen(['10.0.0.0/8'], '192.0.2.1', written), '192.0.2.1', 'a stranger is no proxy')
  t.equal(await seen(['2001:db8::/32'], '2001:db8::7', 'nonsense'), 'nonsense')
})
