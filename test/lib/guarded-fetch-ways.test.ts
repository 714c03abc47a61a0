import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { createGuardedFetch } from '../../src/lib/guarded-fetch/index.ts'
import type { GuardedFetchOptions, OutgoingRequest } from '../../src/lib/guarded-fetch/index.ts'
import { startServer } from '../support/http-server.ts'

interface Test { teardown (end: () => unknown): unknown }

const pem = await readFile(new URL('../support/testdata/self-signed.pem', import.meta.url), 'utf8')
const [, key = '', certificate = ''] = /^(-----BEGIN PRIVATE KEY.*?PRIVATE KEY-----\n)(.*)$/s.exec(pem) ?? []

async function listen (t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

/** A proxy that notes what it was asked for. */
async function startProxy (t: Test, answer = 'HTTP/1.1 200 Connection established') {
  const asked: string[] = []
  const server = createServer()
  server.on('connect', (request, socket: Socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
    socket.on('error', () => {})
    if (!answer.includes(' 200 ')) {
      socket.end(`${answer}\r\n\r\n`)
      return
    }
    const [, host, port] = /^(.*):(\d+)$/.exec(request.url!)!
    const far = connect(Number(port), host)
    far.on('error', () => socket.destroy())
    socket.write(`${answer}\r\n\r\n`)
    far.pipe(socket).pipe(far)
  })
  return { port: await listen(t, server), asked }
}

function client (t: Test, options: Partial<GuardedFetchOptions> = {}) {
  const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'WeConnect test', ...options })
  t.teardown(async () => { await guarded.close() })
  return async (asked: Partial<OutgoingRequest> & { url: string }) => await guarded.fetch({ method: 'GET', timeout: 20_000, maxResponseSize: 100_000, followRedirects: 5, signal: new AbortController().signal, ...asked })
}

t.test('through a proxy, which is told addresses that passed the guard', async t => {
  const far = await startServer((request, response) => response.end(`reached ${request.headers.host}`))
  t.teardown(async () => { await far.close() })
  const secure = createSecureServer({ key, cert: certificate }, (_request, response) => response.end('secure'))
  const securePort = await listen(t, secure)
  const proxy = await startProxy(t)
  const lookup = async (name: string) => [{ address: name === 'closed.test' ? '10.0.0.1' : '127.0.0.1', family: 4 }]
  const fetch = client(t, { lookup, proxy: `http://ada:s%20p@127.0.0.1:${proxy.port}` })
  const answer = await fetch({ url: `http://named.test:${far.port}/` })
  t.equal(Buffer.from(answer.body).toString(), `reached named.test:${far.port}`)
  t.equal(Buffer.from((await fetch({ url: `https://named.test:${securePort}/`, allowUnauthorizedCerts: true })).body).toString(), 'secure')
  t.same(proxy.asked, [`127.0.0.1:${far.port} Basic ${Buffer.from('ada:s p').toString('base64')}`, `127.0.0.1:${securePort} Basic ${Buffer.from('ada:s p').toString('base64')}`])
  for (const url of ['http://closed.test/', 'http://10.0.0.1/', 'http://169.254.169.254/', 'https://closed.test/']) await t.rejects(fetch({ url }), { code: 'WC_EGRESS_BLOCKED' }, url)
  await t.rejects(fetch({ url: `https://named.test:${securePort}/` }), { code: 'WC_HTTP_NETWORK' }, 'certificates are looked at behind a proxy too')
  t.equal(proxy.asked.length, 3, 'the proxy was never asked for what is closed')
})

t.test('a proxy of a request must be public itself', async t => {
  const far = await startServer((_request, response) => response.end('reached'))
  t.teardown(async () => { await far.close() })
  const [proxy, refusing] = [await startProxy(t), await startProxy(t, 'HTTP/1.1 407 Proxy Authentication Required')]
  const open = client(t)
  t.equal(Buffer.from((await open({ url: far.url, proxy: `http://127.0.0.1:${proxy.port}` })).body).toString(), 'reached')
  await t.rejects(open({ url: far.url, proxy: `http://127.0.0.1:${refusing.port}` }), { code: 'WC_HTTP_PROXY', message: /user name and password.* answered 407/, retryable: false })
  const busy = await startProxy(t, 'HTTP/1.1 503 Service Unavailable')
  await t.rejects(open({ url: far.url, proxy: `http://127.0.0.1:${busy.port}` }), { code: 'WC_HTTP_PROXY', message: /answered 503/, retryable: true })
  for (const wrong of ['ftp://127.0.0.1', `http://50%:hunter2@127.0.0.1:${proxy.port}`, 'http://ada:hunter2@127.0.0.1:99999']) {
    await t.rejects(open({ url: far.url, proxy: wrong }), { code: 'WC_HTTP_PROXY', message: /^(?!.*hunter2)/, retryable: false }, wrong)
  }
  const lookup = async () => [{ address: '127.0.0.1', family: 4 }]
  const closed = client(t, { allow: ['192.0.2.1/32'], lookup })
  for (const host of ['127.0.0.1', 'proxy.test']) {
    await t.rejects(closed({ url: 'http://192.0.2.1/', proxy: `http://${host}:${proxy.port}` }), { code: 'WC_EGRESS_BLOCKED' }, host)
  }
  t.equal(proxy.asked.length, 1)
})

t.test('a request may trust an authority of its own', async t => {
  const server = createSecureServer({ key, cert: certificate }, (_request, response) => response.end('trusted'))
  const url = `https://127.0.0.1:${await listen(t, server)}/`
  const fetch = client(t)
  t.equal(Buffer.from((await fetch({ url, ca: certificate })).body).toString(), 'trusted')
  await t.rejects(fetch({ url }), { code: 'WC_HTTP_NETWORK', retryable: false }, 'its socket serves nobody else')
})

t.test('a client certificate is shown where it belongs', async t => {
  const server = createSecureServer({ key, cert: certificate, ca: [certificate], requestCert: true, rejectUnauthorized: true }, (_request, response) => response.end('known'))
  const url = `https://127.0.0.1:${await listen(t, server)}/`
  const fetch = client(t)
  const known = await fetch({ url, allowUnauthorizedCerts: true, clientCertificate: { certificate, key } })
  t.equal(Buffer.from(known.body).toString(), 'known')
  await t.rejects(fetch({ url, allowUnauthorizedCerts: true }), { code: 'WC_HTTP_NETWORK' }, 'its socket serves nobody else')
  await t.rejects(fetch({ url, allowUnauthorizedCerts: true, clientCertificate: { certificate, key: 'rubbish' } }), { code: 'WC_HTTP_NETWORK', message: /key of the client certificate cannot be read/, retryable: false })
  const first = createSecureServer({ key, cert: certificate, ca: [certificate], requestCert: true, rejectUnauthorized: true }, (request, response) => {
    response.writeHead(302, { location: request.url === '/away' ? elsewhere : '/here' }).end()
  })
  const curious = createSecureServer({ key, cert: certificate, ca: [certificate], requestCert: true, rejectUnauthorized: false }, (request, response) => {
    response.end((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'nobody')
  })
  const elsewhere = `https://127.0.0.1:${await listen(t, curious)}/`
  const asked = { allowUnauthorizedCerts: true, clientCertificate: { certificate, key } }
  t.not(Buffer.from((await fetch({ url: elsewhere, ...asked })).body).toString(), 'nobody')
  t.equal(Buffer.from((await fetch({ url: `https://127.0.0.1:${await listen(t, first)}/away`, ...asked })).body).toString(), 'nobody', 'a redirect to another origin does not take it along')
})
