import type { Socket } from 'node:net'
import { hostIsAllowed, type Credential } from '../engine/credentials/index.ts'
import { NodeError } from '../engine/node-error.ts'
import { FetchError } from '../lib/guarded-fetch/index.ts'
import type { GuardedConnect } from '../lib/guarded-socket.ts'

/** What credentials of services have in common. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: 'off' | 'unverified' | 'verified'
}

export function endpointOf ({ data }: Credential, defaultPort: number): Endpoint {
  const text = (name: string): string | undefined => typeof data[name] === 'string' ? data[name] : undefined
  return {
    host: String(data['host']),
    port: typeof data['port'] === 'number' ? data['port'] : defaultPort,
    username: text('username'),
    password: text('password'),
    tls: (text('tls') ?? 'off') as Endpoint['tls']
  }
}

/** A connection to where a credential belongs, or NodeError. */
export async function openEndpoint (connect: GuardedConnect, { allowedHosts }: Credential, { host, port }: Endpoint): Promise<Socket> {
  if (!hostIsAllowed(allowedHosts, host)) {
    throw new NodeError('WC_CREDENTIAL_HOST', `The credential must not be used with ${host}: it is limited to ${allowedHosts?.join(', ') ?? ''}`)
  }
  try {
    return await connect(host, port)
  } catch (error) {
    throw connectionError(error, host)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name could not be resolved for now',
  ECONNRESET: 'it was cut',
  CONNECTION_CLOSED: 'it was cut',
  PROTOCOL_CONNECTION_LOST: 'it was cut',
  EPIPE: 'it was cut',
  EHOSTUNREACH: 'the host is out of reach',
  ENETUNREACH: 'the network is out of reach',
  ETIMEDOUT: 'no connection in time'
}

/** In our terms: drivers put addresses, and sometimes more, into their messages. */
export function connectionError (error: unknown, host: string, lost: 'WC_CONNECTION' | 'WC_CONNECTION_LOST' = 'WC_CONNECTION'): NodeError {
  if (error instanceof NodeError) return error
  if (error instanceof FetchError) return new NodeError(error.code === 'WC_HTTP_TIMEOUT' ? 'WC_CONNECTION_TIMEOUT' : error.code, error.message, { retryable: error.retryable })
  const code = codeOf(error)
  const certificate = /CERT|SIGNATURE/.test(code)
  return new NodeError(lost, `${lost === 'WC_CONNECTION' ? 'No connection to' : 'The connection failed to'} ${host}: ${certificate ? 'its certificate cannot be verified' : REASONS[code] ?? (code || 'unknown reason')}`, { retryable: !certificate })
}

export function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
