import t from 'tap'
import { BY_ADDRESS } from '../../src/schemas/access.ts'
import { register, testApp } from '../support/app.ts'

const ORIGIN = 'https://app.example.org'
const { app } = await testApp(t, {
  corsOrigins: [ORIGIN],
  publicRoutes: [{ prefix: '/hooks', forPrograms: true, async routes (scope) { scope.get('/:slug/*', { config: { access: BY_ADDRESS } }, async () => ({})) } }]
})
const person = await register(app)

t.test('answers of the API tell browsers to do nothing with them', async t => {
  const answer = await app.inject({ url: '/v1/organizations', headers: person.headers })
  t.match(answer.headers, {
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store'
  })
  t.notOk('strict-transport-security' in answer.headers, 'without TLS in front it would lock people out')
  t.notOk('x-powered-by' in answer.headers)
  const hook = await app.inject('/hooks/acme/orders')
  t.notOk('x-frame-options' in hook.headers, 'ingestion pays for none of it')
})

t.test('the reference page runs, with scripts of its own only', async t => {
  const page = await app.inject('/docs')
  t.equal(page.statusCode, 200)
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /script-src[^;]*'self'/)
  t.notMatch(policy, /script-src[^;]*'unsafe-inline'/)
  t.equal(page.headers['x-frame-options'], 'DENY')
})

t.test('pages of listed origins may call the API, others may not', async t => {
  const preflight = async (origin: string, url = '/v1/workflows') => await app.inject({ method: 'OPTIONS', url, headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' } })
  const allowed = await preflight(ORIGIN)
  t.equal(allowed.statusCode, 204)
  t.match(allowed.headers, { 'access-control-allow-origin': ORIGIN, 'access-control-allow-methods': /POST/, 'access-control-max-age': '600', vary: /origin/i })
  t.notOk('access-control-allow-credentials' in allowed.headers)
  for (const origin of ['https://evil.test', 'null', `${ORIGIN}.evil.test`, 'http://app.example.org']) {
    const refused = await preflight(origin)
    t.notOk('access-control-allow-origin' in refused.headers, origin)
    const answer = await app.inject({ url: '/v1/organizations', headers: { ...person.headers, origin } })
    t.notOk('access-control-allow-origin' in answer.headers, origin)
  }
  const answer = await app.inject({ url: '/v1/organizations', headers: { ...person.headers, origin: ORIGIN } })
  t.equal(answer.headers['access-control-allow-origin'], ORIGIN)
  t.match(answer.headers['access-control-expose-headers'], /retry-after/)
  t.equal((await app.inject('/v1/nowhere')).statusCode, 404, 'unknown paths are still unknown')
  t.equal((await app.inject({ method: 'PUT', url: '/v1/organizations', headers: person.headers })).statusCode, 405)
})

t.test('who finds a hole finds where to tell of it', async t => {
  const { statusCode, headers, body } = await app.inject('/.well-known/security.txt')
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/plain/)
  t.match(body, /^Contact: \S+:\S+$/m)
  const expires = Date.parse(/^Expires: (.+)$/m.exec(body)?.[1] ?? '')
  t.ok(expires > Date.now() && expires < Date.now() + 365 * 86_400_000)
  t.equal((await app.inject(new URL(/^Contact: (.+)$/m.exec(body)![1]!).pathname)).statusCode, 200)
})

t.test('which pages may open a WebSocket', t => {
  const allows = (origin: string | undefined, host = 'localhost:3000') => app.allowsOrigin({ headers: { origin, host } } as never)
  t.ok(allows(undefined), 'no browser')
  t.ok(allows(ORIGIN))
  t.ok(allows('http://localhost:3000'), 'a page of its own')
  for (const origin of ['http://localhost:3001', 'https://evil.test', 'null', 'http://localhost:3000.evil.test']) t.notOk(allows(origin), origin)
  t.end()
})
