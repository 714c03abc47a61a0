import { createConnectors, type Connectors } from '../connectors/index.ts'
import { createGuardedFetch, type Fetch } from '../lib/guarded-fetch/index.ts'
import type { Secrets } from '../secrets.ts'
import { createCredentials, type CredentialService } from '../services/credentials/index.ts'
import { createSecretResolver, type SecretResolver } from '../services/credentials/resolve-secrets.ts'
import { createCredentialSource, type CredentialSource } from '../services/credentials/source.ts'
import { createCircuitBoard } from '../services/egress/circuit-board.ts'
import { createEgress, type TenantFetch } from '../services/egress/index.ts'
import { createVault, type Vault } from '../services/credentials/vault.ts'
import { createAuthorizations, type Authorizations } from '../services/oauth2/authorizations.ts'
import { createTokenSource, type TokenSource } from '../services/oauth2/tokens.ts'
import type { Keyring } from '../lib/secret-box.ts'
import { openKeyring } from './open-keyring.ts'
import { openSecretStore } from './open-secret-store.ts'
import type { RuntimeParts } from './parts.ts'

/** How this process reaches the world, and what it proves itself with there. */
export interface Outside {
  /** Of the process itself, without limits of a tenant. */
  readonly fetch: Fetch
  readonly tenantFetch: TenantFetch
  readonly connectors: Connectors
  readonly keyring: Keyring
  readonly vault: Vault
  readonly resolver: SecretResolver
  readonly tokens: TokenSource
  readonly credentials: CredentialSource
  /** Cuts what is still open. */
  close (): Promise<void>
}

const USER_AGENT = 'WeConnect/0.1'

export function openOutside ({ config, database, hints, metrics, log, now, nextId }: Pick<RuntimeParts, 'config' | 'database' | 'hints' | 'metrics' | 'log' | 'now' | 'nextId'>, secrets: Secrets): Outside {
  const fetching = createGuardedFetch({ allow: [...config.egressAllow], userAgent: USER_AGENT, proxy: config.egressProxy ?? undefined })
  const egress = createEgress({ fetch: fetching.fetch, circuit: config.circuit, metrics, board: createCircuitBoard({ sql: database.service, nextId, log }), log, now })
  const connectors = createConnectors({ allow: [...config.egressAllow] })
  const keyring = openKeyring(config, secrets)
  const vault = createVault(keyring)
  // The operator's own address, wherever it is: nobody else chooses it.
  const operators = createGuardedFetch({ allow: ['0.0.0.0/0', '::/0'], userAgent: USER_AGENT })
  const resolver = createSecretResolver(openSecretStore(config, operators.fetch), { now, log })
  const tokens = createTokenSource({ sql: database.service, vault, fetch: fetching.fetch, hints, now, log })
  const credentials = createCredentialSource({ sql: database.service, vault, secrets: resolver, tokens, hints, now, log })
  return {
    fetch: fetching.fetch,
    tenantFetch: egress.fetch,
    connectors,
    keyring,
    vault,
    resolver,
    tokens,
    credentials,
    async close () {
      credentials.close()
      tokens.close()
      await connectors.close()
      await fetching.close()
      await operators.close()
    }
  }
}

/** What clients do with credentials; every process that has opened one hears of a change. */
export function manageCredentials ({ vault, resolver: secrets, tokens, fetch, connectors }: Outside, { database, hints, nextId }: Pick<RuntimeParts, 'database' | 'hints' | 'nextId'>, baseUrl: string): { credentials: CredentialService, authorizations: Authorizations } {
  const onChanged = (organizationId: string, credentialId: string): void => { hints.control({ type: 'credential', organizationId, credentialId }) }
  const credentials = createCredentials({ vault, secrets, nextId, fetch, tokens, attempts: connectors.attempts, onChanged })
  return { credentials, authorizations: createAuthorizations({ database, credentials, vault, secrets, tokens, fetch, nextId, baseUrl, onChanged }) }
}
