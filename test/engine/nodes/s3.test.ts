import t from 'tap'
import { s3 } from '../../../src/engine/nodes/outside/s3.ts'
import { parseList, urlOf } from '../../../src/engine/nodes/outside/s3-requests.ts'
import type { Credential } from '../../../src/engine/credentials/index.ts'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch/index.ts'
import { memoryFiles } from '../../support/memory-files.ts'
import { nodeContext } from '../../support/node-context.ts'
import { startS3Server } from '../../support/s3-server.ts'

const { address } = await startS3Server(t)
const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'WeConnect test' })
t.teardown(async () => { await guarded.close() })
const credential = (more: object = {}, allowedHosts: string[] | null = null): Credential => ({
  id: 'c', type: 'aws', allowedHosts, data: { accessKeyId: address.accessKeyId, secretAccessKey: address.secretAccessKey, endpoint: address.endpoint, ...more }
})

const files = memoryFiles()

async function run (parameters: object | ((index: number) => object), { items = 1, own = credential() } = {}) {
  const { outputs } = await s3.run(nodeContext({
    items: Array.from({ length: items }, () => ({})),
    parameters: (index: number) => ({ bucket: address.bucket, ...(typeof parameters === 'function' ? parameters(index) : parameters) }) as never,
    fetch: guarded.fetch,
    credential: own,
    files,
    now: Date.now()
  }))
  return outputs['main']!
}

t.test('objects are stored, read, listed and deleted', async t => {
  const keys = ['plain.txt', 'deep/ä & b+c (1)*!\'.json', 'deep/2.txt']
  await run(index => ({ operation: 'put', key: keys[index], content: index === 1 ? { a: 'ä' } : `content ${index}` }), { items: 3 })
  const [got] = await run({ operation: 'get', key: keys[1] })
  t.match(got, { from: 0, json: { key: keys[1], contentType: 'application/json', size: 10, etag: /^[0-9a-f]{32}$/ }, binary: { file: { mimeType: 'application/json', fileName: 'ä & b+c (1)*!\'.json' } } })
  t.equal(files.bytesOf(got!.binary!['file']!).toString(), '{"a":"ä"}')
  // The server of this test escapes such names twice in its lists.
  await run({ operation: 'delete', key: keys.splice(1, 1)[0] })
  t.same((await run({ operation: 'list' })).map(({ json }) => json?.['key']).sort(), [...keys].sort())
  t.match(await run({ operation: 'list', prefix: 'deep/', limit: 1 }), [{ json: { key: /^deep\//, size: Number, lastModified: String } }])
  t.same(await run({ operation: 'list', prefix: 'none/' }), [])
  await run(index => ({ operation: 'delete', key: keys[index] }), { items: 2 })
  t.same(await run({ operation: 'list' }), [])
  await t.rejects(run({ operation: 'get', key: 'plain.txt' }), { code: 'WC_S3', message: /404 NoSuchKey/, detail: { retryable: false, itemIndex: 0, data: { status: 404, code: 'NoSuchKey' } } })
})

t.test('files go up and down while they are read', async t => {
  const content = Buffer.alloc(12 * 1024 * 1024, 'weconnect ')
  const big = files.put(content, { mimeType: 'text/csv', fileName: 'big.csv' })
  const before = files.wasRead
  const { outputs } = await s3.run(nodeContext({
    items: [{}], binary: [{ report: big }], parameters: { operation: 'put', bucket: address.bucket, key: 'big.csv', binaryName: 'report' } as never,
    fetch: async request => {
      t.notOk(request.body instanceof Uint8Array, 'it is not held as a whole')
      return await guarded.fetch(request)
    },
    credential: credential(), files, now: Date.now()
  }))
  t.match(outputs['main'], [{ json: { size: content.length, etag: /^[0-9a-f]{32}$/ } }])
  t.equal(files.wasRead - before, content.length, 'read once')
  const [got] = await run({ operation: 'get', key: 'big.csv' })
  t.match(got, { json: { contentType: 'text/csv', size: content.length }, binary: { file: { fileName: 'big.csv', size: content.length } } })
  t.ok(files.bytesOf(got!.binary!['file']!).equals(content))
  await run({ operation: 'put', key: 'empty', content: '' })
  t.match(await run({ operation: 'get', key: 'empty' }), [{ json: { size: 0 }, binary: { file: { size: 0 } } }])
  for (const key of ['big.csv', 'empty']) await run({ operation: 'delete', key })
})

t.test('a URL for others is good by itself', async t => {
  const [put] = await run({ operation: 'presign', key: 'by others.txt', method: 'PUT', expires: '1m' })
  t.equal((await fetch(String(put?.json?.['url']), { method: 'PUT', body: 'theirs' })).status, 200)
  const [get] = await run({ operation: 'presign', key: 'by others.txt' })
  t.equal(await (await fetch(String(get?.json?.['url']))).text(), 'theirs')
  t.notOk(JSON.stringify(get).includes(`${address.secretAccessKey}"`))
  for (const expires of ['8d', '10ms']) await t.rejects(run({ operation: 'presign', key: 'a', expires }), { code: 'WC_PARAMETER' })
})

t.test('what is refused', async t => {
  for (const key of ['', '../other/secret', 'a/../../b', './a']) await t.rejects(run({ operation: 'get', key }), { code: 'WC_PARAMETER', detail: { pointer: '/key' } }, key)
  for (const bucket of ['', 'A', 'a/b', '..', 'x'.repeat(64)]) await t.rejects(run({ operation: 'list', bucket }), { code: 'WC_PARAMETER', detail: { pointer: '/bucket' } }, bucket)
  await t.rejects(run({ operation: 'list' }, { own: credential({ secretAccessKey: 'wrong' }) }), { code: 'WC_S3', detail: { data: { code: 'SignatureDoesNotMatch' } } })
  await t.rejects(run({ operation: 'list' }, { own: credential({}, ['s3.example.com']) }), { code: 'WC_CREDENTIAL_HOST' })
  await t.rejects(run({ operation: 'put', key: 'a', binaryName: 'none' }), { code: 'WC_PARAMETER' })
  t.match(s3.check!({ operation: 'put', bucket: 'abc' }), [{ pointer: '/key' }, { pointer: '/content' }])
})

t.test('a list as Amazon sends it', async t => {
  const entry = (key: string): string => `<Contents><Key>${key}</Key><LastModified>2030-01-31T09:30:00.000Z</LastModified><ETag>&quot;abc&quot;</ETag><Size>7</Size></Contents>`
  const xml = `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>${entry('a%26b/%C3%A4+%2B.txt')}${entry('c')}<NextContinuationToken>1&amp;2</NextContinuationToken></ListBucketResult>`
  t.same(parseList(Buffer.from(xml)), { objects: [{ key: 'a&b/ä +.txt', size: 7, etag: 'abc', lastModified: '2030-01-31T09:30:00.000Z' }, { key: 'c', size: 7, etag: 'abc', lastModified: '2030-01-31T09:30:00.000Z' }], next: '1&2' })
  t.same(parseList(Buffer.from('not XML')), { objects: [], next: undefined })
})

t.test('where Amazon has it', async t => {
  const own = { ...credential(), data: { accessKeyId: 'a', secretAccessKey: 'b' } }
  t.equal(urlOf(own, 'eu-central-1', { method: 'GET', bucket: 'reports', key: 'a b/c' }), 'https://reports.s3.eu-central-1.amazonaws.com/a%20b/c')
  t.equal(urlOf(own, 'us-east-1', { method: 'GET', bucket: 'my.reports', key: 'a' }), 'https://s3.us-east-1.amazonaws.com/my.reports/a')
})
