import { FetchError } from './fetch-error.ts'
import { parseTarget } from './target.ts'
import type { ClientCertificate, StreamedBody } from './types.ts'

/** One request of a chain of redirects. */
export interface Hop {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Lower-case names of headers that carry credentials, beside those that always do. */
  readonly secretHeaders: readonly string[]
  readonly clientCertificate: ClientCertificate | undefined
  readonly body: string | Uint8Array | StreamedBody | null
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** Meant for the origin that they were given for; another one, or the same without TLS, must not see them. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  'authorization', 'cookie', 'x-api-key', 'api-key', 'x-auth-token', 'x-access-token'
])

export function isRedirect (status: number, location: string | undefined): location is string {
  return REDIRECTS.has(status) && location !== undefined
}

/** The request that a redirect asks for (RFC 9110 section 15.4, with the fetch standard's change of POST to GET). */
export function nextHop (hop: Hop, status: number, location: string): Hop {
  const url = redirectTarget(location, hop.url)
  const becomesGet = (status === 303 && hop.method !== 'HEAD') || (status <= 302 && hop.method === 'POST')
  const leaves = url.origin !== hop.url.origin
  const carried = leaves ? dropCredentials(hop.headers, hop.secretHeaders) : hop.headers
  const headers = Object.entries(carried).filter(([name]) => !(becomesGet && name.toLowerCase().startsWith('content-')))
  return {
    method: becomesGet ? 'GET' : hop.method,
    url,
    headers: Object.fromEntries(headers),
    secretHeaders: hop.secretHeaders,
    clientCertificate: leaves ? undefined : hop.clientCertificate,
    body: becomesGet ? null : hop.body
  }
}

/** The headers that may go to another origin. */
export function dropCredentials (headers: Readonly<Record<string, string>>, secretHeaders: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name.toLowerCase()) && !secretHeaders.includes(name.toLowerCase())))
}

function redirectTarget (location: string, from: URL): URL {
  try {
    return parseTarget(location, from)
  } catch (error) {
    if (error instanceof FetchError && error.code === 'WC_HTTP_URL') {
      throw new FetchError('WC_HTTP_REDIRECT', `${from.host} redirects to something that is not a URL`, { cause: error })
    }
    throw error
  }
}
