import { readFile } from 'node:fs/promises'
import type { Config } from '../config.ts'
import type { Fetch } from '../lib/guarded-fetch/index.ts'
import type { SecretStore } from '../lib/secret-store.ts'
import { createVaultSecrets } from '../lib/vault-secrets.ts'

/** Where the operator keeps secrets; null where nowhere. `fetch` must reach the operator's own address. */
export function openSecretStore ({ secretVault }: Pick<Config, 'secretVault'>, fetch: Fetch): SecretStore | null {
  if (secretVault === null) return null
  const { token, tokenFile } = secretVault
  // An agent renews it there while we run.
  return createVaultSecrets({ ...secretVault, token: async () => tokenFile === null ? token ?? '' : (await readFile(tokenFile, 'utf8')).trim() }, fetch)
}
