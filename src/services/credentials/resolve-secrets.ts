import type { Logger } from 'pino'
import { dataIssues, withResolved, type CredentialType, type SecretReference } from '../../engine/credentials/index.ts'
import { NodeError } from '../../engine/node-error.ts'
import { createExpiringCache } from '../../lib/expiring-cache.ts'
import type { Clock } from '../../lib/ids.ts'
import { SecretStoreError, type SecretStore, type SecretStoreFault } from '../../lib/secret-store.ts'
import type { SealedContent } from './vault.ts'

export interface SecretResolver {
  /** Whether the operator has configured a secret store. */
  readonly hasStore: boolean
  /**
   * What a credential is made of, with the values that it refers to: for use, never to be kept or shown. Rejects with NodeError:
   * WC_SECRET_NOT_FOUND, WC_SECRET_FORBIDDEN, WC_SECRET_INVALID, WC_SECRET_STORE_NONE, and WC_CREDENTIAL_UNAVAILABLE, which may be retried.
   */
  resolve (organizationId: string, type: CredentialType, content: SealedContent): Promise<SealedContent>
}

/** Milliseconds that a secret stays in memory, and how many do. What opens credentials keeps them for a time of its own. */
const LIFETIME = 10_000
const CACHED = 1000

type Fields = Readonly<Record<string, unknown>>

export function createSecretResolver (store: SecretStore | null, { now, log }: { readonly now: Clock, readonly log: Logger }): SecretResolver {
  const known = createExpiringCache<Fields>(LIFETIME, CACHED, now)
  const underWay = new Map<string, Promise<Fields>>()

  /** Many steps that need one secret at once ask for it once. */
  async function read (store: SecretStore, organizationId: string, path: string): Promise<Fields> {
    const key = `${organizationId}:${path}`
    const found = known.get(key) ?? underWay.get(key)
    if (found !== undefined) return await found
    const reading = store.read(organizationId, path)
    underWay.set(key, reading)
    try {
      const fields = await reading
      known.set(key, fields)
      return fields
    } finally {
      underWay.delete(key)
    }
  }

  async function valueOf (organizationId: string, { path, field }: SecretReference): Promise<unknown> {
    if (store === null) throw new NodeError('WC_SECRET_STORE_NONE', 'The credential refers to a secret store, and this installation has none (WECONNECT_SECRETS_VAULT_ADDRESS)')
    const fields = await read(store, organizationId, path).catch((error: unknown) => {
      if (!(error instanceof SecretStoreError)) throw error
      log.warn({ err: error, organizationId, path }, 'A secret could not be read from the secret store')
      throw nodeError(error.fault, path)
    })
    if (!Object.hasOwn(fields, field)) throw new NodeError('WC_SECRET_NOT_FOUND', `The secret ${path} has no field ${JSON.stringify(field)} in the secret store`)
    return fields[field]
  }

  return {
    hasStore: store !== null,
    async resolve (organizationId, type, content) {
      const { secretReferences, ...rest } = content
      if (secretReferences === undefined) return content
      const values = await Promise.all(Object.entries(secretReferences).map(async ([name, reference]): Promise<[string, unknown]> => [name, await valueOf(organizationId, reference)]))
      const data = withResolved(type, content.data, Object.fromEntries(values))
      const [issue] = dataIssues(type, data)
      // The message says what is expected, not what is there.
      if (issue !== undefined) throw new NodeError('WC_SECRET_INVALID', `What the secret store has for ${issue.pointer.slice(1)} is not what a credential of the type ${type.type} takes: ${issue.message}`)
      return { ...rest, data }
    }
  }
}

function nodeError (fault: SecretStoreFault, path: string): NodeError {
  switch (fault) {
    case 'notFound': return new NodeError('WC_SECRET_NOT_FOUND', `There is no secret ${path} in the secret store`)
    case 'forbidden': return new NodeError('WC_SECRET_FORBIDDEN', `The secret store does not let WeConnect read ${path}: its token has expired, or has no right to read it`)
    case 'away': return new NodeError('WC_CREDENTIAL_UNAVAILABLE', 'The secret store does not answer for now', { retryable: true })
  }
}
