import t from 'tap'
import { readdir } from 'node:fs/promises'
import { Ajv } from 'ajv'
import { builtinNodes } from '../../../src/engine/nodes/index.ts'
import { NodeRegistry } from '../../../src/engine/nodes/registry.ts'

const registry = new NodeRegistry(builtinNodes)

t.test('node types are found by their own names only', async t => {
  const pages = await readdir(new URL('../../../docs/nodes/', import.meta.url))
  t.same(registry.list().map(({ type }) => `${type}.md`).sort(), pages.sort(), 'each has a page, and each page a type')
  t.equal(registry.get('set')?.type, 'set')
  for (const name of ['__proto__', 'constructor', 'toString', 'Set', '', 'schedules']) t.equal(registry.get(name), undefined, name)
  t.throws(() => new NodeRegistry([...builtinNodes, ...builtinNodes]), { message: 'Two node types are called webhook' })
})

interface Schema { title?: string, description?: string, const?: unknown, anyOf?: Schema[], additionalProperties?: unknown, properties?: Record<string, Schema>, items?: Schema }

t.test('every schema is closed, and good enough to draw a form from', async t => {
  function visit (schema: Schema, at: string): void {
    if (schema.properties !== undefined) {
      t.equal(schema.additionalProperties, false, `${at} takes no unknown properties`)
      for (const [name, property] of Object.entries(schema.properties)) {
        t.type(property.title, 'string', `${at}/${name} has a title`)
        t.match(property.description, /^\S.*[.]$/, `${at}/${name} has a description`)
        visit(property, `${at}/${name}`)
      }
    }
    if (schema.items !== undefined) visit(schema.items, `${at}/items`)
    if (schema.const !== undefined) t.match(schema.title, /^\S/, `${at} ${JSON.stringify(schema.const)} has a title`)
    for (const form of schema.anyOf ?? []) visit(form, at)
  }
  for (const { type, parameters } of registry.list()) visit(parameters as Schema, type)
  t.match((registry.get('merge')?.parameters.properties['mode'] as Schema).anyOf?.map(({ title }) => title), ['Append', 'Combine by position', 'Combine by key', 'All pairs', 'Choose branch'])
})

t.test('schemas accept what the documentation shows and refuse what does nothing', async t => {
  const ajv = new Ajv({ strict: false, logger: false })
  const fits = (type: string, parameters: unknown): boolean => ajv.validate(registry.get(type)?.parameters ?? false, parameters)
  const good: [string, unknown][] = [
    ['webhook', { path: 'orders' }],
    ['webhook', { method: ['GET', 'POST'], path: 'orders/:id', response: 'lastStep', responseTimeout: '10s', maxBodySize: 1000 }],
    ['manual', {}], ['manual', { inputSchema: { type: 'object' } }],
    ['set', { fields: { 'a.b': 1, c: [null] }, keep: 'none' }],
    ['if', { condition: '{{ $json.a }}' }], ['filter', { conditions: { combine: 'or', rules: [{ left: 1, operator: 'gt', right: 0 }] } }],
    ['switch', { rules: [{ output: 'gold', condition: true }], fallback: 'rest' }],
    ['merge', {}], ['merge', { mode: 'combineByKey', key: 'id', wait: 2 }], ['merge', { wait: 'any' }], ['loop', {}], ['loop', { batchSize: 500 }],
    ['httpRequest', { url: 'https://example.com', query: { a: [1, 2] }, headers: { a: 'b' }, body: { a: 1 }, timeout: '5s' }], ['httpRequest', { url: 'x', response: 'binary' }],
    ['respond', { status: 201, headers: { a: 'b' }, body: null }], ['stop', {}], ['noOp', {}],
    ['wait', { for: '10s' }], ['wait', { callback: true, timeout: '2d' }], ['approval', {}], ['approval', { choices: ['a'], message: 'Sure?' }]
  ]
  for (const [type, parameters] of good) t.equal(fits(type, parameters), true, `${type} ${JSON.stringify(parameters)}`)
  const bad: [string, unknown][] = [
    // An accepted `verify` that nothing reads would be an open endpoint.
    ['webhook', { path: 'orders', verify: {} }], ['webhook', { path: 'orders', verify: { preset: 'own' } }], ['webhook', { path: 'orders', allowIps: [] }],
    ['webhook', {}], ['webhook', { path: 'a', method: 'TRACE' }], ['webhook', { path: 'a', method: [] }], ['webhook', { path: 'a', responseTimeout: '10' }],
    ['set', {}], ['set', { fields: [] }], ['set', { fields: {}, keep: 'some' }],
    ['if', { conditions: { rules: [] } }], ['if', { conditions: { rules: [{ left: 1, operator: 'like' }] } }],
    ['switch', { rules: [{ output: '__proto__', condition: true }] }],
    ['merge', { mode: 'zip' }], ['merge', { inputs: 27 }], ['merge', { wait: 0 }], ['loop', { batchSize: 0 }],
    ['httpRequest', {}], ['httpRequest', { url: 'x', response: 'image' }], ['httpRequest', { url: 'x', pagination: {} }],
    ['respond', { status: 100 }], ['noOp', { a: 1 }],
    ['wait', { for: 10 }], ['wait', { callback: 'yes' }], ['approval', { choices: [] }], ['approval', { choices: ['a b'] }]
  ]
  for (const [type, parameters] of bad) t.equal(fits(type, parameters), false, `${type} ${JSON.stringify(parameters)}`)
})
