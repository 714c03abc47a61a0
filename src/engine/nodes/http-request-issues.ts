import { parseDuration } from '../../lib/duration.ts'
import { isPlainObject } from '../validation/json-schema.ts'
import { authoritiesProblem } from './http-authorities.ts'
import { MAX_RESPONSE_SIZE, MAX_TIMEOUT } from './http-request-parameters.ts'
import type { ParameterIssue } from './node-type.ts'
import { pathProblem } from './paths.ts'

/** What the schema of a request cannot say, of parameters before any expression is evaluated. */
export function requestIssues ({ timeout, rateLimit, pagination, response, maxResponseSize, ca }: Readonly<Record<string, unknown>>): readonly ParameterIssue[] {
  return [
    ...durationIssues(timeout, '/timeout'),
    ...(isPlainObject(rateLimit) ? durationIssues(rateLimit['per'], '/rateLimit/per') : []),
    ...paginationIssues(pagination),
    ...authoritiesIssues(ca),
    ...(response === 'binary' && pagination !== undefined ? [{ pointer: '/pagination', message: 'does not go with response: binary, in which no next page is found', code: 'WC_HTTP_PAGINATION' }] : []),
    ...(response !== 'binary' && Number(maxResponseSize) > MAX_RESPONSE_SIZE ? [{ pointer: '/maxResponseSize', message: `at most ${MAX_RESPONSE_SIZE}, unless the response is binary`, code: 'WC_OUT_OF_RANGE' }] : [])
  ]
}

function durationIssues (given: unknown, pointer: string): readonly ParameterIssue[] {
  if (typeof given !== 'string' || given.includes('{{')) return []
  const milliseconds = parseDuration(given)
  if (milliseconds > 0 && milliseconds <= parseDuration(MAX_TIMEOUT)) return []
  return [{ pointer, message: `more than nothing and at most ${MAX_TIMEOUT}`, code: 'WC_DURATION' }]
}

function authoritiesIssues (given: unknown): readonly ParameterIssue[] {
  const problem = typeof given === 'string' && !given.includes('{{') ? authoritiesProblem(given) : null
  return problem === null ? [] : [{ pointer: '/ca', message: problem, code: 'WC_INVALID_FORMAT' }]
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
