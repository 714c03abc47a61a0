import { lookup as systemLookup } from 'node:dns/promises'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { isIP } from 'node:net'
import type { LookupFunction, Socket } from 'node:net'
import { buildConnector } from 'undici'
import { FetchError } from './fetch-error.ts'
import { openTunnel } from './tunnel.ts'
import type { Proxy } from './tunnel.ts'
import type { ClientCertificate } from './types.ts'

/** All addresses of a name. */
export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>

export const CONNECT_TIMEOUT = 10_000

export interface ConnectorOptions {
  readonly isOpen: (address: string) => boolean
  readonly lookup?: Lookup
  readonly rejectUnauthorized: boolean
  readonly ca?: string
  readonly clientCertificate?: ClientCertificate
  readonly proxy?: Proxy
}

/**
 * A connector for undici that opens sockets to open addresses only. Addresses are judged where the
 * connection is made, on the very answer that it uses, so a name cannot resolve differently after the check.
 */
export function createConnector ({ isOpen, lookup = everyAddress, rejectUnauthorized, ca, clientCertificate, proxy }: ConnectorOptions): buildConnector.connector {
  const guarded = guardLookup(lookup, isOpen)
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT,
    rejectUnauthorized,
    autoSelectFamily: true,
    lookup: guarded,
    ...(ca !== undefined && { ca }),
    ...(clientCertificate && { cert: clientCertificate.certificate, key: clientCertificate.key, passphrase: clientCertificate.passphrase })
  })

  function direct (options: buildConnector.Options, callback: buildConnector.Callback): void {
    connect(options, (error, socket) => {
      if (error !== null) return callback(error, null)
      if (!isOpen(socket.remoteAddress ?? '')) {
        socket.destroy()
        return callback(blocked(options.hostname), null)
      }
      callback(null, socket)
    })
  }

  function throughProxy (through: Proxy, options: buildConnector.Options, callback: buildConnector.Callback): void {
    void tunnel(through, options).then(socket => {
      if (options.protocol === 'https:') connect({ ...options, httpSocket: socket }, callback)
      else callback(null, socket)
    }, (error: Error) => { callback(error, null) })
  }

  async function tunnel (through: Proxy, { hostname, protocol, port }: buildConnector.Options): Promise<Socket> {
    const target = hostname.replace(/^\[|\]$/g, '')
    const address = isIP(target) === 0 ? await firstOpenAddress(target, lookup, isOpen) : target
    const proxyHost = through.url.hostname.replace(/^\[|\]$/g, '')
    if (through.guarded && isIP(proxyHost) !== 0 && !isOpen(proxyHost)) throw blocked(proxyHost)
    return await openTunnel(through, address, Number(port || (protocol === 'https:' ? 443 : 80)), through.guarded ? guarded as LookupFunction : undefined)
  }

  return function guardedConnect (options, callback) {
    // net.connect does not look up what is an address already.
    if (isIP(options.hostname) !== 0 && !isOpen(options.hostname)) return callback(blocked(options.hostname), null)
    if (proxy === undefined) direct(options, callback)
    else throughProxy(proxy, options, callback)
  }
}

/** An address of the name, if all that it has are open; FetchError if one is not. */
export async function firstOpenAddress (hostname: string, lookup: Lookup, isOpen: (address: string) => boolean): Promise<string> {
  const addresses = await lookup(hostname)
  if (!addresses.every(({ address }) => isOpen(address))) throw blocked(hostname)
  const [first] = addresses
  if (first === undefined) throw Object.assign(new Error('No address'), { code: 'ENOTFOUND' })
  return first.address
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/** One closed address among the answers refuses them all: the socket might try any of them. */
export function guardLookup (lookup: Lookup, isOpen: (address: string) => boolean) {
  return function guardedLookup (hostname: string, options: LookupOptions, callback: LookupCallback): void {
    lookup(hostname).then(addresses => {
      const first = addresses[0]
      if (first === undefined) return callback(Object.assign(new Error('No address'), { code: 'ENOTFOUND' }), '')
      if (!addresses.every(({ address }) => isOpen(address))) return callback(blocked(hostname), '')
      if (options.all === true) return callback(null, [...addresses])
      callback(null, first.address, first.family)
    }, (error: NodeJS.ErrnoException) => callback(error, ''))
  }
}

// The address is left out: it would tell whoever asks what a name means inside this network.
export function blocked (hostname: string): FetchError {
  return new FetchError('WC_EGRESS_BLOCKED', `${hostname} leads to an address that is not public, which is refused`)
}

export function everyAddress (hostname: string): Promise<readonly LookupAddress[]> {
  return systemLookup(hostname, { all: true })
}
