import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { readBody } from '../../../src/services/webhooks/body.ts'
import { decodeContent } from '../../../src/services/webhooks/content-encoding.ts'
import { parseContentType } from '../../../src/services/webhooks/content-type.ts'
import { readMultipart } from '../../../src/services/webhooks/multipart.ts'

const read = (body: string | Buffer, type?: string) => {
  const { json, files } = readBody(Buffer.from(body as string), parseContentType(type))
  return { body: JSON.parse(json), text: json, files: files.map(({ chunks, ...file }) => ({ ...file, bytes: Buffer.concat(chunks).toString('latin1') })) }
}

t.test('bodies become data by their type', async t => {
  const json = '{"a":1}'
  for (const type of ['application/json', 'Application/JSON ; charset=utf-8', 'application/json;charset="UTF-8"', 'application/vnd.api+json', ' application/json']) t.same(read(json, type), { body: { a: 1 }, text: json, files: [] }, type)
  t.equal(read('{"n":12345678901234567890}', 'application/json').text, '{"n":12345678901234567890}', 'as it was written')
  t.same(read('', 'application/json').body, null)
  t.same(read(Buffer.from('efbbbf7b7d', 'hex'), 'application/json').body, {}, 'after a byte order mark')
  t.same(read('a=1&a=2&b=%C3%A9&__proto__=x', 'application/x-www-form-urlencoded').text, '{"a":["1","2"],"b":"é","__proto__":"x"}')
  t.same(read('{"a":1}\r\n\n[2]\n"x"', 'application/x-ndjson').body, [{ a: 1 }, [2], 'x'])
  t.same(read('a\nb', 'text/plain').body, 'a\nb')
  t.same(read('plain', undefined).body, 'plain')
  t.same(read('<a>é</a>', 'application/xml').body, '<a>é</a>')
})

t.test('charsets', async t => {
  t.equal(read(Buffer.from('caf\xe9', 'latin1'), 'text/plain; charset=ISO-8859-1').body, 'café')
  t.equal(read(Buffer.from([0xcf, 0xf0, 0xe8]), 'text/plain; charset=windows-1251').body, 'При')
  t.equal(read(Buffer.from('hej', 'utf16le'), 'text/csv; charset=utf-16le').body, 'hej')
  t.equal(read(Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>', 'latin1'), 'text/xml').body.slice(-5, -4), 'é', 'as the document says')
  for (const [body, type] of [['x', 'text/plain; charset=klingon'], ['x', 'text/plain; charset=utf-7'], ['{}', 'application/json; charset=iso-8859-1'], ['a=1', 'application/x-www-form-urlencoded; charset=koi8-r'], ['x', 'text/plain; charset=utf-8; charset=utf-16'], ['x', 'application/json\ta'], ['x', 'nonsense']] as const) {
    t.throws(() => read(body, type), { code: 'WC_UNSUPPORTED_MEDIA_TYPE' }, type)
  }
})

t.test('what cannot be read', async t => {
  for (const [body, type] of [['{"a":NaN,}', 'application/json'], ['['.repeat(100_000) + ']'.repeat(100_000), 'application/json'], [Buffer.from([0xff, 0xfe, 0xfd]), 'text/plain'], [Buffer.from('{"a":"\xff"}', 'latin1'), 'application/json']] as const) {
    t.throws(() => read(body, type), { code: 'WC_MALFORMED_REQUEST' }, type)
  }
  t.throws(() => read('{}\n{}\n{', 'application/x-ndjson'), { code: 'WC_MALFORMED_REQUEST', message: /line 3/ })
  t.throws(() => read('1\n'.repeat(100_001), 'application/x-ndjson'), { code: 'WC_MALFORMED_REQUEST', message: /batch=true/ })
  t.throws(() => read('\n'.repeat(200_001), 'application/x-ndjson'), { code: 'WC_MALFORMED_REQUEST', message: /blank/ })
  t.throws(() => read('a&'.repeat(100_001), 'application/x-www-form-urlencoded'), { code: 'WC_MALFORMED_REQUEST', message: /fields/ })
})

t.test('everything else is binary data', async t => {
  t.same(read(Buffer.from([0, 1, 255]), 'application/octet-stream'), { body: null, text: 'null', files: [{ name: 'body', mimeType: 'application/octet-stream', bytes: '\0\x01\xff' }] })
  t.match(read('x', 'application/pdf').files, [{ mimeType: 'application/pdf' }])
  t.match(read('x', 'multipart/related; boundary=b').files, [{ mimeType: 'multipart/related' }])
  t.match(read(Buffer.from([0xff, 0xd8]), undefined).files, [{ name: 'body', bytes: '\xff\xd8' }], 'of no type, and no text')
  t.same(read('', 'image/png'), { body: null, text: 'null', files: [] })
})

t.test('content encodings, with their bombs', async t => {
  const text = Buffer.from('{"a":1}')
  const cases: Array<[string, Buffer]> = [['gzip', gzipSync(text)], ['x-gzip', gzipSync(text)], ['BR', brotliCompressSync(text)], ['deflate', deflateSync(text)], ['deflate', deflateRawSync(text)], ['identity', text]]
  for (const [encoding, body] of cases) t.same(await decodeContent(body, encoding, 1000), text, encoding)
  const zeros = Buffer.alloc(2_000_000)
  for (const [encoding, body] of [['gzip', gzipSync(zeros)], ['br', brotliCompressSync(zeros)], ['deflate', deflateSync(zeros)]] as const) await t.rejects(decodeContent(body, encoding, 1_000_000), { code: 'WC_TOO_LARGE' }, encoding)
  await t.rejects(decodeContent(text, 'gzip', 1000), { code: 'WC_MALFORMED_REQUEST' })
  await t.rejects(decodeContent(gzipSync(text).subarray(0, 12), 'gzip', 1000), { code: 'WC_MALFORMED_REQUEST' }, 'cut off')
  for (const encoding of ['xyz', 'gzip, br', 'zstd']) await t.rejects(decodeContent(text, encoding, 1000), { code: 'WC_UNSUPPORTED_MEDIA_TYPE' }, encoding)
})

const part = (headers: string, content: string): string => `--b\r\n${headers}\r\n\r\n${content}\r\n`
const field = (name: string, value: string): string => part(`Content-Disposition: form-data; name="${name}"`, value)
const file = (name: string, fileName: string, content: string, type = 'text/plain'): string => part(`Content-Disposition: form-data; name="${name}"; filename="${fileName}"\r\nContent-Type: ${type}`, content)
const form = async (parts: string, { end = '--b--\r\n', type = 'multipart/form-data; boundary=b', maxFiles = 20 } = {}) => {
  const { json, files } = await readMultipart(Buffer.from(parts + end), parseContentType(type), maxFiles)
  return { body: JSON.parse(json), files: files.map(({ chunks, ...one }) => ({ ...one, content: Buffer.concat(chunks).toString() })) }
}

t.test('multipart: fields are the body, files the binary data', async t => {
  t.same(await form(field('a', '1') + field('a', '2') + field('é', 'ü') + part('Content-Disposition: form-data; name="meta"\r\nContent-Type: application/json', '{"x":[1]}') + file('doc', 'a b.txt', 'hello') + file('doc', 'C:\\dir\\x.txt', 'two') + file('none', '', '')), {
    body: { a: ['1', '2'], é: 'ü', meta: { x: [1] } },
    files: [
      { name: 'doc', mimeType: 'text/plain', fileName: 'a b.txt', content: 'hello' },
      { name: 'doc_2', mimeType: 'text/plain', fileName: 'x.txt', content: 'two' }
    ]
  })
  t.same(await form(''), { body: {}, files: [] })
  t.same((await form(file('__proto__', '../../etc/passwd', 'x'))).files, [{ name: '__proto__', mimeType: 'text/plain', fileName: 'passwd', content: 'x' }])
  const large = 'x'.repeat(3_000_000)
  t.equal((await form(file('big', 'big.bin', large))).files[0]?.content, large)
  t.equal((await form(field('a', 'x'.repeat(2_000_000)))).body.a.length, 2_000_000)
  t.same((await form(field('a', '1'), { type: 'multipart/form-data; boundary="b"' })).body, { a: '1' })
  const latin = Buffer.concat([Buffer.from('--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset="ISO-8859-1"\r\n\r\n'), Buffer.from('caf\xe9', 'latin1'), Buffer.from('\r\n--b--\r\n')])
  t.equal((await readMultipart(latin, parseContentType('multipart/form-data; boundary=b'))).json, '{"a":"café"}', 'a part in its own charset')
  t.same((await form(part('content-disposition: form-data; name="a%22b"; filename="x \\"y\\".txt"\r\nContent-Type: Text/Plain; charset=utf-8', 'x'))).files, [{ name: 'a"b', mimeType: 'text/plain', fileName: 'x "y".txt', content: 'x' }])
})

t.test('multipart that cannot be read', async t => {
  const refused: Array<[string, Promise<unknown>, { code: string }]> = [
    ['no boundary', form('', { type: 'multipart/form-data' }), { code: 'WC_MALFORMED_REQUEST' }],
    ['a long boundary', form('', { type: `multipart/form-data; boundary=${'b'.repeat(1000)}` }), { code: 'WC_MALFORMED_REQUEST' }],
    ['no end', form(field('a', '1'), { end: '' }), { code: 'WC_MALFORMED_REQUEST' }],
    ['an unterminated file', form(file('a', 'a', 'x').trimEnd(), { end: '' }), { code: 'WC_MALFORMED_REQUEST' }],
    ['nothing of the kind', form('x', { end: '' }), { code: 'WC_MALFORMED_REQUEST' }],
    ['no disposition', form(part('Content-Type: text/plain', 'x') + field('a', '1')), { code: 'WC_MALFORMED_REQUEST' }],
    ['another disposition', form(part('Content-Disposition: attachment; name="a"', 'x')), { code: 'WC_MALFORMED_REQUEST' }],
    ['no headers at all', form('--b\r\n\r\nx\r\n'), { code: 'WC_MALFORMED_REQUEST' }],
    ['an unknown charset', form(part('Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=klingon', 'x')), { code: 'WC_UNSUPPORTED_MEDIA_TYPE' }],
    ['JSON in another charset', form(part('Content-Disposition: form-data; name="a"\r\nContent-Type: application/json; charset=utf-16le', '{}')), { code: 'WC_UNSUPPORTED_MEDIA_TYPE' }],
    ['no name', form(part('Content-Disposition: form-data', 'x')), { code: 'WC_MALFORMED_REQUEST' }],
    ['many fields', form(field('', '').replace('name=""', 'name="a"').repeat(1001)), { code: 'WC_MALFORMED_REQUEST' }],
    ['a long file name', form(file('a', 'a'.repeat(10_240), 'x')), { code: 'WC_INVALID_INPUT' }],
    ['two files', form(file('a', 'a', 'x') + file('b', 'b', 'x'), { maxFiles: 1 }), { code: 'WC_INVALID_INPUT' }],
    ['base64', form(part('Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64', 'eA==')), { code: 'WC_UNSUPPORTED_MEDIA_TYPE' }],
    ['a field that is not UTF-8', readMultipart(Buffer.from(field('a', '\xff') + '--b--', 'latin1'), parseContentType('multipart/form-data; boundary=b')), { code: 'WC_MALFORMED_REQUEST' }],
    ['a part of JSON that is none', form(part('Content-Disposition: form-data; name="a"\r\nContent-Type: application/json', '{')), { code: 'WC_MALFORMED_REQUEST' }]
  ]
  for (const [name, refusal, expected] of refused) await t.rejects(refusal, expected, name)
})
