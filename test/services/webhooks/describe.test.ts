import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import openapiTS, { astToString } from 'openapi-typescript'
import t from 'tap'
import ts from 'typescript'
import { describeWebhooks, type DescribedWebhook } from '../../../src/services/webhooks/describe-webhooks.ts'

const webhook = (more: Partial<DescribedWebhook>): DescribedWebhook => ({ workflowName: 'Orders', method: 'POST', path: 'orders', parameters: {}, responds: [], ...more })

const webhooks = [
  webhook({
    path: 'shops/:shop/orders',
    parameters: {
      verify: { preset: 'github', credentialId: 'x' },
      schema: {
        body: {
          $id: 'order', type: 'object', required: ['id', 'lines'], additionalProperties: false,
          properties: { id: { type: 'integer' }, lines: { type: 'array', items: { $ref: '#/definitions/line' } }, parent: { $ref: '#' }, pair: { type: 'array', items: [{ type: 'string' }, { type: 'number' }] } },
          definitions: { line: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } }, additionalProperties: false } }
        },
        query: { type: 'object', required: ['page'], properties: { page: { type: 'integer' }, sort: { enum: ['asc', 'desc'] } } },
        headers: { type: 'object', required: ['x-tenant'], properties: { authorization: { type: 'string' } } }
      }
    }
  }),
  webhook({ method: 'GET', path: 'status', parameters: { response: 'lastStep', verify: { preset: 'basic' } } }),
  webhook({ method: 'PUT', path: 'status', parameters: { response: 'respondNode', verify: { preset: 'jwt' } }, responds: [{ status: 201 }, {}, { status: '{{ $json.status }}' }] }),
  webhook({ path: 'a-b' }), webhook({ path: 'a/b' })
]
const document = describeWebhooks('https://hooks.example.org', { name: 'Acme', slug: 'acme' }, webhooks) as any

const CLIENT = `
import type { operations, paths } from './api.ts'
type Order = operations['postShopsByShopOrders']['requestBody']['content']['application/json']
type Query = operations['postShopsByShopOrders']['parameters']['query']
type Headers = operations['postShopsByShopOrders']['parameters']['header']
type Accepted = paths['/hooks/acme/shops/{shop}/orders']['post']['responses'][202]['content']['application/json']
export const order: Order = { id: 1, lines: [{ sku: 'a' }], parent: { id: 2, lines: [] }, pair: ['a', 1] }
export const query: Query = { page: 1, sort: 'asc' }
export const headers: Headers = { 'x-tenant': 't' }
export const id = (accepted: Accepted): string => accepted.executionId
// @ts-expect-error: a line has a sku
export const noSku: Order = { id: 1, lines: [{}] }
// @ts-expect-error: an id is a number
export const noNumber: Order = { id: 'x', lines: [] }
// @ts-expect-error: it must be sorted somehow
export const unsorted: Query = { page: 1, sort: 'up' }
// @ts-expect-error: the tenant is required
export const noTenant: Headers = {}
`

t.test('a client that was generated from the document type-checks, and only what fits', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'weconnect-client-'))
  t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
  await symlink(resolve('node_modules'), join(directory, 'node_modules'))
  await writeFile(join(directory, 'api.ts'), astToString(await openapiTS(document)))
  const file = join(directory, 'client.ts')
  await writeFile(file, CLIENT)
  const program = ts.createProgram([file], { strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, allowImportingTsExtensions: true, types: [] })
  t.strictSame(ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')), [])
})

t.test('each endpoint is an operation', async t => {
  t.strictSame(Object.keys(document.paths), ['/hooks/acme/shops/{shop}/orders', '/hooks/acme/status', '/hooks/acme/a-b', '/hooks/acme/a/b'])
  const { post } = document.paths['/hooks/acme/shops/{shop}/orders']
  t.match(post, { operationId: 'postShopsByShopOrders', summary: 'Orders', security: [{ 'github-x-hub-signature-256': [] }], responses: { 202: {}, 401: {}, 422: {} } })
  t.strictSame(post.parameters.map(({ in: place, name, required }: any) => [place, name, required]), [['path', 'shop', true], ['query', 'page', true], ['query', 'sort', false], ['header', 'x-tenant', true]])
  t.match(document.components.securitySchemes, { 'github-x-hub-signature-256': { type: 'apiKey', in: 'header', name: 'x-hub-signature-256' }, basic: { scheme: 'basic' }, bearer: { scheme: 'bearer' } })
  const status = document.paths['/hooks/acme/status']
  t.strictSame(Object.keys(status.get.responses).filter(code => code < '300' || code === 'default'), ['200', '202'])
  t.strictSame(Object.keys(status.put.responses).filter(code => code < '300' || code === 'default'), ['200', '201', '202', 'default'])
  t.notOk('requestBody' in status.get)
  t.strictSame([document.paths['/hooks/acme/a-b'].post.operationId, document.paths['/hooks/acme/a/b'].post.operationId], ['postAB', 'postAB2'])
  t.match(document.components.schemas.PostShopsByShopOrdersBody.properties, { parent: { $ref: '#/components/schemas/PostShopsByShopOrdersBody' }, pair: { prefixItems: [{}, {}] } })
})
