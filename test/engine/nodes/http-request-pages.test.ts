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

t.test('the Link header is read as RFC 8288 writes it', async t => {
  const forms: Record<string, string | string[]> = {
    quoted: '<bad>; title="go; rel=next, <bad>; rel=\\"next\\""; rel="prev", <NEXT>; title="x, <y>; z"; rel="next"',
    anchor: '<bad>; rel=next; anchor="#part", <NEXT>; rel=next',
    comma: '<NEXT&f=1,2>; rel="next"',
    first: '<bad>; rel=prev; rel=next, <NEXT>; REL = Next',
    tight: '<NEXT>;rel="next",<bad>;rel="last"',
    several: ['<bad>; rel="last"', '<NEXT>; rel="start next"'],
    cut: '<bad>; title="never closed, <bad>; rel=prev, <NEXT>; rel=next',
    other: '<bad>; datarel=next, <bad>; rel*=UTF-8\'\'next'
  }
  const server = await startServer((request, response) => {
    const url = new URL(request.url!, 'http://x')
    const link = [forms[url.pathname.slice(1)] ?? []].flat().map(text => text.replace('NEXT', `${url.pathname}?last=1`))
    if (link.length > 0 && !url.searchParams.has('last')) response.setHeader('link', link)
    response.setHeader('content-type', 'application/json').end(JSON.stringify([{ n: url.searchParams.has('last') ? 2 : 1 }]))
  })
  t.teardown(() => server.close())
  for (const form of Object.keys(forms)) {
    const found = (await run(() => ({ url: `${server.url}/${form}`, pagination: { mode: 'link' } }))).flatMap(({ json }) => (json!['body'] as { n: number }[]).map(({ n }) => n))
    t.same(found, form === 'other' ? [1] : [1, 2], form)
  }
})

t.test('after a redirect pages lie where it led, and credentials do not go along', async t => {
  const list = (prefix: string): RequestListener => (request, response) => {
    const url = new URL(request.url!, 'http://x')
    const n = Number(url.searchParams.get('n') ?? 1)
    if (url.pathname !== '/deep/list') response.writeHead(301, { location: `${prefix}/deep/list` }).end()
    else response.writeHead(200, { 'content-type': 'application/json', ...(n < 3 && { link: `<?n=${n + 1}>; rel=next` }) }).end(JSON.stringify({ data: [{ n }] }))
  }
  const other = await startServer(list(''))
  const [same, away] = [await startServer(list('')), await startServer(list(other.url))]
  t.teardown(async () => { await Promise.all([other.close(), same.close(), away.close()]) })
  const pages = async (url: string) => numbers((await httpRequest.run(nodeContext<Parameters>({
    items: [{}],
    parameters: { url: `${url}/list`, headers: { cookie: 'a=1', 'x-own': 'yes' }, pagination: { mode: 'link', items: 'data' } },
    fetch: guarded.fetch,
    credential: { id: 'c', type: 'header', data: { name: 'X-Secret', value: 'abcdef' }, allowedHosts: null }
  }))).outputs['main']!)
  t.same(await pages(same.url), [1, 2, 3], 'a relative link is one of the answer, not of the request')
  t.same(same.requests.map(({ url, headers }) => [url, headers['x-secret']]), ['/list', '/deep/list', '/deep/list?n=2', '/deep/list?n=3'].map(url => [url, 'abcdef']))
  t.same(await pages(away.url), [1, 2, 3])
  t.same(other.requests.map(({ url, headers }) => [url, headers['x-own'], headers['x-secret'], headers.cookie]), ['/deep/list', '/deep/list?n=2', '/deep/list?n=3'].map(url => [url, 'yes', undefined, undefined]))
})

t.test('pages without end are an error, and no part that passes for the whole', async t => {
  const server = await startServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://x')
    const n = Number(searchParams.get('cursor') ?? 0)
    if (searchParams.get('page') === '3' && pathname === '/broken') response.writeHead(500).end()
    else response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: [{ n }], next: pathname === '/circle' ? (n + 1) % 4 : n + 1 }))
  })
  t.teardown(() => server.close())
  const ask = async (path: string, pagination: object) => await run(() => ({ url: server.url + path, pagination: { items: 'data', ...pagination } }))
  await t.rejects(ask('/endless', { mode: 'page' }), { code: 'WC_HTTP_PAGINATION', message: /more than 100 pages: set maxPages/, detail: { pointer: '/pagination/maxPages' } })
  t.equal((await ask('/endless', { mode: 'page', maxPages: 100 })).length, 100, 'whoever says how many gets them')
  const before = server.requests.length
  await t.rejects(ask('/circle', { mode: 'cursor' }), { code: 'WC_HTTP_PAGINATION', message: /was there before/ })
  t.equal(server.requests.length - before, 5)
  await t.rejects(ask('/broken', { mode: 'page' }), { code: 'WC_HTTP_STATUS', message: /^Page 3: GET .* answered 500/, detail: { retryable: true, itemIndex: 0 } })
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
