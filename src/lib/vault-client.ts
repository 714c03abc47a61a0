import type { Fetch, IncomingResponse } from './guarded-fetch/types.ts'

export interface VaultAddress {
  /** Without a slash at the end. */
  readonly address: string
  /** Asked for at each request: an agent may write a new one. */
  token (): string | Promise<string>
  readonly namespace?: string | undefined
}

const TIMEOUT = 10_000
/** bytes; a secret of a Vault has at most 1 MiB, and a frame around it */
const RESPONSE_SIZE = 2_097_152

/** Requests to the HTTP API of HashiCorp Vault (https://developer.hashicorp.com/vault/api-docs). */
export type VaultRequest = (method: 'GET' | 'POST', path: string, body?: Readonly<Record<string, string>>) => Promise<IncomingResponse>

/** @param fetch reaches the operator's address, wherever that is; no redirect is followed, since the token would go along */
export function createVaultClient ({ address, token, namespace }: VaultAddress, fetch: Fetch): VaultRequest {
  return async (method, path, body) => await fetch({
    method,
    url: `${address}/v1/${path}`,
    headers: {
      'x-vault-token': await token(),
      'x-vault-request': 'true',
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
      ...(body !== undefined && { 'content-type': 'application/json' })
    },
    secretHeaders: ['x-vault-token'],
    ...(body !== undefined && { body: JSON.stringify(body) }),
    timeout: TIMEOUT,
    maxResponseSize: RESPONSE_SIZE,
    followRedirects: 0,
    signal: AbortSignal.timeout(2 * TIMEOUT)
  })
}

/** `data` of an answer; undefined where it has none, or is not what Vault answers. */
export function vaultData ({ body }: IncomingResponse): Readonly<Record<string, unknown>> | undefined {
  try {
    const { data } = JSON.parse(Buffer.from(body).toString()) as { data?: unknown }
    return typeof data === 'object' && data !== null ? data as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}
