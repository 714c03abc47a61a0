import t from 'tap'
import type { Static } from '@sinclair/typebox'
import type { RequestListener } from 'node:http'
import type { PageScope } from '../../../src/engine/expression/index.ts'
import { httpRequest } from '../../../src/engine/nodes/http-request.ts'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch/index.ts'
import { startServer } from '../../support/http-server.ts'
import { nodeContext } from '../../support/node-context.ts'

type Parameters = Static<typeof httpRequest.parameters>
const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'WeConnect test' })
t.teardown(() => guarded.close())

/** Seven things, three a page, told in every way in which APIs tell it. */
const things: RequestListener = (request, response) => {
  const url = new URL(request.url!, 'http://x')
  const at = url.pathname === '/pages' ? Number(url.searchParams.get('page') ?? 1) - 1 : Number(url.searchParams.get('after') ?? 0)
  const data = [1, 2, 3, 4, 5, 6, 7].slice(at * 3, at * 3 + 3).map(n => ({ n }))
  const more = (at + 1) * 3 < 7
  const next = `/links?after=${at + 1}`
  response.setHeader('content-type', 'application/json')
  if (more) response.setHeader('link', `<${url.pathname}?after=0>; rel="first", <${next}>; rel="next prefetch"`)
  response.end(JSON.stringify({ data, meta: { next: more ? at + 1 : null, url: more ? next : '' }, key: request.headers['idempotency-key'] }))
}

async function run (parameters: (page?: PageScope) => object, items = 1) {
  const { outputs } = await httpRequest.run(nodeContext<Parameters>({ items: Array.from({ length: items }, () => ({})), parameters: (_index, page) => parameters(page) as Parameters, fetch: guarded.fetch }))
  return outputs['main']!
}

const numbers = (items: Awaited<ReturnType<typeof run>>): unknown[] => items.map(({ json }) => json?.['n'])
const SEVEN = [1, 2, 3, 4, 5, 6, 7]

t.test('pages are asked for until there are no more', async t => {
  const server = await startServer(things)
  t.teardown(() => server.close())
  const { url } = server
  const modes: Array<[string, string, (page?: PageScope) => object]> = [
    ['page', '/pages', () => ({ mode: 'page', items: 'data' })],
    ['cursor', '/things', () => ({ mode: 'cursor', parameter: 'after', cursor: 'meta.next', items: 'data' })],
    ['cursor that is a URL', '/links', () => ({ mode: 'cursor', cursor: 'meta.url', items: 'data' })],
    ['link', '/links', () => ({ mode: 'link', items: 'data' })]
  ]
  for (const [name, path, pagination] of modes) {
    const items = await run(page => ({ url: url + path, pagination: pagination(page) }))
    t.same(numbers(items), SEVEN, name)
    t.ok(items.every(({ from }) => from === 0), 'each knows the item that it came from')
  }
  const expression = await run(page => ({ url: `${url}/things`, query: { after: page?.count ?? 0 }, pagination: { mode: 'expression', items: 'data', until: page === undefined ? false : (page.response.body as { meta: { next: unknown } }).meta.next === null } }))
  t.same(numbers(expression), SEVEN, 'expression')
  const whole = await run(() => ({ url: `${url}/links`, pagination: { mode: 'link' } }), 2)
  t.same(whole.map(({ from, json }) => [from, (json?.['body'] as { data: unknown[] }).data.length]), [[0, 3], [0, 3], [0, 1], [1, 3], [1, 3], [1, 1]], 'without a path each page is an item')
  t.same(numbers(await run(() => ({ url: `${url}/links`, pagination: { mode: 'link', items: 'data', maxPages: 2 } }))), [1, 2, 3, 4, 5, 6])
  await run(() => ({ method: 'POST', url: `${url}/links`, body: {}, pagination: { mode: 'link', items: 'data' } }))
  t.same(server.requests.slice(-3).map(({ headers }) => headers['idempotency-key']), ['root:node:0:0', 'root:node:0:0:2', 'root:node:0:0:3'], 'each page has a key of its own')
})

t.test('pages that lead nowhere fail', async t => {
  const answers: Record<string, [body: unknown, link?: string]> = {
    '/elsewhere': [{}, '<https://evil.test/>; rel=next'], '/scheme': [{}, '<ftp://127.0.0.1/>; rel=next'], '/stuck': [{ next: 'same' }], '/object': [{ next: {} }], '/text': [{ data: 'text' }]
  }
  const server = await startServer((request, response) => {
    const [body, link] = answers[new URL(request.url!, 'http://x').pathname]!
    response.writeHead(200, { 'content-type': 'application/json', ...(link === undefined ? {} : { link }) }).end(JSON.stringify(body))
  })
  t.teardown(() => server.close())
  for (const [path, pagination] of [['/elsewhere', { mode: 'link' }], ['/scheme', { mode: 'link' }], ['/stuck', { mode: 'cursor' }], ['/object', { mode: 'cursor' }], ['/text', { mode: 'page', items: 'data' }]] as const) {
    await t.rejects(run(() => ({ url: server.url + path, pagination })), { code: 'WC_HTTP_PAGINATION', detail: { itemIndex: 0 } }, path)
  }
})

t.test('what validation says of it', async t => {
  t.match(httpRequest.check!({ url: 'x', pagination: { mode: 'expression' } }), [{ pointer: '/pagination/until', code: 'WC_REQUIRED' }])
  t.match(httpRequest.check!({ url: 'x', pagination: { mode: 'cursor', cursor: 'a..b' } }), [{ pointer: '/pagination/cursor', code: 'WC_FIELD_PATH' }])
  t.match(httpRequest.check!({ url: 'x', rateLimit: { requests: 1, per: '2h' } }), [{ pointer: '/rateLimit/per', code: 'WC_DURATION' }])
})

t.test('what expressions make of it must fit', async t => {
  const server = await startServer(things)
  t.teardown(() => server.close())
  for (const [pagination, pointer] of [
    [{ mode: 'page', items: 5 }, '/pagination/items'], [{ mode: 'page', items: [1] }, '/pagination/items'], [{ mode: 'cursor', cursor: {} }, '/pagination/cursor'],
    [{ mode: 'page', maxPages: 'x' }, '/pagination/maxPages'], [{ mode: 7 }, '/pagination/mode'], [5, '/pagination']
  ] as const) await t.rejects(run(() => ({ url: `${server.url}/pages`, pagination })), { code: 'WC_PARAMETER', detail: { pointer, itemIndex: 0 } }, JSON.stringify(pagination))
})
