import type { Fetch, IncomingResponse } from './guarded-fetch/types.ts'
import { SecretBoxError, type KeyWrapper } from './secret-box.ts'

export interface TransitOptions {
  /** Without a slash at the end. */
  readonly address: string
  readonly token: string
  /** The path of the engine, and the name of the key in it. */
  readonly mount: string
  readonly key: string
}

const TIMEOUT = 10_000
const RESPONSE_SIZE = 65_536

/**
 * A key that never leaves HashiCorp Vault: its transit engine wraps and unwraps
 * (https://developer.hashicorp.com/vault/api-docs/secret/transit). Its own rotation of the key needs nothing here.
 */
export function createTransitKey ({ address, token, mount, key }: TransitOptions, fetch: Fetch): KeyWrapper {
  async function ask (act: 'encrypt' | 'decrypt', body: Readonly<Record<string, string>>): Promise<IncomingResponse> {
    try {
      return await fetch({
        method: 'POST',
        url: `${address}/v1/${mount}/${act}/${key}`,
        headers: { 'x-vault-token': token, 'x-vault-request': 'true', 'content-type': 'application/json' },
        secretHeaders: ['x-vault-token'],
        body: JSON.stringify(body),
        timeout: TIMEOUT,
        maxResponseSize: RESPONSE_SIZE,
        followRedirects: 0,
        signal: AbortSignal.timeout(2 * TIMEOUT)
      })
    } catch (error) {
      throw new SecretBoxError('away', error)
    }
  }

  return {
    id: `vault:${mount}/${key}`,
    async wrap (dataKey, associated) {
      const answer = await ask('encrypt', { plaintext: base64(dataKey), associated_data: base64(associated) })
      const ciphertext = answer.status === 200 ? member(answer, 'ciphertext') : undefined
      if (ciphertext === undefined) throw new SecretBoxError('away', new Error(`Vault answered ${answer.status}`))
      return Buffer.from(ciphertext)
    },
    async unwrap (wrapped, associated) {
      const answer = await ask('decrypt', { ciphertext: Buffer.from(wrapped).toString(), associated_data: base64(associated) })
      // 400 is what Vault says of a ciphertext that does not open; the rest is about the token or its own state.
      if (answer.status === 400) throw new SecretBoxError('content')
      const plaintext = answer.status === 200 ? member(answer, 'plaintext') : undefined
      if (plaintext === undefined) throw new SecretBoxError('away', new Error(`Vault answered ${answer.status}`))
      return Buffer.from(plaintext, 'base64')
    }
  }
}

function member ({ body }: IncomingResponse, name: string): string | undefined {
  try {
    const { data } = JSON.parse(Buffer.from(body).toString()) as { data?: Record<string, unknown> }
    const value = data?.[name]
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

function base64 (bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
