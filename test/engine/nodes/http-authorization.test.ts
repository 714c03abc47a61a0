import t from 'tap'
import { authorize } from '../../../src/engine/nodes/http-authorization.ts'
import { httpRequest } from '../../../src/engine/nodes/http-request.ts'
import type { Credential } from '../../../src/engine/credentials/index.ts'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch/index.ts'
import type { OutgoingRequest } from '../../../src/lib/guarded-fetch/index.ts'
import { startServer } from '../../support/http-server.ts'
import { nodeContext } from '../../support/node-context.ts'

const request: OutgoingRequest = { method: 'GET', url: 'https://example.amazonaws.com/', timeout: 1, maxResponseSize: 1, followRedirects: 0, signal: new AbortController().signal }
const credential = (type: string, data: object, allowedHosts: string[] | null = null): Credential => ({ id: 'id', type, data: data as Credential['data'], allowedHosts })
const signing = { now: Date.UTC(2015, 7, 30, 12, 36), service: 'service', region: 'us-east-1' }

t.test('each type stands where it belongs', async t => {
  const cases: Array<[Credential, object]> = [
    [credential('bearer', { token: 'abc' }), { headers: { authorization: 'Bearer abc' }, secretHeaders: ['authorization'] }],
    [credential('basic', { username: 'Aladdin', password: 'open sesame' }), { headers: { authorization: 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==' } }],
    [credential('header', { name: 'X-Api-Key', value: 'abc' }), { headers: { 'x-api-key': 'abc' }, secretHeaders: ['x-api-key'] }],
    [credential('query', { name: 'key', value: 'a&b' }), { url: 'https://example.amazonaws.com/?key=a%26b' }],
    [credential('query', { name: 'key', value: 'a b' }), { url: 'https://example.amazonaws.com/?key=a%20b' }]
  ]
  for (const [one, expected] of cases) t.match(await authorize(request, one, signing), expected, one.type)
  const given = { ...request, headers: { Authorization: 'mine', 'x-other': 'kept' } }
  t.same((await authorize(given, cases[0]![0], signing)).headers, { 'x-other': 'kept', authorization: 'Bearer abc' }, 'it takes the place of what was given')
  await t.rejects(authorize(request, credential('smtp', {}), signing), { code: 'WC_CREDENTIAL_TYPE' })
})

t.test('an AWS signature is that of the published test suite (get-vanilla)', async t => {
  const signed = await authorize(request, credential('aws', { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }), signing)
  t.match(signed.headers, {
    'x-amz-date': '20150830T123600Z',
    authorization: 'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'
  })
})

t.test('a credential stays with its hosts, and goes nowhere else by redirects', async t => {
  const other = await startServer((seen, response) => response.end(JSON.stringify(seen.headers)))
  const first = await startServer((_seen, response) => response.writeHead(302, { location: `${other.url}/landed` }).end())
  const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'WeConnect test' })
  t.teardown(async () => { await Promise.all([other.close(), first.close(), guarded.close()]) })
  const run = async (own: Credential, url: string) => await httpRequest.run(nodeContext({ items: [{}], parameters: { url }, fetch: guarded.fetch, credential: own }))
  const bound = credential('header', { name: 'X-Secret', value: 'abcdef' }, ['127.0.0.1'])
  await run(bound, first.url)
  t.equal(first.requests[0]?.headers['x-secret'], 'abcdef')
  t.equal(other.requests[0]?.headers['x-secret'], undefined, 'another port is another origin')
  for (const url of ['http://localhost:1/', 'http://127.0.0.1.evil.test/', 'http://evil.test/127.0.0.1']) {
    await t.rejects(run(bound, url), { code: 'WC_CREDENTIAL_HOST', detail: { itemIndex: 0 } }, url)
    const certificate = credential('clientCertificate', { certificate: 'x', key: 'y' }, ['127.0.0.1'])
    const context = nodeContext({ items: [{}], parameters: { url, clientCertificateId: 'id' }, fetch: guarded.fetch })
    await t.rejects(async () => await httpRequest.run({ ...context, credential: async reference => reference === undefined ? undefined : certificate }), { code: 'WC_CREDENTIAL_HOST' }, `a client certificate, ${url}`)
  }
})
