import { headerProblem } from '../http-headers.ts'
import { FetchError } from './fetch-error.ts'

const MAX_URL_LENGTH = 16_384
const METHOD = /^[A-Z]{1,20}$/
/** CONNECT opens a tunnel and TRACE echoes credentials. */
const CLOSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE'])

/** The URL that may be asked for, or FetchError. Addresses are judged later, where the connection is made. */
export function parseTarget (text: string, base?: URL): URL {
  if (text.length > MAX_URL_LENGTH) throw new FetchError('WC_HTTP_URL', `The URL is longer than ${MAX_URL_LENGTH} characters`)
  const url = parseUrl(text, base)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new FetchError('WC_EGRESS_BLOCKED', `Only http and https URLs can be called, not ${url.protocol.slice(0, 40)}`)
  }
  // `http://api.example@10.0.0.1/` reads as one host and reaches another.
  if (url.username !== '' || url.password !== '') {
    throw new FetchError('WC_EGRESS_BLOCKED', 'A URL with a user name or password is refused; send an Authorization header instead')
  }
  url.hash = ''
  return url
}

/** The URL of a proxy, which unlike others may hold a user name, or FetchError. */
export function parseProxy (text: string): URL {
  // It is not repeated: it may hold a password.
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) throw new FetchError('WC_HTTP_PROXY', 'The proxy is not a valid absolute URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new FetchError('WC_HTTP_PROXY', `A proxy is reached by http or https, not ${url.protocol.slice(0, 40)}`)
  }
  if ([url.username, url.password].every(isPercentEncoded)) return url
  throw new FetchError('WC_HTTP_PROXY', `The user name or password of the proxy ${url.host} is not percent-encoded: % is written %25`)
}

function isPercentEncoded (text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined
  } catch {
    return false
  }
}

function parseUrl (text: string, base?: URL): URL {
  try {
    return new URL(text, base)
  } catch (cause) {
    if (/^[a-z]+:[\\/]*\[[^\]]*%/i.test(text)) {
      throw new FetchError('WC_EGRESS_BLOCKED', 'An address with a zone names an interface of this machine', { cause })
    }
    throw new FetchError('WC_HTTP_URL', `${JSON.stringify(text.slice(0, 100))} is not a valid absolute URL`, { cause })
  }
}

export function checkMethod (method: string): void {
  if (!METHOD.test(method) || CLOSED_METHODS.has(method)) {
    throw new FetchError('WC_HTTP_METHOD', `The method ${JSON.stringify(method.slice(0, 40))} cannot be used`)
  }
}

export function checkHeaders (headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const problem = headerProblem(name, value, 'request')
    if (problem !== null) throw new FetchError('WC_HTTP_HEADER', problem)
  }
}
