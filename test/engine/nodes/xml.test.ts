import t from 'tap'
import { xml } from '../../../src/engine/nodes/data/xml.ts'
import { mainOf } from '../../support/run-node.ts'

const read = async (value: unknown, more: object = {}) => (await mainOf(xml, [{}], { value, ...more }))[0]?.json
const write = async (value: unknown, more: object = {}) => (await mainOf(xml, [{}], { operation: 'toXml', value, declaration: false, ...more }))[0]?.xml

t.test('XML becomes data', async t => {
  const source = '<?xml version="1.0"?><order id="7"><line>a</line><line n="2">b &amp; &#99;</line><empty/><note><![CDATA[<x>]]></note></order>'
  t.same(await read(source), { order: { '@id': '7', line: ['a', { '@n': '2', '#text': 'b & c' }], empty: '', note: '<x>' } })
  t.same(await read(source, { attributes: false, lists: ['note', 'order'] }), { order: [{ line: ['a', 'b & c'], empty: '', note: ['<x>'] }] })
  t.same(await read('<a b="1">x</a>', { attributePrefix: '$', textName: '_' }), { a: { $b: '1', _: 'x' } })
  t.same(await read('<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><s:a xmlns:s="u"> <b/> </s:a>'), { 's:a': { '@xmlns:s': 'u', b: '' } })
})

t.test('data becomes XML, and the same data again', async t => {
  t.equal(await write({ order: { '@id': 7, line: ['a', { '@n': '"<', '#text': '&' }], empty: null, flag: true } }), '<order id="7"><line>a</line><line n="&quot;&lt;">&amp;</line><empty/><flag>true</flag></order>')
  t.equal(await write([1, 2], { root: 'list', indent: true, declaration: true }), '<?xml version="1.0" encoding="UTF-8"?>\n<list>\n  <item>1</item>\n  <item>2</item>\n</list>')
  const data = { a: { '@x': '1', b: [{ c: 'd' }, 'e'], constructor: 'f' } }
  t.same(await read(await write(data)), data)
  t.equal(await write('text', { root: 'a' }), '<a>text</a>')
})

t.test('what is not well-formed is refused, with the place', async t => {
  for (const source of ['', 'text', '<a>', '<a></b>', '<a b=c/>', '<a b="1" b="2"/>', '<a>&nope;</a>', '<a/><b/>', '<a>\u0001</a>', '<a><', null, {}, '{"a":1}']) {
    await t.rejects(read(source), { code: 'WC_XML', detail: { pointer: '/value', itemIndex: 0 } }, JSON.stringify(source))
  }
  await t.rejects(read('<a>\n<b></a>'), { message: /2:/ })
})

t.test('nothing is fetched, nothing grows, nothing is polluted', async t => {
  const laughs = '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;&lol;">]><lolz>&lol1;</lolz>'
  for (const source of [laughs, '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://example.com/x">%p;]><a/>', '<a>&x;</a>']) {
    await t.rejects(read(source), { code: 'WC_XML' }, source)
  }
  await t.rejects(read('<a>'.repeat(300) + '</a>'.repeat(300)), { code: 'WC_XML_LIMIT' })
  await t.rejects(read(`<a>${'<b/>'.repeat(600_000)}</a>`), { code: 'WC_XML_LIMIT' })
  await t.rejects(read('<a><__proto__>x</__proto__></a>'), { code: 'WC_XML' })
  t.same(await read('<a hasOwnProperty="x" toString="y"/>'), { a: { '@hasOwnProperty': 'x', '@toString': 'y' } })
  const many = await read(`<a>${'<b>x</b>'.repeat(100_000)}</a>`) as { a: { b: string[] } }
  t.equal(many.a.b.length, 100_000)
  let deep: unknown = 'x'
  for (let level = 0; level < 400; level++) deep = { a: deep }
  await t.rejects(write({ root: deep }), { code: 'WC_XML_LIMIT' })
  for (const value of [{ 'a b': 1 }, { '<x>': 1 }, { a: { '@b c': 1 } }, { a: '\u0000' }, { a: '\ud800'.repeat(0) + '\uffff' }, { a: 1, b: 2 }, {}, [], 'x', { a: [1] }, { '': 1 }]) {
    await t.rejects(write(value), { code: 'WC_XML' }, JSON.stringify(value))
  }
})

t.test('validation', async t => {
  t.match(xml.check?.({ field: '__proto__', root: 'a' }), [{ pointer: '/field', code: 'WC_FIELD_PATH' }, { pointer: '/root', code: 'WC_XML' }])
})
