import { connect as openTcp, isIPv6 } from 'node:net'
import type { Socket } from 'node:net'
import { connect as openTls } from 'node:tls'
import type { LookupFunction } from 'node:net'
import { FetchError } from './fetch-error.ts'

export interface Proxy {
  readonly url: URL
  /** Whether it must have a public address: one that a workflow chose. */
  readonly guarded: boolean
}

const TIMEOUT = 10_000
const MAX_ANSWER = 16_384
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/**
 * A connection to an address through a proxy (CONNECT, RFC 9110 section 9.3.6). The address was judged before: the proxy is
 * given no name that it could resolve otherwise.
 * @param lookup how the proxy's own name becomes an address
 */
export async function openTunnel ({ url }: Proxy, address: string, port: number, lookup: LookupFunction | undefined): Promise<Socket> {
  const socket = await openProxy(url, lookup)
  const target = `${isIPv6(address) ? `[${address}]` : address}:${port}`
  const authorization = url.username === '' ? '' : `proxy-authorization: Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}\r\n`
  socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${authorization}\r\n`)
  try {
    await readAnswer(socket, url)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function openProxy (url: URL, lookup: LookupFunction | undefined): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] ?? 80 : Number(url.port)
  const options = { host, port, ...(lookup && { lookup }) }
  const secure = url.protocol === 'https:'
  const socket = secure ? openTls({ ...options, servername: host }) : openTcp(options)
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => { socket.destroy(failure(url, 'no connection in time')) }, TIMEOUT)
    socket.once('error', error => {
      clearTimeout(timer)
      reject(error instanceof FetchError ? error : failure(url, 'no connection', error))
    })
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
  })
}

async function readAnswer (socket: Socket, url: URL): Promise<void> {
  let text = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => { end(failure(url, 'no answer in time')) }, TIMEOUT)
    function end (error?: FetchError): void {
      clearTimeout(timer)
      socket.off('data', read)
      socket.off('close', closed)
      if (error === undefined) resolve()
      else reject(error)
    }
    const closed = (): void => { end(failure(url, 'it closed the connection')) }
    function read (chunk: Buffer): void {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head === -1) {
        if (text.length > MAX_ANSWER) end(failure(url, 'its answer is too long'))
        return
      }
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]
      if (status?.startsWith('2') !== true) return end(refusal(url, status))
      socket.pause()
      const rest = Buffer.from(text.slice(head + 4), 'latin1')
      if (rest.length > 0) socket.unshift(rest)
      end()
    }
    socket.on('data', read)
    socket.once('close', closed)
  })
  socket.resume()
}

/** What it says of a request it says again, but for overload and faults of its own. */
function refusal (url: URL, status: string | undefined): FetchError {
  if (status === undefined) return failure(url, 'it answered something else than HTTP')
  const why = status === '407' ? 'it wants a user name and password, or others (it answered 407)' : `it answered ${status}`
  return failure(url, why, undefined, Number(status) >= 500 || status === '408' || status === '429')
}

function failure (url: URL, why: string, cause?: unknown, retryable = true): FetchError {
  return new FetchError('WC_HTTP_PROXY', `The proxy ${url.host} does not serve: ${why}`, { retryable, cause })
}
