import t from 'tap'
import { createHmac, generateKeyPairSync, verify } from 'node:crypto'
import { crypto } from '../../../src/engine/nodes/data/crypto.ts'
import { mainOf, runNode } from '../../support/run-node.ts'

const result = async (parameters: object): Promise<unknown> => (await mainOf(crypto, [{}], parameters))[0]?.result

t.test('hashes and HMACs, in each encoding', async t => {
  t.equal(await result({ value: 'abc' }), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  t.equal(await result({ value: 'abc', algorithm: 'md5' }), '900150983cd24fb0d6963f7d28e17f72')
  t.equal(await result({ value: '616263', valueEncoding: 'hex', algorithm: 'sha1', encoding: 'base64' }), 'qZk+NkcGgWq6PiVxeFDCbJzQ2J0=')
  t.equal(await result({ value: { a: 1 } }), await result({ value: '{"a":1}' }), 'what is not text is written as JSON')
  // RFC 4231, test case 2
  t.equal(await result({ operation: 'hmac', value: 'what do ya want for nothing?', secret: 'Jefe' }), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
  t.equal(await result({ operation: 'hmac', value: 'x', secret: 'a2V5', secretEncoding: 'base64', encoding: 'base64url' }), createHmac('sha256', 'key').update('x').digest('base64url'))
})

t.test('keys come from a credential', async t => {
  const credential = (type: string, data: object) => ({ id: 'c', type, data: data as Record<string, unknown>, allowedHosts: null })
  const using = async (parameters: object, given: ReturnType<typeof credential>): Promise<unknown> =>
    (await runNode(crypto, { items: [{}], parameters, credential: given })).main?.[0]?.json['result']
  const hmac = (secret: string | Buffer) => createHmac('sha256', secret).update('x').digest('hex')
  const own = credential('signingKey', { secret: 'a2V5', secretEncoding: 'base64' })
  t.equal(await using({ operation: 'hmac', value: 'x' }, own), hmac('key'))
  t.equal(await using({ operation: 'verify', value: 'x', signature: hmac('key') }, own), true)
  t.equal(await using({ operation: 'verify', value: 'y', signature: hmac('key') }, own), false)
  const list = credential('webhookSecret', { secrets: ['new', 'old'] })
  t.equal(await using({ operation: 'hmac', value: 'x' }, list), hmac('new'))
  for (const [secret, good] of [['new', true], ['old', true], ['other', false]] as const) t.equal(await using({ operation: 'verify', value: 'x', signature: hmac(secret) }, list), good, secret)
  const pair = generateKeyPairSync('ed25519')
  const key = credential('signingKey', { privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) })
  const signature = await using({ operation: 'sign', value: 'x', encoding: 'base64' }, key)
  t.ok(verify(null, Buffer.from('x'), pair.publicKey, Buffer.from(String(signature), 'base64')))
  t.equal(await using({ operation: 'verify', value: 'x', signature, encoding: 'base64' }, key), true)
  await t.rejects(using({ operation: 'sign', value: 'x' }, list), { code: 'WC_CRYPTO_KEY' })
  await t.rejects(using({ operation: 'hmac', value: 'x' }, key), { code: 'WC_CRYPTO_KEY' })
  t.same(crypto.check?.({ operation: 'hmac', value: 'x' }, { credentialId: 'c' }), [])
  t.match(crypto.check?.({ operation: 'hmac', value: 'x' }), [{ pointer: '/secret', code: 'WC_CRYPTO' }])
  t.match(crypto.check?.({ operation: 'verify', value: 'x', signature: 'ab', secret: '{{ $json.s }}' }, { credentialId: 'c' }), [{ pointer: '/publicKey' }])
})

t.test('what is signed is verified, and nothing else is', async t => {
  const keys = [generateKeyPairSync('rsa', { modulusLength: 2048 }), generateKeyPairSync('ec', { namedCurve: 'P-256' }), generateKeyPairSync('ed25519')]
  for (const { privateKey, publicKey } of keys) {
    const type = privateKey.asymmetricKeyType ?? ''
    const scheme = { value: 'message', encoding: 'base64url', padding: 'pss', ecFormat: 'ieee-p1363' }
    const signature = await result({ ...scheme, operation: 'sign', privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) })
    const pem = publicKey.export({ type: 'spki', format: 'pem' })
    t.equal(await result({ ...scheme, operation: 'verify', signature, publicKey: pem }), true, type)
    t.equal(await result({ ...scheme, operation: 'verify', signature, publicKey: pem, value: 'other' }), false, type)
    t.equal(await result({ ...scheme, operation: 'verify', signature: '', publicKey: pem }), false, type)
  }
  const [rsa] = keys
  const signature = await result({ operation: 'sign', value: 'm', algorithm: 'sha512', encoding: 'base64', privateKey: rsa!.privateKey.export({ type: 'pkcs1', format: 'pem' }) })
  t.ok(verify('sha512', Buffer.from('m'), rsa!.publicKey, Buffer.from(String(signature), 'base64')))
  const hmac = await result({ operation: 'hmac', value: 'm', secret: 's' })
  t.equal(await result({ operation: 'verify', value: 'm', secret: 's', signature: hmac }), true)
  t.equal(await result({ operation: 'verify', value: 'm', secret: 'other', signature: hmac }), false)
  t.equal(await result({ operation: 'verify', value: 'm', secret: 's', signature: 'abcd' }), false)
})

t.test('random bytes and UUIDs', async t => {
  t.match(await result({ operation: 'randomBytes' }), /^[0-9a-f]{64}$/)
  t.equal(String(await result({ operation: 'randomBytes', size: 3, encoding: 'base64' })).length, 4)
  t.not(await result({ operation: 'randomBytes' }), await result({ operation: 'randomBytes' }))
  t.match(await result({ operation: 'uuid' }), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.match(await result({ operation: 'uuid', version: 'v7' }), new RegExp(`^${Date.UTC(2030, 0, 1).toString(16).padStart(12, '0').replace(/^.{8}/, '$&-')}-7`))
  // RFC 9562, appendix A.4
  t.equal(await result({ operation: 'uuid', version: 'v5', namespace: '6ba7b810-9dad-11d1-80b4-00c04fd430c8', name: 'www.example.com' }), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
})

t.test('errors say what is wrong and show no key', async t => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 512 })
  const weak = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  for (const pem of ['', 'secret stuff', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', weak, null, 'x'.repeat(30_000)]) {
    const error = await result({ operation: 'sign', value: 'x', privateKey: pem }).then(() => null, (reason: Error & { code: string }) => reason)
    t.equal(error?.code, 'WC_CRYPTO_KEY')
    t.notMatch(error?.message, /secret stuff|AAAA/)
  }
  for (const [text, encoding] of [['abc', 'hex'], ['zz', 'hex'], ['a', 'base64'], ['a b=', 'base64'], ['a+b/', 'base64url'], ['====', 'base64']] as const) {
    await t.rejects(result({ value: text, valueEncoding: encoding }), { code: 'WC_CRYPTO_ENCODING', detail: { pointer: '/value', itemIndex: 0 } }, text)
  }
  for (const secret of ['', null, undefined]) await t.rejects(result({ operation: 'hmac', value: 'x', secret }), { code: 'WC_CRYPTO_KEY', detail: { pointer: '/secret' } })
  for (const size of [0, 5000, 'x']) await t.rejects(result({ operation: 'randomBytes', size }), { code: 'WC_PARAMETER' })
  await t.rejects(result({ operation: 'uuid', version: 'v5', name: 'a', namespace: 'nope' }), { code: 'WC_PARAMETER' })
  await t.rejects(result({ operation: 'uuid', version: 'v5', name: null }), { code: 'WC_PARAMETER' })
  t.match(await result({ value: '='.repeat(1e6) }), /^[0-9a-f]{64}$/)
})

t.test('validation', async t => {
  t.match(crypto.check?.({}), [{ pointer: '/value', code: 'WC_CRYPTO' }])
  t.match(crypto.check?.({ operation: 'verify', value: 'a' }), [{ pointer: '/signature' }, { pointer: '/publicKey' }])
  t.match(crypto.check?.({ operation: 'sign', value: 'a', privateKey: '{{ $vars.key }}', algorithm: 'md5' }), [{ pointer: '/algorithm' }])
  t.match(crypto.check?.({ operation: 'uuid', version: 'v5' }), [{ pointer: '/name' }])
  t.match(crypto.check?.({ operation: 'hmac', value: 'a', secret: 'plain' }), [{ pointer: '/secret', code: 'WC_CRYPTO_SECRET_INLINE', severity: 'warning' }])
})
