import type { IncomingHttpHeaders } from 'node:http'
import type { Cors } from '../../engine/nodes/webhook-cors.ts'

type Headers = Readonly<Record<string, string>>

/** What an endpoint tells browsers. https://fetch.spec.whatwg.org/#http-cors-protocol */
export interface CorsRules {
  /** Of an answer to a request with these headers. */
  headers (request: IncomingHttpHeaders): Headers
  /** Of the answer to a browser that asks before it sends. */
  preflight (request: IncomingHttpHeaders, methods: readonly string[]): Headers
}

const READABLE = 'x-execution-id, x-weconnect-duplicate, ratelimit, ratelimit-policy, retry-after'
/** Seconds that browsers remember an answer for: two hours is the most that any of them does. */
const MAX_AGE = '7200'
const VARY = { vary: 'Origin' }
const NAMES = /^[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1024}$/

export function compileCors ({ origins, credentials = false }: Cors): CorsRules {
  const all = origins.includes('*')
  const listed = new Set(origins)

  function allowed (request: IncomingHttpHeaders): Headers | undefined {
    const { origin } = request
    if (all) return { 'access-control-allow-origin': '*' }
    if (origin === undefined || !listed.has(origin)) return undefined
    return { 'access-control-allow-origin': origin, ...VARY, ...(credentials ? { 'access-control-allow-credentials': 'true' } : {}) }
  }

  return {
    headers (request) {
      const headers = allowed(request)
      return headers === undefined ? VARY : { ...headers, 'access-control-expose-headers': READABLE }
    },
    preflight (request, methods) {
      const headers = allowed(request)
      if (headers === undefined) return VARY
      const asked = request['access-control-request-headers']
      return {
        ...headers,
        'access-control-allow-methods': methods.join(', '),
        'access-control-max-age': MAX_AGE,
        ...(typeof asked === 'string' && NAMES.test(asked) ? { 'access-control-allow-headers': asked } : {})
      }
    }
  }
}
