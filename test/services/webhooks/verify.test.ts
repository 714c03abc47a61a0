import { createHash, createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { sign as signAsGithub } from '@octokit/webhooks-methods'
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import { Webhook } from 'standardwebhooks'
import Stripe from 'stripe'
import t from 'tap'
import type { VerifyParameters } from '../../../src/engine/nodes/webhook-verify.ts'
import { createAddressList } from '../../../src/lib/guarded-fetch/addresses.ts'
import type { Fetch } from '../../../src/lib/guarded-fetch/index.ts'
import { compileVerifier, type SignedRequest } from '../../../src/services/webhooks/verify/index.ts'
import { cpuTime } from '../../support/cpu-time.ts'

const NOW = Date.parse('2026-01-31T09:30:00Z')
const BODY = '{"amount":12.50,"name":"Zoë"}'
const noFetch: Fetch = async () => { throw new Error('This test has no network') }
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const seconds = (time: number): string => String(Math.floor(time / 1000))

interface Sent { readonly headers: Record<string, string>, readonly body?: string, readonly path?: string, readonly queryText?: string, readonly now?: number }

/** What the endpoint says of a request: undefined where it is let through. */
async function verdict (parameters: VerifyParameters, secrets: readonly string[], { headers, body = BODY, now = NOW, path = 'orders', queryText = '' }: Sent, fetch = noFetch) {
  const credential = secrets.length === 0 ? undefined : { id: 'c', type: 'webhookSecret', data: { secrets }, allowedHosts: null }
  const request: SignedRequest = { slug: 'acme', method: 'POST', path, queryText, headers, body: Buffer.from(body) }
  return await compileVerifier(parameters, credential, { fetch, address: 'https://hooks.example.org' })(request, now)
}

interface Sender {
  readonly parameters: VerifyParameters
  readonly secrets: readonly [string, string]
  readonly sign: (secret: string, body: string, time: number) => Record<string, string> | Promise<Record<string, string>>
  readonly header: string
  readonly timed: boolean
}

const stripe = new Stripe('sk_test_none')
const standardHeaders = (secret: string, body: string, time: number): Record<string, string> => ({
  'webhook-id': 'msg_1', 'webhook-timestamp': seconds(time), 'webhook-signature': new Webhook(secret).sign('msg_1', new Date(time), body)
})
const hmac = (algorithm: string, secret: string, signed: string, encoding: 'hex' | 'base64' | 'base64url') => createHmac(algorithm, secret).update(signed).digest(encoding)

const senders: Readonly<Record<string, Sender>> = {
  'standardWebhooks, by its library': {
    parameters: { preset: 'standardWebhooks' }, secrets: [`whsec_${base64('the old secret of this sender')}`, base64('and the one that replaces it')], header: 'webhook-signature', timed: true, sign: standardHeaders
  },
  'github, by octokit': {
    parameters: { preset: 'github' }, secrets: ['It is a secret', 'Another'], header: 'x-hub-signature-256', timed: false,
    sign: async (secret, body) => ({ 'x-hub-signature-256': await signAsGithub(secret, body) })
  },
  'stripe, by its library': {
    parameters: { preset: 'stripe' }, secrets: ['whsec_old', 'whsec_new'], header: 'stripe-signature', timed: true,
    sign: (secret, payload, time) => ({ 'stripe-signature': stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: Number(seconds(time)) } as never) })
  },
  slack: {
    parameters: { preset: 'slack' }, secrets: ['8f742231b10e8888abcd99yyyzzz85a5', 'other'], header: 'x-slack-signature', timed: true,
    sign: (secret, body, time) => ({ 'x-slack-request-timestamp': seconds(time), 'x-slack-signature': `v0=${hmac('sha256', secret, `v0:${seconds(time)}:${body}`, 'hex')}` })
  },
  shopify: {
    parameters: { preset: 'shopify' }, secrets: ['shpss_1', 'shpss_2'], header: 'x-shopify-hmac-sha256', timed: false,
    sign: (secret, body) => ({ 'x-shopify-hmac-sha256': hmac('sha256', secret, body, 'base64') })
  },
  'hmac in its own words': {
    parameters: { preset: 'hmac', header: 'X-Signature', algorithm: 'sha512', encoding: 'base64url', prefix: 'v9=', timestampHeader: 'X-Time', content: '{method} {path}|{timestamp}|{body}' },
    secrets: ['first', 'second'], header: 'x-signature', timed: true,
    sign: (secret, body, time) => ({ 'x-time': seconds(time), 'x-signature': `v9=${hmac('sha512', secret, `POST /hooks/acme/orders|${seconds(time)}|${body}`, 'base64url')}` })
  },
  basic: {
    parameters: { preset: 'basic' }, secrets: ['ada:löve:lace', 'ada:second'], header: 'authorization', timed: false,
    sign: secret => ({ authorization: `basic ${base64(secret)}` })
  },
  header: {
    parameters: { preset: 'header', header: 'X-Token', prefix: 'Token ' }, secrets: ['s3cret', 'other'], header: 'x-token', timed: false,
    sign: secret => ({ 'x-token': `Token ${secret}` })
  }
}

for (const [name, { parameters, secrets, sign, header, timed }] of Object.entries(senders)) {
  t.test(name, async t => {
    const good = await sign(secrets[0], BODY, NOW)
    t.equal(await verdict(parameters, secrets, { headers: good }), undefined)
    t.equal(await verdict(parameters, secrets, { headers: await sign(secrets[1], BODY, NOW) }), undefined, 'any secret of several is good')
    t.equal(await verdict(parameters, [secrets[1]], { headers: good }), 'invalid', 'one that was removed is not')
    const { [header]: _removed, ...unsigned } = good
    t.equal(await verdict(parameters, secrets, { headers: unsigned }), 'missing')
    t.equal(await verdict(parameters, secrets, { headers: { ...good, [header]: '' } }).then(Boolean), true, 'an empty proof')
    t.equal(await verdict(parameters, secrets, { headers: { ...good, [header]: `${good[header]!.slice(0, -2)}!x` } }), 'invalid', 'a proof that was changed')
    t.throws(() => compileVerifier(parameters, { id: 'c', type: 'webhookSecret', data: { secrets: [' '] }, allowedHosts: null }, { fetch: noFetch, address: '' }), { message: /^holds no/ })
    t.throws(() => compileVerifier(parameters, undefined, { fetch: noFetch, address: '' }), { message: /^holds no/ })
    if (name === 'basic' || name === 'header') return
    t.equal(await verdict(parameters, secrets, { headers: good, body: BODY.replace('12.50', '99.50') }), 'invalid', 'a body that was changed')
    t.equal(await verdict(parameters, secrets, { headers: good, body: `${BODY} ` }), 'invalid')
    if (!timed) return
    for (const away of [-299_000, 299_000]) t.equal(await verdict(parameters, secrets, { headers: await sign(secrets[0], BODY, NOW + away) }), undefined)
    for (const away of [-301_000, 360_000]) t.equal(await verdict(parameters, secrets, { headers: await sign(secrets[0], BODY, NOW + away) }), 'late', `signed ${away} ms from now`)
    t.equal(await verdict({ ...parameters, tolerance: '10m' }, secrets, { headers: await sign(secrets[0], BODY, NOW - 301_000) }), undefined, 'as far away as the endpoint tolerates')
  })
}

const SECRET = `whsec_${base64('the old secret of this sender')}`
const signedAs = (id: string, timestamp: string) => `v1,${createHmac('sha256', Buffer.from('the old secret of this sender')).update(`${id}.${timestamp}.${BODY}`).digest('base64')}`

t.test('standard webhooks: several signatures, other names, and times that are none', async t => {
  const check = async (headers: Record<string, string>) => await verdict({ preset: 'standardWebhooks' }, [SECRET], { headers })
  const { 'webhook-signature': good, ...rest } = standardHeaders(SECRET, BODY, NOW)
  t.equal(await check({ ...rest, 'webhook-signature': `v1,AAAA v1,BBBB ${good}` }), undefined, 'one good of three')
  t.equal(await check({ ...rest, 'webhook-signature': `v1a,AAAA ${good}` }), undefined)
  t.equal(await check({ ...rest, 'webhook-signature': good!.slice(3) }), 'invalid', 'no version')
  t.equal(await check({ 'svix-id': 'msg_1', 'svix-timestamp': seconds(NOW), 'svix-signature': good! }), undefined, 'as Svix writes it')
  const began = cpuTime()
  t.equal(await check({ ...rest, 'webhook-signature': 'v1,AAAA '.repeat(1000) }), 'invalid')
  t.ok(cpuTime() - began < 50, 'a thousand signatures cost nothing')
  for (const timestamp of [String(NOW), 'yesterday', `-${seconds(NOW)}`, `${seconds(NOW)}.5`, '1e9']) {
    t.equal(await check({ 'webhook-id': 'msg_1', 'webhook-timestamp': timestamp, 'webhook-signature': signedAs('msg_1', timestamp) }), 'late', timestamp)
  }
  t.equal(await check({ ...rest, 'webhook-id': 'msg_2', 'webhook-signature': good! }), 'invalid', 'the id is signed')
  for (const [preset, secret] of [['standardWebhooks', 'not base64!'], ['standardWebhooks', 'whsec_A'], ['basic', ':']] as const) {
    t.throws(() => compileVerifier({ preset }, { id: 'c', type: 'webhookSecret', data: { secrets: [secret] }, allowedHosts: null }, { fetch: noFetch, address: '' }), { message: /^holds no/ }, `${preset} ${secret}`)
  }
})

t.test('twilio signs the address that it calls, and the fields of a form', async t => {
  // The example of its documentation.
  const form = 'CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212'
  const parameters = { preset: 'twilio', url: 'https://mycompany.com/myapp.php' } as const
  const sent = { headers: { 'x-twilio-signature': 'RSOYDt4T1cUTdK1PDd93/VVr8B8=', 'content-type': 'application/x-www-form-urlencoded' }, body: form, queryText: 'foo=1&bar=2' }
  t.equal(await verdict(parameters, ['12345'], sent), undefined)
  t.equal(await verdict(parameters, ['12345'], { ...sent, body: form.replace('1234&', '1235&') }), 'invalid')
  t.equal(await verdict(parameters, ['12345'], { ...sent, queryText: 'foo=1' }), 'invalid')
  t.equal(await verdict(parameters, ['12345'], { ...sent, headers: {} }), 'missing')

  const queryText = `bodySHA256=${createHash('sha256').update(BODY).digest('hex')}`
  const json = { headers: { 'content-type': 'application/json', 'x-twilio-signature': hmac('sha1', 'token', `https://hooks.example.org/hooks/acme/orders?${queryText}`, 'base64') }, queryText }
  t.equal(await verdict({ preset: 'twilio' }, ['token'], json), undefined, 'the public address, where none is given')
  t.equal(await verdict({ preset: 'twilio' }, ['token'], { ...json, body: '{}' }), 'invalid')
})

t.test('json web tokens', async t => {
  const secret = 'a secret of thirty-two bytes or more'
  const key = Buffer.from(secret)
  const at = (time: number) => Math.floor((NOW + time) / 1000)
  const token = (claims: Record<string, unknown> = {}) => new SignJWT({ iss: 'https://sender.example', aud: 'hooks', exp: at(60_000), ...claims }).setProtectedHeader({ alg: 'HS256' })
  const ask = async (jwt: string, more: Partial<VerifyParameters> = {}, secrets = ['another secret that is valid as well', secret], fetch = noFetch) =>
    await verdict({ preset: 'jwt', issuer: 'https://sender.example', audience: 'hooks', tolerance: '10s', ...more }, secrets, { headers: { authorization: `Bearer ${jwt}` } }, fetch)
  t.equal(await ask(await token().sign(key)), undefined)
  t.equal(await ask(await token().sign(Buffer.from('a secret that nobody ever has chosen'))), 'invalid')
  t.equal(await ask(await token({ iss: 'https://other.example' }).sign(key)), 'invalid')
  t.equal(await ask(await token({ aud: 'others' }).sign(key)), 'invalid')
  t.equal(await ask(await token({ exp: at(-9000) }).sign(key)), undefined, 'tolerated')
  t.equal(await ask(await token({ exp: at(-11_000) }).sign(key)), 'late')
  t.equal(await ask(await token({ nbf: at(60_000) }).sign(key)), 'invalid', 'not yet')
  t.equal(await ask(await token({ exp: undefined }).sign(key)), 'invalid', 'one that never expires')
  t.equal(await ask(new UnsecuredJWT({ iss: 'https://sender.example', aud: 'hooks', exp: at(60_000) }).encode()), 'invalid', 'alg none')
  t.equal(await ask(await token().sign(key), { algorithms: ['HS512'] }), 'invalid')
  t.equal(await ask('x.y.z'), 'invalid')
  t.equal(await verdict({ preset: 'jwt' }, [secret], { headers: {} }), 'missing')
  t.equal(await verdict({ preset: 'jwt', header: 'X-Jwt' }, [secret], { headers: { 'x-jwt': await token().sign(key) } }), undefined)

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const asymmetric = await new SignJWT({ iss: 'https://sender.example', aud: 'hooks', exp: at(60_000) }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)
  t.equal(await ask(asymmetric, {}, [pem]), undefined, 'a public key')
  t.equal(await ask(await token().sign(Buffer.from(pem)), {}, [pem]), 'invalid', 'a public key is no shared secret')
  const unfit = Buffer.from('{"alg":"ES384"}').toString('base64url')
  t.equal(await ask([unfit, ...asymmetric.split('.').slice(1)].join('.'), {}, [pem]), 'invalid', 'an algorithm that the key is not for is no fault of ours')
  for (const pair of [generateKeyPairSync('x25519'), generateKeyPairSync('rsa', { modulusLength: 1024 })]) {
    await t.rejects(ask(asymmetric, {}, [pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()]), { message: /^holds no/ }, 'a key that no token can be believed by')
  }

  let fetched = 0
  const jwks = { keys: [{ ...await exportJWK(createPublicKey(pem)), kid: 'k1', alg: 'ES256' }] }
  const serving: Fetch = async ({ url }) => ({ status: 200, url, headers: {}, body: Buffer.from(JSON.stringify({ count: ++fetched, ...jwks })) })
  const remote = { jwksUrl: 'https://sender.example/keys' }
  t.equal(await ask(asymmetric, remote, [], serving), undefined, 'a set of keys')
  t.equal(fetched, 1)
  t.equal(await ask(await token().sign(key), remote, [], serving), 'invalid')
  await t.rejects(ask(asymmetric, remote, [], noFetch), { code: 'WC_UNAVAILABLE' }, 'while they cannot be fetched, nothing is refused for good')
})

t.test('networks', t => {
  const listed = createAddressList(['192.0.2.0/24', '2001:db8::/32', '203.0.113.7'])
  for (const address of ['192.0.2.9', '::ffff:192.0.2.9', '2001:db8::1', '203.0.113.7']) t.ok(listed(address), address)
  for (const address of ['192.0.3.1', '::ffff:192.0.3.1', '2001:db9::1', '203.0.113.8', '::1', '', 'x', 'fe80::1%eth0']) t.notOk(listed(address), address)
  const mapped = createAddressList(['::ffff:198.51.100.0/120', '::ffff:c633:6407', '::ffff:10.0.0.0/104'])
  for (const address of ['198.51.100.9', '::ffff:198.51.100.9', '10.9.8.7']) t.ok(mapped(address), address)
  for (const address of ['198.51.101.9', '::ffff:198.51.101.9', '11.0.0.1', '::1', '2001:db8::1']) t.notOk(mapped(address), address)
  t.ok(createAddressList(['::ffff:0:0/96'])('203.0.113.9'), 'all of IPv4')
  t.notOk(createAddressList(['::/0'])('203.0.113.9'), 'IPv6 alone')
  t.end()
})
