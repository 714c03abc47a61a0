import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { loadSealedCredential } from '../../db/queries/credentials.ts'
import { credentialTypes, secretsOf, type Credential } from '../../engine/credentials/index.ts'
import { NodeError } from '../../engine/node-error.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { createExpiringCache } from '../../lib/expiring-cache.ts'
import type { Clock } from '../../lib/ids.ts'
import { SecretBoxError } from '../../lib/secret-box.ts'
import type { HintBus } from '../../queue/hint-bus.ts'
import type { TokenSource } from '../oauth2/tokens.ts'
import type { SecretResolver } from './resolve-secrets.ts'
import type { Vault } from './vault.ts'

export interface OpenCredential {
  readonly credential: Credential
  /** Every text that must not be seen. */
  readonly secrets: readonly string[]
  /** Where the credential is a token that passes. */
  readonly tokenVersion?: number
}

export interface CredentialSource {
  /**
   * Throws NodeError: WC_CREDENTIAL_UNKNOWN, WC_CREDENTIAL_UNREADABLE, WC_CREDENTIAL_UNAVAILABLE, WC_SECRET…, WC_OAUTH….
   * @param refused the version of a token that a far side did not take
   */
  open (organizationId: string, id: string, refused?: number): Promise<OpenCredential>
  close (): void
}

export interface SourceDependencies {
  readonly sql: Sql
  readonly vault: Vault
  readonly secrets: SecretResolver
  readonly tokens: Pick<TokenSource, 'get'>
  readonly hints: HintBus
  readonly now: Clock
  readonly log: Logger
}

/** Milliseconds that an opened credential stays in memory: so long may a change go unnoticed whose hint was lost. */
const LIFETIME = 30_000
const CACHED = 1000

/** Opens credentials for steps, just when they need them. */
export function createCredentialSource ({ sql, vault, secrets: resolver, tokens, hints, now, log }: SourceDependencies): CredentialSource {
  const opened = createExpiringCache<OpenCredential>(LIFETIME, CACHED, now)
  // Counts changes: what was read before one must not be kept after it.
  let changes = 0
  const stopListening = hints.onControl(hint => {
    if (hint.type !== 'credential') return
    changes++
    opened.delete(keyOf(hint.organizationId, hint.credentialId))
  })

  async function load (organizationId: string, id: string): Promise<OpenCredential> {
    const row = await withDeadline(QUERY_DEADLINE, loadSealedCredential(sql, organizationId, id)).catch((error: unknown) => {
      log.warn({ err: error, organizationId, credentialId: id }, 'A credential could not be read')
      throw new NodeError('WC_CREDENTIAL_UNAVAILABLE', 'The credential could not be read for now', { retryable: true })
    })
    const type = row === undefined ? undefined : credentialTypes.get(row.type)
    if (row === undefined || type === undefined) throw new NodeError('WC_CREDENTIAL_UNKNOWN', 'The credential does not exist any more')
    try {
      const content = await vault.open({ organizationId, credentialId: id, version: row.version }, row)
      const { data, allowedHosts } = await resolver.resolve(organizationId, type, content)
      return { credential: { id, type: row.type, data, allowedHosts }, secrets: secretsOf(type, data, Object.keys(content.secretReferences ?? {})) }
    } catch (error) {
      if (!(error instanceof SecretBoxError)) throw error
      if (error.fault === 'away') throw new NodeError('WC_CREDENTIAL_UNAVAILABLE', error.message, { retryable: true })
      log.error({ err: error, organizationId, credentialId: id, keyId: row.keyId }, 'A credential cannot be opened')
      throw new NodeError('WC_CREDENTIAL_UNREADABLE', `${error.message}. Enter it again.`)
    }
  }

  async function stored (organizationId: string, id: string): Promise<OpenCredential> {
    const key = keyOf(organizationId, id)
    const known = opened.get(key)
    if (known !== undefined) return known
    const before = changes
    const loaded = await load(organizationId, id)
    if (changes === before) opened.set(key, loaded)
    return loaded
  }

  /** A step gets the token, and not what it was fetched with. */
  async function withToken (organizationId: string, { credential, secrets }: OpenCredential, refused: number | undefined): Promise<OpenCredential> {
    const { value, version } = await tokens.get({ organizationId, credentialId: credential.id }, credential, refused)
    return { credential: { ...credential, data: { accessToken: value } }, secrets: [...secrets, value], tokenVersion: version }
  }

  return {
    async open (organizationId, id, refused) {
      const found = await stored(organizationId, id)
      return found.credential.type === 'oauth2' ? await withToken(organizationId, found, refused) : found
    },
    close: stopListening
  }
}

function keyOf (organizationId: string, id: string): string {
  return `${organizationId}:${id}`
}
