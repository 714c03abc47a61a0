import { readFile } from 'node:fs/promises'
import t from 'tap'
import { hostIsAllowed, HOST_PATTERN, isNoWider } from '../../../src/engine/credentials/allowed-hosts.ts'
import { isSecret } from '../../../src/engine/credentials/credential-type.ts'
import { credentialTypes, publicDataOf, secretFieldsOf, secretsOf } from '../../../src/engine/credentials/index.ts'
import { createMask, withoutSecrets } from '../../../src/engine/credentials/mask.ts'
import { validateShape } from '../../../src/engine/validate.ts'

t.test('every type has a closed schema with titles, and something secret', async t => {
  t.same([...credentialTypes.keys()], ['bearer', 'basic', 'header', 'query', 'oauth2', 'webhookSecret', 'signingKey', 'clientCertificate', 'postgres', 'mysql', 'redis', 'smtp', 'aws'])
  for (const { type, data, check } of credentialTypes.values()) {
    t.equal(data.additionalProperties, false, type)
    t.ok(Object.values(data.properties).some(isSecret), `${type} holds a secret`)
    for (const [name, schema] of Object.entries(data.properties)) t.type(schema.title, 'string', `${type}.${name}`)
    t.ok(validateShape({}, data).length > 0 || (check?.({}) ?? []).length > 0, `${type} cannot be empty`)
  }
})

t.test('the documentation tells every property, and which are secret', async t => {
  const page = await readFile(new URL('../../../docs/credentials.md', import.meta.url), 'utf8')
  for (const { type, data } of credentialTypes.values()) {
    const row = new RegExp(`^\\| \`${type}\` \\| ([^|]*) \\|`, 'm').exec(page)?.[1] ?? ''
    const properties = Object.entries(data.properties).map(([name, schema]) => isSecret(schema) ? `**\`${name}\`**` : `\`${name}\``)
    t.same(row.split(', '), properties, type)
  }
})

t.test('what is shown and what is not', async t => {
  const basic = credentialTypes.get('basic')!
  const data = { username: 'ada', password: 'canary-of-basic' }
  t.same(publicDataOf(basic, { ...data, unknown: 'x' }), { username: 'ada' })
  t.same(secretFieldsOf(basic, data), ['password'])
  t.same(secretsOf(basic, data), ['canary-of-basic', Buffer.from('ada:canary-of-basic').toString('base64')])
  t.same(secretsOf(basic, data, ['username', 'password']).slice(0, 2).sort(), ['ada', 'canary-of-basic'], 'what came from a secret store is secret whatever it is')
  t.same(secretsOf(credentialTypes.get('webhookSecret')!, { secrets: ['one', 'two'] }), ['one', 'two'])
})

t.test('values that cannot be sent are refused without being repeated', async t => {
  const refused: Array<[string, Record<string, unknown>]> = [
    ['bearer', { token: 'canary\r\nx: y' }], ['bearer', { token: 'canary space' }], ['basic', { username: 'a:b', password: 'canary' }], ['basic', { username: 'a', password: 'canary\n' }],
    ['header', { name: 'X-Key', value: 'canary\r\nb: c' }], ['header', { name: 'Host', value: 'canary' }], ['header', { name: 'bad name', value: 'canary' }],
    ['webhookSecret', { secrets: [] }], ['webhookSecret', { secrets: ['canary', 7] }], ['postgres', { host: 'http://canary', database: 'a', username: 'a' }],
    ['postgres', { host: 'a', database: 'a', username: 'a', password: ['canary'] }], ['smtp', { host: 'a', password: 'canary' }], ['redis', { host: 'a..b', password: 'canary' }],
    ['aws', { accessKeyId: 'a/b', secretAccessKey: 'canary' }], ['bearer', { token: 'canary', testUrl: 'ftp://example.com' }]
  ]
  for (const [name, data] of refused) {
    const type = credentialTypes.get(name)!
    const issues = validateShape(data, type.data)
    const all = issues.length > 0 ? issues : type.check?.(data) ?? []
    t.ok(all.length > 0, `${name} ${Object.keys(data).join()}`)
    t.notMatch(JSON.stringify(all), /canary/)
  }
})

t.test('hosts', async t => {
  const allowed: Array<[string[] | null, string, boolean]> = [
    [null, 'anything.test', true], [[], 'a.test', false],
    [['api.a.test'], 'api.a.test', true], [['api.a.test'], 'API.A.TEST.', true], [['api.a.test'], 'a.test', false], [['api.a.test'], 'evil-api.a.test', false], [['api.a.test'], 'api.a.test.evil.test', false],
    [['*.a.test'], 'api.a.test', true], [['*.a.test'], 'deep.api.a.test', true], [['*.a.test'], 'a.test', false], [['*.a.test'], 'evila.test', false], [['*.a.test'], '.a.test', false],
    [['127.0.0.1'], '127.0.0.1', true], [['[::1]'], '::1', true], [['[::1]'], '[::1]', true]
  ]
  for (const [hosts, host, expected] of allowed) t.equal(hostIsAllowed(hosts, host), expected, `${hosts?.join() ?? 'any'} ${host}`)
  const wider: Array<[string[] | null, string[] | null, boolean]> = [
    [null, null, true], [['a.test'], null, true], [null, ['a.test'], false], [['a.test'], ['a.test', 'b.test'], true], [['a.test', 'c.test'], ['a.test', 'b.test'], false],
    [['api.a.test'], ['*.a.test'], true], [['*.a.test'], ['api.a.test'], false], [['*.a.test'], ['any.a.test'], false], [['*.b.a.test'], ['*.a.test'], true], [['*.a.test'], ['*.b.a.test'], false], [[], ['a.test'], true]
  ]
  for (const [next, current, expected] of wider) t.equal(isNoWider(next, current), expected, `${next?.join() ?? 'any'} within ${current?.join() ?? 'any'}`)
  const pattern = new RegExp(HOST_PATTERN)
  for (const good of ['a', 'api.example.com', '*.example.com', 'xn--mnchen-3ya.de', '127.0.0.1', '[::1]', 'a_b.test']) t.match(good, pattern, good)
  for (const bad of ['', '*', '*.', 'a.*', 'http://a', 'a:80', 'a/b', 'a..b', '.a', 'a.', '-a', '*.*.a', 'ä.de']) t.notMatch(bad, pattern, bad)
})

t.test('masking', async t => {
  const secret = 'p&ss "wörd"/+='
  const mask = createMask([secret, 'abc'])
  const echo = { headers: { authorization: `Bearer ${secret}` }, list: [1, null, { deep: `x${encodeURIComponent(secret)}y` }], [secret]: true, base: Buffer.from(secret).toString('base64'), text: JSON.stringify({ secret }), short: 'abc' }
  const masked = mask(echo)
  t.same(masked, { headers: { authorization: 'Bearer [secret]' }, list: [1, null, { deep: 'x[secret]y' }], '[secret]': true, base: '[secret]', text: '{"secret":"[secret]"}', short: 'abc' })
  t.notOk(JSON.stringify(masked).includes('wörd'))
  const untouched = { a: [{ b: 'c' }], at: new Date(0) }
  t.equal(mask(untouched), untouched, 'what holds none is not copied')
  t.equal(createMask(['inner', 'the inner one'])('the inner one'), '[secret]', 'the longest first')
})

t.test('of a refusal that is cut, no part of a secret is left at the cut', async t => {
  const secret = 'sk-0123456789-é-abcdef'
  const body = Buffer.from(`${'x'.repeat(1990)}${secret} and more`)
  const masked = withoutSecrets({ status: 500, body }, [secret])
  t.equal(Buffer.from(masked.body).toString(), `${'x'.repeat(1990)}[secret] and more`)
  const fine = { status: 200, body }
  t.equal(withoutSecrets(fine, [secret]), fine, 'what is no refusal is masked as a whole, later')
  const clean = { status: 404, body: Buffer.from([0xff, 0x00, 0xc3]) }
  t.equal(withoutSecrets(clean, [secret]), clean, 'bytes without a secret are left alone')
})
