import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { createAddressGuard } from './guarded-fetch/addresses.ts'
import { blocked, CONNECT_TIMEOUT, everyAddress, firstOpenAddress } from './guarded-fetch/connector.ts'
import type { Lookup } from './guarded-fetch/connector.ts'
import { FetchError } from './guarded-fetch/fetch-error.ts'

export interface GuardedSocketsOptions {
  /** CIDRs that may be reached although they are not public. */
  readonly allow: readonly string[]
  readonly lookup?: Lookup
}

/**
 * An open connection to a host that a stranger chose; for protocols other than HTTP. Rejects with FetchError
 * WC_EGRESS_BLOCKED where an address of it is closed, else with the error of the socket.
 */
export type GuardedConnect = (host: string, port: number) => Promise<Socket>

export function createGuardedConnect ({ allow, lookup = everyAddress }: GuardedSocketsOptions): GuardedConnect {
  const isOpen = createAddressGuard(allow)
  return async (host, port) => {
    const literal = isIP(host) !== 0
    if (literal && !isOpen(host)) throw blocked(host)
    const address = literal ? host : await firstOpenAddress(host, lookup, isOpen)
    // The address that was judged is the one that is called: the name is not looked up again.
    return await openSocket(host, address, port)
  }
}

async function openSocket (host: string, address: string, port: number): Promise<Socket> {
  const socket = connect({ host: address, port, noDelay: true })
  try {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => { reject(new FetchError('WC_HTTP_TIMEOUT', `No connection to ${host} in time`, { retryable: true })) }, CONNECT_TIMEOUT)
      socket.once('connect', () => { clearTimeout(late); resolve() })
      socket.once('error', error => { clearTimeout(late); reject(error) })
    })
    socket.removeAllListeners('error')
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}
