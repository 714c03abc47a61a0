import { parseDuration } from '../../lib/duration.ts'
import { isPlainObject } from '../validation/json-schema.ts'
import { eachBounded } from './each-bounded.ts'
import { authorizedFetch, REQUEST_CREDENTIALS } from './http-authorization.ts'
import { withItemIndex } from './http-errors.ts'
import { exchange } from './http-exchange.ts'
import type { Session } from './http-exchange.ts'
import { DEFAULT_CONCURRENCY, HttpRequestParameters, MAX_RESPONSE_SIZE, MAX_TIMEOUT } from './http-request-parameters.ts'
import { defineNode } from './node-type.ts'
import type { NodeContext, ParameterIssue } from './node-type.ts'
import { pathProblem } from './paths.ts'

export const httpRequest = defineNode({
  type: 'httpRequest',
  title: 'HTTP request',
  description: 'Sends an HTTP request an item, or one for each of its pages, and emits { status, headers, body } of the answers.',
  icon: 'globe',
  category: 'outside',
  effects: 'idempotent',
  parameters: HttpRequestParameters,
  credentials: REQUEST_CREDENTIALS,
  check: ({ timeout, rateLimit, pagination, response, maxResponseSize }) => [
    ...durationIssues(timeout, '/timeout'),
    ...(isPlainObject(rateLimit) ? durationIssues(rateLimit['per'], '/rateLimit/per') : []),
    ...paginationIssues(pagination),
    ...(response === 'binary' && pagination !== undefined ? [{ pointer: '/pagination', message: 'does not go with response: binary, in which no next page is found', code: 'WC_HTTP_PAGINATION' }] : []),
    ...(response !== 'binary' && Number(maxResponseSize) > MAX_RESPONSE_SIZE ? [{ pointer: '/maxResponseSize', message: `at most ${MAX_RESPONSE_SIZE}, unless the response is binary`, code: 'WC_OUT_OF_RANGE' }] : [])
  ],
  async run (context) {
    if (context.items.length === 0) return { outputs: { main: [] } }
    const { concurrency = DEFAULT_CONCURRENCY, clientCertificateId } = settingsOf(context)
    const session: Session = {
      context: context as NodeContext<HttpRequestParameters>,
      fetch: authorizedFetch(context.fetch, await context.credential()),
      clientCertificate: clientCertificateId === undefined ? undefined : await context.credential({ id: clientCertificateId, types: ['clientCertificate'] })
    }
    const found = await eachBounded(context.items.length, concurrency, context.signal, async (index, signal) => {
      try {
        return await exchange(session, index, signal)
      } catch (error) {
        throw withItemIndex(error, index)
      }
    })
    return { outputs: { main: found.flat() } }
  }
})

/** What holds for all items, since it cannot hold expressions. */
function settingsOf (context: NodeContext<HttpRequestParameters>): HttpRequestParameters {
  try {
    return context.parameters(0)
  } catch (error) {
    throw withItemIndex(error, 0)
  }
}

function durationIssues (given: unknown, pointer: string): readonly ParameterIssue[] {
  if (typeof given !== 'string' || given.includes('{{')) return []
  const milliseconds = parseDuration(given)
  if (milliseconds > 0 && milliseconds <= parseDuration(MAX_TIMEOUT)) return []
  return [{ pointer, message: `more than nothing and at most ${MAX_TIMEOUT}`, code: 'WC_DURATION' }]
}

function paginationIssues (pagination: unknown): readonly ParameterIssue[] {
  if (!isPlainObject(pagination)) return []
  const issues = ['cursor', 'items'].flatMap(name => {
    const path = pagination[name]
    const problem = typeof path === 'string' && !path.includes('{{') ? pathProblem(path) : null
    return problem === null ? [] : [{ pointer: `/pagination/${name}`, message: problem, code: 'WC_FIELD_PATH' }]
  })
  if (pagination['mode'] === 'expression' && pagination['until'] === undefined) {
    issues.push({ pointer: '/pagination/until', message: 'is required: nothing else says which page is the last', code: 'WC_REQUIRED' })
  }
  return issues
}
