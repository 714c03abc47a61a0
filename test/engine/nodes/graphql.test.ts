import type { RequestListener } from 'node:http'
import t from 'tap'
import { graphql } from '../../../src/engine/nodes/outside/graphql.ts'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch/index.ts'
import { startServer } from '../../support/http-server.ts'
import { nodeContext } from '../../support/node-context.ts'

/** Answers as servers of GraphQL do; what it is asked decides how. */
const endpoint: RequestListener = (request, response) => {
  let text = ''
  request.on('data', chunk => { text += String(chunk) })
  request.on('end', () => {
    const { query, variables, operationName } = JSON.parse(text) as { query: string, variables: object, operationName?: string }
    const answer = (status: number, body: unknown): void => { response.writeHead(status, { 'content-type': 'application/graphql-response+json' }).end(JSON.stringify(body)) }
    if (query.includes('broken')) answer(200, { data: { part: 1 }, errors: [{ message: 'no such field', path: ['broken'] }] })
    else if (query.includes('busy')) answer(503, { errors: [{ message: 'busy' }] })
    else if (query.includes('gateway')) response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
    else if (query.includes('limited')) response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7' }).end('{"errors":[{}]}')
    else if (query.includes('strange')) answer(200, { hello: 'world' })
    else answer(200, { data: { variables, operationName, key: request.headers['idempotency-key'], authorization: request.headers.authorization } })
  })
}

t.test('graphql', async t => {
  const server = await startServer(endpoint)
  const guarded = createGuardedFetch({ allow: ['127.0.0.1/32'], userAgent: 'WeConnect test' })
  t.teardown(async () => { await Promise.all([server.close(), guarded.close()]) })
  const run = async (parameters: object) => (await graphql.run(nodeContext({
    items: [{ id: 1 }, { id: 2 }],
    parameters: index => ({ url: server.url, query: '{ a }', variables: { index }, ...parameters }),
    fetch: guarded.fetch,
    credential: { id: 'c', type: 'bearer', data: { token: 'abcd' }, allowedHosts: null }
  }))).outputs['main']

  t.match(await run({ operationName: 'One' }), [0, 1].map(index => ({ from: index, json: { variables: { index }, operationName: 'One', key: `root:node:0:${index}`, authorization: 'Bearer abcd' } })))
  await t.rejects(run({ query: '{ broken }' }), { code: 'WC_GRAPHQL_ERRORS', message: /no such field/, detail: { retryable: false, data: { data: { part: 1 }, errors: [{ path: ['broken'] }] } } })
  t.match(await run({ query: '{ broken }', failOnErrors: false }), [{ json: { data: { part: 1 }, errors: [{ message: 'no such field' }] } }, {}])
  t.same((await run({ operationName: '', failOnErrors: false }))?.map(({ json }) => [Object.keys(json!), json!['errors']]), [[['data', 'errors'], []], [['data', 'errors'], []]], 'of one form, whether there are errors or not')
  await t.rejects(run({ query: '{ limited }' }), { code: 'WC_GRAPHQL_ERRORS', detail: { retryable: true, retryAfter: 7000 } })
  await t.rejects(run({ query: undefined }), { code: 'WC_PARAMETER', detail: { pointer: '/query', itemIndex: 0 } })
  await t.rejects(run({ query: '{ busy }' }), { code: 'WC_GRAPHQL_ERRORS', detail: { retryable: true } })
  await t.rejects(run({ query: '{ gateway }' }), { code: 'WC_HTTP_STATUS', detail: { retryable: true, data: { status: 502 } } })
  await t.rejects(run({ query: '{ strange }' }), { code: 'WC_GRAPHQL_RESPONSE', detail: { data: { status: 200, body: '{"hello":"world"}' } } })
})
