import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { claimTokens, findTokens, releaseTokens, saveTokens, type TokenRow } from '../../db/queries/oauth2.ts'
import { isNoWider } from '../../engine/credentials/allowed-hosts.ts'
import { NodeError } from '../../engine/node-error.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { createExpiringCache } from '../../lib/expiring-cache.ts'
import type { Fetch } from '../../lib/guarded-fetch/index.ts'
import type { Clock } from '../../lib/ids.ts'
import { SecretBoxError } from '../../lib/secret-box.ts'
import type { HintBus } from '../../queue/hint-bus.ts'
import type { SealedContent, SealedTokens, Vault } from '../credentials/vault.ts'
import { createOauth2Client, type Granted, type Oauth2Client } from './client.ts'

export interface CredentialKey {
  readonly organizationId: string
  readonly credentialId: string
}

export interface AccessToken {
  readonly value: string
  /** Rises with each token of the credential. */
  readonly version: number
}

/** The tokens of credentials of the type `oauth2`, kept fresh: of all processes one asks the server, the others wait for what it got. */
export interface TokenSource {
  /**
   * A token that is good for now; another one than that of version `refused`. Rejects with NodeError: WC_OAUTH_NOT_CONNECTED,
   * WC_OAUTH_REFUSED, WC_OAUTH_RESPONSE, WC_CREDENTIAL_UNREADABLE, WC_CREDENTIAL_UNAVAILABLE, and those of requests.
   */
  get (key: CredentialKey, content: SealedContent, refused?: number): Promise<AccessToken>
  /** The same; `proven` is whether the server has just been asked, which it is where nobody's consent is needed. */
  prove (key: CredentialKey, content: SealedContent): Promise<AccessToken & { readonly proven: boolean }>
  /** Keeps what an authorization ended in, in the place of all before. */
  keep (key: CredentialKey, content: SealedContent, granted: Granted): Promise<void>
  close (): void
}

export interface TokenDependencies {
  readonly sql: Sql
  readonly vault: Vault
  readonly fetch: Fetch
  readonly hints: HintBus
  readonly now: Clock
  readonly log: Logger
}

/** Milliseconds that a token stays in memory without another look at the database. */
const LIFETIME = 30_000
const CACHED = 1000
/** A token is replaced so long before its end, in seconds, or after four fifths of a short life. */
const MARGIN = 60
/** Longer than any exchange with a server: whoever held the claim that long is gone. */
const CLAIM_SECONDS = 40
const PATIENCE = 60_000
const POLL = 100
const SAVE_ATTEMPTS = 5

interface Held {
  readonly version: number
  readonly tokens: SealedTokens
  /** Milliseconds since the epoch; null for ever. */
  readonly goodUntil: number | null
}

export function createTokenSource ({ sql, vault, fetch, hints, now, log }: TokenDependencies): TokenSource {
  const known = createExpiringCache<Held>(LIFETIME, CACHED, now)
  const underWay = new Map<string, Promise<Held>>()
  const stopListening = hints.onControl(hint => {
    if (hint.type === 'credential') known.delete(keyOf(hint))
  })

  async function find (key: CredentialKey): Promise<{ row: TokenRow | undefined, held: Held | undefined }> {
    const row = await reading(findTokens(sql, key.organizationId, key.credentialId))
    if (row === undefined || row.sealed === null) return { row, held: undefined }
    const tokens = await opening(vault.openTokens({ ...key, version: row.version }, row.sealed))
    return { row, held: { version: row.version, tokens, goodUntil: row.expiresIn === null ? null : now() + row.expiresIn * 1000 } }
  }

  async function obtain (key: CredentialKey, content: SealedContent, refused: number): Promise<Held> {
    const client = createOauth2Client(content.data, fetch)
    for (const end = now() + PATIENCE; now() < end; await pause(POLL)) {
      const { row, held } = await find(key)
      const fitting = held !== undefined && fits(held, client, content) ? held : undefined
      if (fitting !== undefined && isGood(fitting, refused)) return fitting
      const ask = requestOf(client, fitting, row?.fault ?? null)
      const claim = { version: row?.version ?? 0, holder: randomUUID(), seconds: CLAIM_SECONDS }
      if (!await reading(claimTokens(sql, key.organizationId, key.credentialId, claim))) continue
      const granted = await ask().catch(async (error: unknown) => {
        await reading(releaseTokens(sql, key.organizationId, key.credentialId, claim.holder, faultOf(client, error)))
        throw error
      })
      // RFC 6749, section 6: without a new refresh token the old one stays good.
      const kept = { ...granted, refreshToken: granted.refreshToken ?? fitting?.tokens.refreshToken ?? null }
      const saved = await save(key, content, client, kept, claim.version + 1, claim.holder)
      if (saved !== undefined) return saved
    }
    throw new NodeError('WC_CREDENTIAL_UNAVAILABLE', 'Another process fetches a token for this credential and does not come back', { retryable: true })
  }

  /** What was granted is lost if it is not written: a server that rotates refresh tokens takes the old one no more. */
  async function save (key: CredentialKey, content: SealedContent, client: Oauth2Client, granted: Granted, version: number, holder: string | null): Promise<Held | undefined> {
    const { accessToken, refreshToken, scope } = granted
    const tokens: SealedTokens = { accessToken, refreshToken, scope, client: client.fingerprint, allowedHosts: content.allowedHosts }
    const expiresIn = granted.expiresIn === null ? null : Math.max(0, granted.expiresIn - Math.min(MARGIN, granted.expiresIn / 5))
    const sealed = await opening(vault.sealTokens({ ...key, version }, tokens))
    for (let attempt = 1; ; attempt++) {
      try {
        const saved = await reading(saveTokens(sql, key.organizationId, key.credentialId, { ...sealed, version, expiresIn }, holder))
        return saved ? { version, tokens, goodUntil: expiresIn === null ? null : now() + expiresIn * 1000 } : undefined
      } catch (error) {
        if (attempt === SAVE_ATTEMPTS) throw error
        await pause(POLL * 2 ** attempt)
      }
    }
  }

  async function reading<T> (query: Promise<T>): Promise<T> {
    return await withDeadline(QUERY_DEADLINE, query).catch((error: unknown) => {
      log.warn({ err: error }, 'The tokens of a credential could not be read or written')
      throw new NodeError('WC_CREDENTIAL_UNAVAILABLE', 'The credential could not be read for now', { retryable: true })
    })
  }

  async function get (key: CredentialKey, content: SealedContent, refused = -1): Promise<Held> {
    const name = keyOf(key)
    const client = createOauth2Client(content.data, fetch)
    const usable = (held: Held | undefined): held is Held => held !== undefined && fits(held, client, content) && isGood(held, refused)
    const held = known.get(name)
    if (usable(held)) return held
    // Whoever joins shares what becomes of it; a token is looked at again, since it may be the very one that was refused.
    for (let running = underWay.get(name); running !== undefined; running = underWay.get(name)) {
      const joined = await running
      if (usable(joined)) return joined
    }
    const flight = obtain(key, content, refused)
    underWay.set(name, flight)
    try {
      const fresh = await flight
      known.set(name, fresh)
      return fresh
    } finally {
      if (underWay.get(name) === flight) underWay.delete(name)
    }
  }

  function isGood ({ version, goodUntil }: Held, refused: number): boolean {
    return version > refused && (goodUntil === null || goodUntil > now())
  }

  return {
    get: async (key, content, refused) => tokenOf(await get(key, content, refused)),
    async prove (key, content) {
      const held = await get(key, content)
      const asks = content.data['grant'] === 'clientCredentials' || held.tokens.refreshToken !== null
      return asks ? { ...tokenOf(await get(key, content, held.version)), proven: true } : { ...tokenOf(held), proven: false }
    },
    async keep (key, content, granted) {
      const client = createOauth2Client(content.data, fetch)
      for (let saved: Held | undefined; saved === undefined;) {
        const row = await reading(findTokens(sql, key.organizationId, key.credentialId))
        saved = await save(key, content, client, granted, (row?.version ?? 0) + 1, null)
      }
      known.delete(keyOf(key))
    },
    close: stopListening
  }
}

function tokenOf ({ version, tokens }: Held): AccessToken {
  return { value: tokens.accessToken, version }
}

/** Whether what was granted is for this client still, and for no fewer hosts than the credential may go to now. */
function fits ({ tokens }: Held, client: Oauth2Client, { allowedHosts }: SealedContent): boolean {
  return tokens.client === client.fingerprint && isNoWider(allowedHosts, tokens.allowedHosts)
}

/** How to get the next token; throws where only somebody's consent helps. */
function requestOf (client: Oauth2Client, held: Held | undefined, fault: string | null): () => Promise<Granted> {
  if (client.grant === 'clientCredentials') return client.clientCredentials
  if (held === undefined) throw notConnected('The credential is not connected, or was changed after it had been')
  if (fault !== null) throw notConnected(fault)
  const { refreshToken } = held.tokens
  if (refreshToken === null) throw notConnected('The token has expired or was refused, and the server gave none to renew it with')
  return async () => await client.refresh(refreshToken)
}

function notConnected (why: string): NodeError {
  return new NodeError('WC_OAUTH_NOT_CONNECTED', `${why}. Connect it at the address that GET /v1/oauth2/authorize-url gives.`)
}

/** A refresh token that was refused will be refused again: nobody need ask. */
function faultOf (client: Oauth2Client, error: unknown): string | null {
  const final = client.grant === 'authorizationCode' && error instanceof NodeError && error.code === 'WC_OAUTH_REFUSED' && (error.detail.data as { error?: unknown } | undefined)?.error === 'invalid_grant'
  return final ? 'The authorization server takes the refresh token no more' : null
}

async function opening<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof SecretBoxError && error.fault === 'away') throw new NodeError('WC_CREDENTIAL_UNAVAILABLE', error.message, { retryable: true })
    if (error instanceof SecretBoxError) throw new NodeError('WC_CREDENTIAL_UNREADABLE', `${error.message}. Connect the credential again.`)
    throw error
  }
}

async function pause (milliseconds: number): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, milliseconds))
}

function keyOf ({ organizationId, credentialId }: CredentialKey): string {
  return `${organizationId}:${credentialId}`
}
