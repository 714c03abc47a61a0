import { fileURLToPath } from 'node:url'
import t from 'tap'
import { loadNodePackages } from '../../src/runtime/node-packages/load.ts'
import { workflowApp } from '../support/workflow-app.ts'

const EXAMPLE = fileURLToPath(new URL('../../examples/custom-node', import.meta.url))
const NAME = 'weconnect-nodes-example'
const ODD = '@test/odd-nodes'
const { join } = await workflowApp(t, [], { allowed: await loadNodePackages([EXAMPLE, fileURLToPath(new URL('../fixtures/node-packages/odd', import.meta.url))]) })

const workflow = {
  name: 'Slugs',
  nodes: [
    { id: 'start', type: 'manual', parameters: {} },
    { id: 'slug', type: `${NAME}/slugify`, parameters: { text: '{{ $json.title }}' } }
  ],
  connections: [{ from: 'start', to: 'slug' }]
}

t.test('what the operator allows is listed, and disabled until the organization enables it', async t => {
  const { call } = await join()
  t.match((await call('GET', '/node-packages')).json(), { data: [{ name: NAME, version: '1.0.0', apiVersion: 1, types: [`${NAME}/slugify`, `${NAME}/exchangeRate`], enabled: false, enabledAt: null }, { name: ODD }], nextCursor: null })
  const typesOf = async (): Promise<string[]> => (await call('GET', '/node-types')).json().data.map(({ type }: { type: string }) => type).filter((type: string) => type.includes('/'))
  t.strictSame(await typesOf(), [])
  t.equal((await call('GET', `/node-types/${encodeURIComponent(`${NAME}/slugify`)}`)).statusCode, 404)

  const enabled = await call('PUT', `/node-packages/${NAME}`, {})
  t.match(enabled.json(), { name: NAME, enabled: true, enabledAt: /Z$/ })
  t.strictSame((await call('PUT', `/node-packages/${NAME}`)).json(), enabled.json(), 'once more changes nothing')
  t.strictSame(await typesOf(), [`${NAME}/slugify`, `${NAME}/exchangeRate`])
  t.match((await call('GET', `/node-types/${encodeURIComponent(`${NAME}/slugify`)}`)).json(), { package: NAME, apiVersion: 1, parameters: { required: ['text'] } })
  t.match((await call('GET', '/node-types/set')).json(), { package: null, apiVersion: null })

  t.equal((await call('PUT', `/node-packages/${encodeURIComponent(ODD)}`, {})).statusCode, 200, 'a scoped name')
  for (const name of ['nope', '__proto__', '..%2f..']) t.equal((await call('PUT', `/node-packages/${name}`, {})).statusCode, 404, name)
  t.equal((await call('PUT', `/node-packages/${NAME}`, { force: true })).statusCode, 422)

  const stranger = await join()
  t.match((await stranger.call('GET', '/node-packages')).json(), { data: [{ enabled: false }, { enabled: false }] }, 'each organization for itself')
})

t.test('workflows use its node types while it is enabled, and it stays enabled while a published one does', async t => {
  const { call } = await join()
  const disabled = { code: 'WC_NODE_PACKAGE_DISABLED', pointer: '/nodes/1/type', message: /PUT \/v1\/node-packages\/weconnect-nodes-example enables it/ }
  t.match((await call('POST', '/workflows/validate', workflow)).json(), { valid: false, errors: [disabled] })
  t.match((await call('POST', '/workflows', workflow)).json(), { status: 422, errors: [disabled] })

  await call('PUT', `/node-packages/${NAME}`, {})
  const misfit = { ...workflow, nodes: [workflow.nodes[0], { ...workflow.nodes[1], parameters: { text: 'x', field: '' } }] }
  t.match((await call('POST', '/workflows', misfit)).json(), { status: 422, errors: [{ pointer: '/nodes/1/parameters/field', code: 'WC_OUT_OF_RANGE' }] })
  const { id } = (await call('POST', '/workflows', workflow)).json()
  await call('DELETE', `/node-packages/${NAME}`)
  t.match((await call('POST', `/workflows/${id}/publish`, {})).json(), { status: 422, errors: [disabled] }, 'a draft may be older than the decision against it')

  await call('PUT', `/node-packages/${NAME}`, {})
  t.equal((await call('POST', `/workflows/${id}/publish`, {})).statusCode, 200)
  t.match((await call('DELETE', `/node-packages/${NAME}`)).json(), { status: 409, code: 'WC_NODE_PACKAGE_IN_USE', detail: new RegExp(id) })
  await call('POST', `/workflows/${id}/unpublish`, {})
  t.equal((await call('DELETE', `/node-packages/${NAME}`)).statusCode, 204)
  t.equal((await call('DELETE', `/node-packages/${NAME}`)).statusCode, 204, 'nothing to do')
})
