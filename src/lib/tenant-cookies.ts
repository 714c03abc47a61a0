const NAME = /^\s*([^\s=;]+)\s*=/
/** The service's own begin with `wc_`; the others promise a browser what an answer of a tenant must not (RFC 6265bis section 4.1.3). */
const RESERVED = /^(wc_|__host-|__secure-)/i

/** Why a tenant must not set this cookie (a value of Set-Cookie), or null. One without a name is sent as its value alone, which could be name and value of another. */
export function cookieProblem (cookie: string): string | null {
  const name = NAME.exec(cookie)?.[1]
  if (name === undefined) return 'a cookie must have a name'
  return RESERVED.test(name) ? 'the names of cookies must not begin with wc_, __Host- or __Secure-' : null
}

/**
 * The cookie as a browser brings it back below this path only, and to no other host. All tenants and the API share an
 * origin: without a path of its own, what one sets would reach the others, and could stand in for a cookie of the service.
 */
export function pinCookie (cookie: string, below: string): string {
  const [pair = '', ...attributes] = cookie.split(';').map(part => part.trim())
  const named = attributes.map(text => ({ text, name: text.split('=', 1)[0]!.trim().toLowerCase() }))
  // The last one counts (RFC 6265 section 5.3).
  const path = named.findLast(({ name }) => name === 'path')?.text.replace(/^[^=]*=?\s*/, '')
  return [pair, ...named.filter(({ name }) => name !== 'path' && name !== 'domain').map(({ text }) => text), `Path=${path?.startsWith(below) === true ? path : below}`].join('; ')
}
