const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/
// RFC 9110 section 5.5: visible characters, space and tab, and the obsolete upper half of Latin-1.
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** RFC 9110 section 7.6.1: fields that speak of one connection. A message that carries them anew can be smuggled. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection',
  'te', 'trailer', 'transfer-encoding', 'upgrade'
])
const REQUEST_FRAMING: ReadonlySet<string> = new Set(['host', 'content-length', 'expect'])
const RESPONSE_FRAMING: ReadonlySet<string> = new Set(['content-length'])
/** They speak for the whole origin, which one organization's answer must not: the service has others. */
const OF_THE_ORIGIN: ReadonlySet<string> = new Set([
  'alt-svc', 'clear-site-data', 'nel', 'origin-agent-cluster', 'report-to', 'reporting-endpoints', 'service-worker-allowed', 'strict-transport-security'
])

/**
 * Why this header must not be sent, or null. It refuses malformed names and values (CR and LF among
 * them) and whatever decides where a message ends or whom it reaches: that belongs to the HTTP client and server.
 */
export function headerProblem (name: string, value: string, message: 'request' | 'response'): string | null {
  if (!NAME.test(name)) return `${JSON.stringify(name.slice(0, 60))} is not a valid header name`
  const lower = name.toLowerCase()
  const framing = message === 'request' ? REQUEST_FRAMING : RESPONSE_FRAMING
  if (message === 'response' && OF_THE_ORIGIN.has(lower)) return `the header ${lower} speaks for the whole origin, of which this workflow is a part`
  if (HOP_BY_HOP.has(lower) || framing.has(lower)) return `the header ${lower} is set by WeConnect and cannot be given`
  if (!VALUE.test(value)) return `the value of header ${lower} holds a line break or another character that headers cannot carry`
  return null
}
