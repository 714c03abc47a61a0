import t from 'tap'
import { compileJsonSchema, JsonSchemaError } from '../../src/lib/json-schema.ts'
import { cpuTime } from '../support/cpu-time.ts'

const codes = (schema: object, value: unknown, thorough?: boolean) => compileJsonSchema(schema as Record<string, unknown>)(value, thorough).map(({ pointer, code }) => `${pointer} ${code}`)

t.test('what does not fit, with pointers', async t => {
  const schema = { type: 'object', required: ['id', 'n'], properties: { id: { type: 'string', pattern: '^a+$' }, n: { $ref: '#/definitions/n' } }, definitions: { n: { enum: [1, 2] } } }
  t.strictSame(codes(schema, { id: 'aa', n: 2 }), [])
  t.strictSame(codes(schema, { id: 'b', n: 3 }), ['/id pattern', '/n enum'])
  t.strictSame(codes(schema, {}), ['/id required', '/n required'])
  t.equal(codes(schema, {}, false).length, 1)
  t.strictSame(codes({ items: { uniqueItems: true } }, [[1, 2], [{ a: 1, b: 2 }, { b: 2, a: 1 }], [1, '1']]), ['/1 uniqueItems'])
})

t.test('fields of text, as what they say', async t => {
  const check = compileJsonSchema({ properties: { page: { type: 'integer', minimum: 1 }, tags: { type: 'array', items: { type: 'string' } }, on: { type: 'boolean' } } }, { coerce: true })
  t.strictSame(check({ page: '3', tags: 'a', on: 'true' }), [])
  t.strictSame(check({ page: '0', on: 'perhaps' }).map(({ pointer }) => pointer).sort(), ['/on', '/page'])
})

t.test('schemas that cannot be used', async t => {
  const schemas: object[] = [
    { type: 'nothing' }, { $ref: '#/definitions/none' }, { $ref: 'https://example.org/schema.json' }, { $ref: '#/x/hidden', x: { hidden: {} } }, { pattern: '(' }, { pattern: '(?=a)' },
    { $async: true, type: 'object' }, { properties: { a: { $async: true } } }, { properties: { a: { $id: 'other' } } }, { $schema: 'https://example.org/other' }, { minimum: 'x' }
  ]
  for (const schema of schemas) t.throws(() => compileJsonSchema(schema as Record<string, unknown>), JsonSchemaError.prototype, JSON.stringify(schema))
})

t.test('no value keeps the process', async t => {
  const doubling = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`d${n}`, { allOf: [{ $ref: `#/definitions/d${n + 1}` }, { $ref: `#/definitions/d${n + 1}` }] }]))
  const nested = JSON.parse('['.repeat(60) + ']'.repeat(60))
  const costly: Array<[string, object, unknown]> = [
    ['a reference to itself', { $ref: '#' }, 1],
    ['doublings of doublings', { $ref: '#/definitions/d0', definitions: { ...doubling, d40: { type: 'number' } } }, 1],
    ['branches that lead back, deep down', { anyOf: [{ items: { $ref: '#' }, maxItems: 0, minItems: 9 }, { items: { $ref: '#' }, minItems: 9 }] }, nested],
    ['a long list of values for each of many entries', { items: { enum: Array.from({ length: 8000 }, (_, n) => n) } }, Array(200_000).fill(7999)],
    ['a pattern on megabytes', { pattern: `(${'ab?'.repeat(100)})+$` }, 'ab'.repeat(4_000_000)]
  ]
  for (const [what, schema, value] of costly) {
    const began = cpuTime()
    t.strictSame(codes(schema, value), [' WC_SCHEMA_COST'], what)
    t.ok(cpuTime() - began < 5000, `${what}: ${Math.round(cpuTime() - began)} ms`)
  }
  const many = Array.from({ length: 500_000 }, (_, n) => n)
  t.strictSame(codes({ uniqueItems: true, items: { type: 'number' } }, many), [], 'what is only large is checked')
  t.strictSame(codes({ uniqueItems: true }, [...many, 7], false), [' uniqueItems'])
})
