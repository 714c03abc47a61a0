import { Readable } from 'node:stream'
import type { Agent, Dispatcher } from 'undici'
import { createAddressGuard } from './addresses.ts'
import { createAgents, type Agents } from './agents.ts'
import type { Lookup } from './connector.ts'
import { FetchError, toFetchError } from './fetch-error.ts'
import { bodyOf, readBody } from './read-body.ts'
import { isRedirect, nextHop } from './redirect.ts'
import type { Hop } from './redirect.ts'
import { checkHeaders, checkMethod, parseProxy, parseTarget } from './target.ts'
import { Passage, toBody } from './passage.ts'
import type { Fetch, IncomingResponse, OutgoingRequest } from './types.ts'

export { parseCidrs } from './addresses.ts'
export { FetchError } from './fetch-error.ts'
export type { Fetch, IncomingResponse, OutgoingRequest, ResponseHead, StreamedBody } from './types.ts'
export type { Lookup } from './connector.ts'

export interface GuardedFetchOptions {
  /** CIDRs that may be called although they are not public; empty for the public internet alone. */
  readonly allow: readonly string[]
  readonly userAgent: string
  /** The URL of a proxy through which everything goes out; it may have a private address. */
  readonly proxy?: string | undefined
  /** How names become addresses; by default as the operating system does. */
  readonly lookup?: Lookup
}

export interface GuardedFetch {
  readonly fetch: Fetch
  /** Cuts what is still open. */
  close (): Promise<void>
}

const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 304])
const MAX_TIMER = 2 ** 31 - 1
/** bytes of a redirect's body that are read to keep its connection */
const DUMP_LIMIT = 65_536
/** bytes of an answer that its sink did not want */
const DECLINED_LIMIT = 10 * 1024 * 1024

/**
 * An HTTP client for URLs that strangers choose: it reaches public addresses and those of `allow`, no
 * others, whatever the URL, the name's addresses or a redirect say, and bounds time and size.
 * A proxy is told addresses that passed the guard, never names: it would resolve those beyond it.
 */
export function createGuardedFetch ({ allow, userAgent, lookup, proxy }: GuardedFetchOptions): GuardedFetch {
  const agents = createAgents({ isOpen: createAddressGuard(allow), proxy, ...(lookup && { lookup }) })

  async function fetch (request: OutgoingRequest): Promise<IncomingResponse> {
    request.signal.throwIfAborted()
    const first = firstHop(request, userAgent)
    if (request.proxy !== undefined) parseProxy(request.proxy)
    return withDeadline(request, first.url.host, signal => follow(agents, first, request, signal))
  }

  return { fetch, close: agents.close }
}

function firstHop (request: OutgoingRequest, userAgent: string): Hop {
  const { method, headers = {}, secretHeaders = [], clientCertificate, body } = request
  checkMethod(method)
  checkHeaders(headers)
  const given = new Set(Object.keys(headers).map(name => name.toLowerCase()))
  const own = { 'user-agent': userAgent, accept: '*/*', 'accept-encoding': 'gzip, deflate, br' }
  const missing = Object.entries(own).filter(([name]) => !given.has(name))
  return {
    method,
    url: parseTarget(request.url),
    headers: { ...Object.fromEntries(missing), ...headers },
    secretHeaders,
    clientCertificate,
    body: body ?? null
  }
}

/**
 * Ends at the deadline or the abort at once, also while undici still connects or looks a name up
 * (it notices an abort only when it has a socket).
 */
async function withDeadline<T> (request: OutgoingRequest, host: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const { signal, timeout } = request
  const { promise: ended, reject } = rejection()
  const end = (reason: unknown): void => {
    controller.abort(reason)
    reject(reason)
  }
  const onAbort = (): void => end(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => {
    end(new FetchError('WC_HTTP_TIMEOUT', `No complete answer of ${host} within ${timeout} ms`, { retryable: true }))
  }, Math.min(timeout, MAX_TIMER))
  try {
    return await Promise.race([work(controller.signal), ended])
  } catch (error) {
    // Whatever was refused midway (a size, an encoding, a redirect) leaves no body to arrive for nobody.
    controller.abort(error)
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function rejection (): { promise: Promise<never>, reject: (reason: unknown) => void } {
  const handle = { reject: (_reason: unknown): void => {} }
  const promise = new Promise<never>((_resolve, reject) => { handle.reject = reject })
  return { promise, reject: handle.reject }
}

async function follow (agents: Agents, first: Hop, request: OutgoingRequest, signal: AbortSignal): Promise<IncomingResponse> {
  let hop = first
  for (let redirects = 0; ; redirects++) {
    const passage = new Passage()
    try {
      const response = await send(agents.for({ ...request, clientCertificate: hop.clientCertificate }), hop, passage, signal)
      const headers = flatten(response.headers)
      if (request.followRedirects === 0 || !isRedirect(response.statusCode, headers.location)) {
        return await receive(hop, response, headers, request, passage)
      }
      await response.body.dump({ limit: DUMP_LIMIT, signal })
      if (redirects >= request.followRedirects) {
        throw new FetchError('WC_HTTP_REDIRECT', `More than ${request.followRedirects} redirects, the last from ${hop.url.host}`)
      }
      hop = nextHop(hop, response.statusCode, headers.location)
    } catch (error) {
      signal.throwIfAborted()
      throw passage.failed ? passage.failure : toFetchError(error, hop.url.host)
    }
  }
}

function send (agent: Agent, { method, url, headers, body }: Hop, passage: Passage, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  const sent = toBody(body, passage)
  return agent.request({ origin: url.origin, path: url.pathname + url.search, method, headers: { ...headers, ...sent.headers }, body: sent.body, signal })
}

async function receive (hop: Hop, response: Dispatcher.ResponseData, headers: Readonly<Record<string, string>>, { maxResponseSize, sink }: OutgoingRequest, passage: Passage): Promise<IncomingResponse> {
  const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase()
  const head = { status: response.statusCode, url: hop.url.href, headers }
  const body = await bodyIn(response)
  const take = sink?.(head)
  if (take === undefined) {
    // A limit that is meant for a file is none for what is held in memory.
    const most = sink === undefined ? maxResponseSize : Math.min(maxResponseSize, DECLINED_LIMIT)
    return { ...head, body: await readBody(body, encoding, most) }
  }
  await passage.into(take, bodyOf(body, encoding, maxResponseSize))
  return { ...head, body: new Uint8Array(0) }
}

/** What has none may name the length of one (RFC 9110, section 15.4.5), which the client then misses. */
async function bodyIn ({ statusCode, body }: Dispatcher.ResponseData): Promise<Readable> {
  if (!WITHOUT_BODY.has(statusCode)) return body
  await body.dump().catch(() => {})
  return Readable.from([])
}

function flatten (headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  // A key of that name changes a prototype at the first careless copy.
  const pairs = Object.entries(headers).filter(([name]) => name !== '__proto__').map(([name, value]): [string, string] => {
    if (!Array.isArray(value)) return [name, value ?? '']
    return [name, value.join(name === 'set-cookie' ? '\n' : ', ')]
  })
  return Object.fromEntries(pairs)
}
