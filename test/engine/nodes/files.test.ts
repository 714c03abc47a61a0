import { Readable } from 'node:stream'
import t from 'tap'
import { ZipFile } from 'yazl'
import type { JsonObject } from '../../../src/engine/item.ts'
import { convertToFile } from '../../../src/engine/nodes/files/convert-to-file.ts'
import { extractFromFile } from '../../../src/engine/nodes/files/extract-from-file.ts'
import { openArchive } from '../../../src/engine/nodes/files/xlsx/archive.ts'
import { dateText, isDateFormat } from '../../../src/engine/nodes/files/xlsx/dates.ts'
import { memoryFiles } from '../../support/memory-files.ts'
import { nodeContext } from '../../support/node-context.ts'

async function extract (bytes: Uint8Array | string, parameters: object, { files = memoryFiles(), ...facts }: { files?: ReturnType<typeof memoryFiles>, mimeType?: string, fileName?: string } = {}): Promise<JsonObject[]> {
  const { outputs } = await extractFromFile.run(nodeContext({ items: [{}], binary: [{ file: files.put(bytes, facts) }], parameters: parameters as never, files }))
  return outputs['main']!.map(({ json }) => json!)
}

async function convert (items: JsonObject[], parameters: object | ((index: number) => object)) {
  const files = memoryFiles()
  const { outputs } = await convertToFile.run(nodeContext({ items, parameters: parameters as never, files }))
  return outputs['main']!.map(({ json, from, binary }) => ({ json, from, text: files.bytesOf(binary!['file']!).toString(), bytes: files.bytesOf(binary!['file']!) }))
}

async function zip (parts: Record<string, string>): Promise<Buffer> {
  const archive = new ZipFile()
  for (const [name, text] of Object.entries(parts)) archive.addBuffer(Buffer.from(text), name)
  archive.end()
  const chunks: Buffer[] = []
  for await (const chunk of archive.outputStream as Readable) chunks.push(chunk)
  return Buffer.concat(chunks)
}

t.test('CSV', async t => {
  t.same(await extract('a,b,a,\r\n1,"x, ""y""",3,4,5\r\n\r\n2\r\n', { format: 'csv' }), [{ a: '1', b: 'x, "y"', a_2: '3', column_4: '4', column_5: '5' }, { a: '2' }])
  t.same(await extract('\uFEFFä;b\n1;2', { delimiter: ';' }, { mimeType: 'text/csv; charset=utf-8' }), [{ ä: '1', b: '2' }])
  t.same(await extract('1,2\n3', { format: 'csv', header: false }), [{ row: ['1', '2'] }, { row: ['3'] }])
  t.same(await extract(Buffer.from('n\ncaf\xe9', 'latin1'), { format: 'csv', charset: 'windows-1252' }), [{ n: 'café' }])
  t.equal(JSON.stringify(await extract('__proto__,constructor\n1,2', { format: 'csv' })), '[{"__proto__":"1","constructor":"2"}]')
  t.same(await extract('a\n1\n2\n3', { format: 'csv', limit: 2 }), [{ a: '1' }, { a: '2' }])
  t.same(await extract('', { format: 'csv' }), [])
  await t.rejects(extract('a\n"1', { format: 'csv' }), { code: 'WC_FILE_FORMAT' })
  await t.rejects(extract(`a\n"${'x'.repeat(1_100_000)}`, { format: 'csv' }), { code: 'WC_FILE_FORMAT' }, 'a quote without an end takes in no more than a row may have')
  await t.rejects(extract(Buffer.from([0xff, 0xfe, 0xfd]), { format: 'csv' }), { code: 'WC_FILE_FORMAT' })
  await t.rejects(extract('a', { format: 'csv', charset: 'klingon' }), { code: 'WC_PARAMETER' })
})

t.test('JSON and text', async t => {
  const chunks = memoryFiles(3)
  const list = '[{"a":"],[\\"x\\\\"} , 2,[3,{}],"é\\u0041" ]\n'
  t.same(await extract(list, { format: 'json' }, { files: chunks }), [{ a: '],["x\\' }, { value: 2 }, { value: [3, {}] }, { value: 'éA' }], 'in pieces of three bytes')
  t.same(await extract('[ ]', { format: 'json' }), [])
  t.same(await extract('{"rows":[{"a":1},2]}', { format: 'json', items: 'rows' }), [{ a: 1 }, { value: 2 }])
  t.same(await extract('{"rows":[]}', {}, { mimeType: 'application/json' }), [{ rows: [] }])
  t.same(await extract('{"a":1}\n\n[2]\r\n', {}, { fileName: 'x.ndjson' }), [{ a: 1 }, { value: [2] }])
  t.same(await extract('a\nb', {}, { mimeType: 'text/plain' }), [{ text: 'a\nb' }])
  t.same(await extract('a\r\nb\n', { format: 'lines' }), [{ line: 'a' }, { line: 'b' }])
  for (const bad of ['[1,]', '[1', '[1]x', '[,]', '{', '', '[1}', `[${'['.repeat(100)}${']'.repeat(100)}]`, '[{"__proto__":1}]']) await t.rejects(extract(bad, { format: 'json' }), { code: 'WC_FILE_FORMAT' }, bad.slice(0, 20))
  await t.rejects(extract('{}', { format: 'json', items: 'rows' }), { code: 'WC_FILE_FORMAT' })
  await t.rejects(extract('x'.repeat(17_000_000), { format: 'text' }), { code: 'WC_FILE_LIMIT' })
  await t.rejects(extract('x', {}), { code: 'WC_FILE_FORMAT', detail: { pointer: '/format', itemIndex: 0 } }, 'neither type nor name say what it is')
})

const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const workbook = (more: Record<string, string> = {}): Record<string, string> => ({
  '_rels/.rels': `<Relationships><Relationship Id="r" Type="${RELATIONS}/officeDocument" Target="/xl/book.xml"/></Relationships>`,
  'xl/book.xml': '<x:workbook xmlns:x="m" xmlns:r="r"><x:sheets><x:sheet name="First" r:id="r1"/><x:sheet name="Second" r:id="r2"/></x:sheets></x:workbook>',
  'xl/_rels/book.xml.rels': `<Relationships><Relationship Id="r1" Type="${RELATIONS}/worksheet" Target="s/one.xml"/><Relationship Id="r2" Type="${RELATIONS}/worksheet" Target="s/two.xml"/><Relationship Id="r3" Type="${RELATIONS}/sharedStrings" Target="strings.xml"/><Relationship Id="r4" Type="${RELATIONS}/styles" Target="styles.xml"/></Relationships>`,
  'xl/strings.xml': '<sst><si><t>name</t></si><si><r><t>Zo</t></r><r><t>ë_x000D_</t></r><rPh><t>no</t></rPh></si></sst>',
  'xl/styles.xml': '<styleSheet><numFmts><numFmt numFmtId="200" formatCode="yyyy\\-mm\\-dd hh:mm"/></numFmts><cellStyleXfs><xf numFmtId="22"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="200"/></cellXfs></styleSheet>',
  'xl/s/one.xml': '<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>day</t></is></c><c t="str"><v>at</v></c></row><row r="2"/><row r="3"><c r="A3" t="s"><v>1</v></c><c r="B3" t="b"><v>1</v></c><c r="C3" s="1"><v>45322</v></c><c r="D3" s="2"><v>45322.75</v></c></row><row r="4"><c r="A4"><f>1+1</f><v>2</v></c><c r="AA4" t="e"><v>#N/A</v></c></row></sheetData></worksheet>',
  'xl/s/two.xml': '<worksheet><sheetData><row><c><v>1.5</v></c></row></sheetData></worksheet>',
  ...more
})

t.test('workbooks are read part by part', async t => {
  const files = memoryFiles()
  t.same(await extract(await zip({ ...workbook(), 'xl/media/photo.txt': Array.from({ length: 200_000 }, (_, index) => (index * 7919 % 100_003).toString(36)).join() }), { format: 'xlsx' }, { files }), [
    { name: 'Zoë\r', column_2: true, day: '2024-01-31', at: '2024-01-31T18:00:00' },
    { name: 2, column_27: '#N/A' }
  ])
  t.ok(files.wasRead < 100_000, `${files.wasRead} bytes were read`)
  t.same(await extract(await zip(workbook()), { sheet: 'Second', header: false }, { fileName: 'a.xlsx' }), [{ row: [1.5] }])
  await t.rejects(extract(await zip(workbook()), { format: 'xlsx', sheet: 'Third' }), { code: 'WC_PARAMETER', message: /First, Second/ })
  for (const [what, bytes] of Object.entries({
    text: Buffer.from('x,y'),
    nothing: Buffer.alloc(0),
    'another archive': await zip({ 'a.txt': 'a' }),
    'a cut one': (await zip(workbook())).subarray(0, 900),
    'a document type': await zip(workbook({ 'xl/s/one.xml': '<!DOCTYPE worksheet [<!ENTITY a "b">]><worksheet>&a;</worksheet>' })),
    'no XML': await zip(workbook({ 'xl/s/one.xml': '<worksheet><row>' })),
    'a deep one': await zip(workbook({ 'xl/s/one.xml': '<a>'.repeat(100) + '</a>'.repeat(100) })),
    'a wide one': await zip(workbook({ 'xl/s/one.xml': '<worksheet><row><c r="ZZZ1"><v>1</v></c></row></worksheet>' }))
  })) await t.rejects(extract(bytes, { format: 'xlsx' }), { code: 'WC_FILE_FORMAT' }, what)
})

t.test('bombs end at their limits', async t => {
  const files = memoryFiles()
  const bomb = await zip({ bomb: 'a'.repeat(20_000_000), small: 'b' })
  t.ok(bomb.length < 100_000, 'small outside')
  const archive = await openArchive(files, files.put(bomb), 1_000_000)
  await t.rejects(Readable.from(archive.read('bomb')).toArray(), { code: 'WC_FILE_LIMIT', message: /unpacks/ })
  await t.rejects(Readable.from(archive.read('small')).toArray(), { code: 'WC_FILE_LIMIT' }, 'all parts count together')
  await t.rejects(extract(await zip(workbook({ 'xl/strings.xml': `<sst><si><t>${'a'.repeat(6_000_000)}</t></si></sst>` })), { format: 'xlsx' }), { code: 'WC_FILE_LIMIT' }, 'one long text')
  await t.rejects(extract(await zip(workbook({ 'xl/strings.xml': `<sst>${`<si><t>${'a'.repeat(3_000_000)}</t></si>`.repeat(23)}</sst>` })), { format: 'xlsx' }), { code: 'WC_FILE_LIMIT' }, 'many texts')
})

t.test('dates of workbooks', async t => {
  for (const [code, expected] of [['yyyy-mm-dd', 'y'], ['h:mm', 'h'], ['[h]:mm', 'h'], ['mm:ss', 'h'], ['d/m/yy h:mm', 'y h'], ['mmm', 'y'], ['0.00', undefined], ['"day" 0', undefined], ['[Red]0', undefined], ['#,##0 \\d', undefined]] as const) t.equal(isDateFormat('200', code), expected, code)
  t.equal(dateText(0.5, 'h', false), '12:00:00')
  t.equal(dateText(1, 'y', true), '1904-01-02')
  t.equal(dateText(45322.5, 'y', false), '2024-01-31T12:00:00')
  t.equal(dateText(-1, 'y', false), -1)
})

t.test('items become files', async t => {
  const items = [{ a: 1, b: 'x, "y"' }, { a: null, c: { d: [true] }, b: '=1' }]
  t.match(await convert(items, { format: 'csv' }), [{ json: { fileName: 'file.csv', mimeType: 'text/csv; charset=utf-8', size: 44 }, from: [0, 1], text: 'a,b,c\r\n1,"x, ""y""",\r\n,=1,"{""d"":[true]}"\r\n' }])
  t.match(await convert(items, { format: 'csv', fields: ['b', 'z'], header: false, delimiter: ';', bom: true, escapeFormulas: true }), [{ text: '\uFEFF"x, ""y""";\r\n\'=1;\r\n' }])
  t.match(await convert(items, { format: 'json', fileName: 'x.json' }), [{ json: { fileName: 'x.json' }, text: JSON.stringify(items) }])
  t.same(JSON.parse((await convert(items, { format: 'json', indent: true }))[0]!.text), items)
  t.match(await convert(items, { format: 'jsonLines' }), [{ text: items.map(item => `${JSON.stringify(item)}\n`).join('') }])
  t.match(await convert(items, index => ({ format: 'text', content: ['é', { n: 1 }][index] })), [{ text: 'é\n{"n":1}\n' }])
  t.match(await convert(items, index => ({ format: 'json', mode: 'each', fileName: `${index}.json` })), [{ from: 0, json: { fileName: '0.json' }, text: `${JSON.stringify(items[0])}\n` }, { from: 1, json: { fileName: '1.json' } }])
  t.same(await convert([], { format: 'json' }), [])
  await t.rejects(convert([{ a: 'x'.repeat(40_000) }], { format: 'xlsx' }), { code: 'WC_FILE_LIMIT' })
})

t.test('and back again, many of them', async t => {
  const items = Array.from({ length: 30_000 }, (_, index) => ({ id: index, name: `Näme <${index}> & _x0041_\u0001`, ok: index % 2 === 0 }))
  for (const format of ['xlsx', 'csv', 'json', 'jsonLines'] as const) {
    const [file] = await convert(items, { format, sheet: 'A & "B"' })
    const read = await extract(file!.bytes, { format })
    t.equal(read.length, items.length, format)
    const expected = format === 'csv' ? items.map(({ id, name, ok }) => ({ id: String(id), name, ok: String(ok) })) : items
    t.strictSame(read[22_222], expected[22_222], format)
    t.strictSame(read.at(-1), expected.at(-1), format)
  }
})
