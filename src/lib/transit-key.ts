import type { Fetch, IncomingResponse } from './guarded-fetch/types.ts'
import { SecretBoxError, type KeyWrapper } from './secret-box.ts'
import { createVaultClient, vaultData } from './vault-client.ts'

export interface TransitOptions {
  /** Without a slash at the end. */
  readonly address: string
  readonly token: string
  /** The path of the engine, and the name of the key in it. */
  readonly mount: string
  readonly key: string
}

/**
 * A key that never leaves HashiCorp Vault: its transit engine wraps and unwraps
 * (https://developer.hashicorp.com/vault/api-docs/secret/transit). Its own rotation of the key needs nothing here.
 */
export function createTransitKey ({ address, token, mount, key }: TransitOptions, fetch: Fetch): KeyWrapper {
  const request = createVaultClient({ address, token: () => token }, fetch)

  async function ask (act: 'encrypt' | 'decrypt', body: Readonly<Record<string, string>>): Promise<IncomingResponse> {
    return await request('POST', `${mount}/${act}/${key}`, body).catch((error: unknown) => { throw new SecretBoxError('away', error) })
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

function member (answer: IncomingResponse, name: string): string | undefined {
  const value = vaultData(answer)?.[name]
  return typeof value === 'string' ? value : undefined
}

function base64 (bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
