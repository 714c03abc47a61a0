import t from 'tap'
import { register, testApp } from '../support/app.ts'

let redisAway = false
const { app, logged } = await testApp(t, {
  rateLimit: 5,
  readiness: { database: async () => {}, redis: async () => { if (redisAway) throw new Error('connect ECONNREFUSED') } }
})

t.test('alive and ready are two questions', async t => {
  t.match((await app.inject('/readyz')).json(), { status: 'ready', dependencies: { database: { status: 'ok' }, redis: { status: 'ok' } } })
  redisAway = true
  const response = await app.inject('/readyz')
  t.equal(response.statusCode, 503)
  t.match(response.json(), { status: 'unavailable', dependencies: { database: { status: 'ok' }, redis: { status: 'away' } } })
  t.notMatch(response.body, /ECONNREFUSED/, 'the reason stays in the log')
  t.match(logged.at(-2), /ECONNREFUSED/)
  t.equal((await app.inject('/healthz')).statusCode, 200)
})

t.test('metrics name routes, not paths', async t => {
  await app.inject('/v1/organizations/01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b')
  await app.inject('/no/such/path')
  const { body, headers } = await app.inject('/metrics')
  t.match(headers['content-type'], /^text\/plain/)
  t.match(body, 'weconnect_http_request_duration_seconds_count{method="GET",route="/v1/organizations/:id",status="401"} 1')
  t.match(body, 'route="none",status="404"')
  t.notMatch(body, '01980a2b')
})

t.test('one credential is limited, another is not', async t => {
  const [ann, ben] = [await register(app), await register(app)]
  const ask = async (headers: Record<string, string>) => await app.inject({ url: '/v1/api-keys', headers })
  for (let request = 0; request < 5; request++) t.match(await ask(ann.headers).then(({ statusCode, headers }) => [statusCode, headers]), [200, { 'ratelimit-policy': '"credential";q=5;w=60', ratelimit: new RegExp(`^"credential";r=${4 - request};`) }])
  const refused = await ask(ann.headers)
  t.match(refused.json(), { status: 429, code: 'WC_TOO_MANY_REQUESTS' })
  t.match(refused.headers['retry-after'], /^[1-9][0-9]?$/)
  t.equal((await ask(ben.headers)).statusCode, 200)
})

t.test('the reference page needs nothing from elsewhere', async t => {
  const page = await app.inject('/docs')
  t.equal(page.statusCode, 200)
  const urls = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!)
  t.ok(urls.length > 3)
  for (const url of urls) {
    t.match(url, /^(\/docs\/|\.\/)/, url)
    t.equal((await app.inject(new URL(url, 'http://x/docs/').pathname)).statusCode, 200, url)
  }
})

t.test('whoever comes from one address too often waits', async t => {
  const codes = new Set<number>()
  for (let request = 0; request < 301; request++) {
    codes.add((await app.inject({ method: 'POST', url: '/v1/auth/refresh', payload: { refreshToken: 'x' } })).statusCode)
  }
  t.same([...codes], [401, 429])
})
