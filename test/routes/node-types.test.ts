import t from 'tap'
import { builtinNodes } from '../../src/engine/nodes/index.ts'
import { workflowApp } from '../support/workflow-app.ts'

const { app, join } = await workflowApp(t)
const { call } = await join()

t.test('all node types are listed with what editors need', async t => {
  const { data, nextCursor } = (await call('GET', '/node-types')).json()
  t.equal(nextCursor, null)
  t.strictSame(data.map(({ type }: { type: string }) => type), builtinNodes.map(({ type }) => type))
  for (const nodeType of data) {
    t.match(nodeType, { title: String, description: String, icon: String, category: /^(trigger|flow|data|outside)$/, effects: /^(none|idempotent|once)$/, parameters: { type: 'object' } })
    t.equal(nodeType.trigger, nodeType.inputs.length === 0, nodeType.type)
  }
})

t.test('one is read by its name', async t => {
  t.match((await call('GET', '/node-types/if')).json(), { type: 'if', inputs: ['main'], outputs: ['true', 'false'], parameters: { properties: { condition: {} } } })
  t.match((await call('GET', '/node-types/webhook')).json(), { trigger: true, inputs: [], parameters: { required: ['path'], properties: { path: { 'x-expression': false } } } })
  for (const type of ['nope', '__proto__', 'constructor', '..%2f..%2fetc%2fpasswd']) t.equal((await call('GET', `/node-types/${type}`)).statusCode, 404, type)
  t.equal((await app.inject({ url: '/v1/node-types' })).statusCode, 401)
})
