import type { Fetch, IncomingResponse } from './guarded-fetch/types.ts'
import { SECRET_PATH, SecretStoreError, type SecretStore, type SecretStoreFault } from './secret-store.ts'
import { createVaultClient, vaultData, type VaultAddress } from './vault-client.ts'

export interface VaultSecretsOptions extends VaultAddress {
  /** The path of a key-value engine, version 2. */
  readonly mount: string
  /** Where in it the secrets of an organization are: a path that holds ORGANIZATION. */
  readonly prefix: string
}

/** Stands for the id of the organization, which never changes and is never given to another: a slug could be. */
export const ORGANIZATION = '{organizationId}'

const PATH = new RegExp(SECRET_PATH)
const FAULTS: Readonly<Record<number, SecretStoreFault>> = { 403: 'forbidden', 404: 'notFound' }

/** Secrets in HashiCorp Vault (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version), the newest version of each. */
export function createVaultSecrets ({ mount, prefix, ...address }: VaultSecretsOptions, fetch: Fetch): SecretStore {
  const request = createVaultClient(address, fetch)

  async function ask (path: string): Promise<IncomingResponse> {
    return await request('GET', path).catch((error: unknown) => { throw new SecretStoreError('away', error) })
  }

  return {
    async read (organizationId, path) {
      // Looked at here too: this line keeps organizations apart.
      if (!PATH.test(organizationId) || !PATH.test(path)) throw new SecretStoreError('notFound')
      const answer = await ask(`${mount}/data/${prefix.replaceAll(ORGANIZATION, organizationId)}/${path}`)
      // Sealed, a standby that does not forward, a quota: nothing of that is about the secret.
      if (answer.status !== 200) throw new SecretStoreError(FAULTS[answer.status] ?? 'away', new Error(`Vault answered ${answer.status}`))
      const fields = vaultData(answer)?.['data']
      if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw new SecretStoreError('away', new Error('Vault did not answer as its key-value engine of version 2 does'))
      return fields as Record<string, unknown>
    }
  }
}
