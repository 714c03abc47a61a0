import type { Database } from '../../db/client.ts'
import { auditInsert } from '../../db/queries/audit-log.ts'
import { loadSealedCredential } from '../../db/queries/credentials.ts'
import { insertAuthorization, takeAuthorization } from '../../db/queries/oauth2.ts'
import { credentialTypes } from '../../engine/credentials/index.ts'
import { NodeError } from '../../engine/node-error.ts'
import type { Fetch } from '../../lib/guarded-fetch/index.ts'
import { by, type Origin } from '../audit.ts'
import { cookieName, derivedFrom, FLOW_SECONDS, hashOf, newSalt, secretText, stateIn, type FlowCookie } from '../browser-flow.ts'
import type { CredentialService } from '../credentials/index.ts'
import { vaultProblem } from '../credentials/vault-problem.ts'
import type { SecretResolver } from '../credentials/resolve-secrets.ts'
import type { SealedContent, Vault } from '../credentials/vault.ts'
import { NotFound } from '../problems.ts'
import type { Caller } from '../workflows/dependencies.ts'
import { createOauth2Client } from './client.ts'
import { CodeRefused, ConsentDenied, IssuerMismatch, NotAuthorizable, StateUnknown, TokenEndpointFailed } from './problems.ts'
import type { CredentialKey, TokenSource } from './tokens.ts'

export interface Begun {
  /** Where to send the browser. */
  readonly url: string
  readonly expiresAt: number
  readonly cookie: FlowCookie
}

/** Who brings an answer back: the session or API key that the request carries, or else a browser with its cookies. */
export interface Bearer {
  readonly holderId: string | null
  cookie (name: string): string | undefined
}

export interface Authorizations {
  /** @param holderId the session or the API key of the caller, who alone may finish it */
  begin (caller: Caller, credentialId: string, holderId: string): Promise<Begun>
  /** Trades what a browser came back with for tokens. Throws the problems of this directory; the state is used up by then. */
  finish (callback: URLSearchParams, bearer: Bearer, origin: Pick<Origin, 'ip' | 'requestId'>): Promise<CredentialKey>
}

export interface AuthorizationDependencies {
  readonly database: Pick<Database, 'service' | 'tenant'>
  readonly credentials: Pick<CredentialService, 'open'>
  readonly vault: Vault
  readonly secrets: SecretResolver
  readonly tokens: TokenSource
  readonly fetch: Fetch
  readonly nextId: () => string
  /** Where clients reach the service. */
  readonly baseUrl: string
  /** Called when a credential has other tokens than before. */
  readonly onChanged: (organizationId: string, credentialId: string) => void
}

const COOKIE = 'wc_oauth2'

/** Authorizations with consent: RFC 6749 section 4.1, with PKCE (RFC 7636), a state that is good once, and `iss` (RFC 9207). */
export function createAuthorizations (deps: AuthorizationDependencies): Authorizations {
  const { database, credentials, tokens, fetch, baseUrl, nextId } = deps
  const redirectUri = `${baseUrl}/v1/oauth2/callback`
  return {
    async begin (caller, credentialId, holderId) {
      const { organizationId } = caller.db
      const { actor } = caller.origin
      const { type, content } = await credentials.open(caller, credentialId)
      if (type !== 'oauth2' || content.data['grant'] !== 'authorizationCode') throw NotAuthorizable()
      const [state, cookie] = [secretText(), secretText()]
      const verifierSalt = newSalt()
      const url = createOauth2Client(content.data, fetch).authorizationUrl({ redirectUri, state, verifier: derivedFrom(state, verifierSalt, 'verifier') })
      const expiresAt = await insertAuthorization(database.service, organizationId, {
        stateHash: hashOf(state), credentialId, actorType: actor.type === 'apiKey' ? 'apiKey' : 'user', actorId: actor.id ?? holderId, holderId, cookieHash: hashOf(cookie), verifierSalt
      }, FLOW_SECONDS)
      return { url, expiresAt, cookie: { name: cookieName(COOKIE, state), value: cookie, seconds: FLOW_SECONDS } }
    },
    async finish (callback, bearer, origin) {
      const state = stateIn(callback)
      if (state === undefined) throw StateUnknown()
      const cookie = bearer.cookie(cookieName(COOKIE, state))
      const begun = await takeAuthorization(database.service, hashOf(state), { holderId: bearer.holderId, cookieHash: cookie === undefined ? null : hashOf(cookie) })
      if (begun === undefined) throw StateUnknown()
      const { organizationId, credentialId, actorType, actorId, verifierSalt } = begun
      const key = { organizationId, credentialId }
      const content = await load(deps, key)
      try {
        const client = createOauth2Client(content.data, fetch)
        await tokens.keep(key, content, await client.exchange(client.checkCallback(callback), redirectUri, derivedFrom(state, verifierSalt, 'verifier')))
      } catch (error) {
        throw toProblem(error)
      }
      const audit = { id: nextId(), organizationId, ...by({ ...origin, actor: { type: actorType, id: actorId } }), action: 'credential.connected', targetType: 'credential', targetId: credentialId }
      await database.tenant(organizationId).run(async tx => await tx.execute(auditInsert(audit)))
      deps.onChanged(organizationId, credentialId)
      return key
    }
  }
}

async function load ({ database, vault, secrets }: AuthorizationDependencies, { organizationId, credentialId }: CredentialKey): Promise<SealedContent> {
  const row = await loadSealedCredential(database.service, organizationId, credentialId)
  const type = row === undefined ? undefined : credentialTypes.get(row.type)
  if (row === undefined || type === undefined) throw NotFound('credential')
  try {
    return await secrets.resolve(organizationId, type, await vault.open({ organizationId, credentialId, version: row.version }, row))
  } catch (error) {
    throw vaultProblem(error)
  }
}

function toProblem (error: unknown): unknown {
  if (!(error instanceof NodeError)) return vaultProblem(error)
  const { code, message } = error
  switch (code) {
    case 'WC_OAUTH_ISSUER': return IssuerMismatch(message)
    case 'WC_OAUTH_DENIED': return ConsentDenied(message)
    case 'WC_OAUTH_REFUSED': return CodeRefused(message)
    default: return TokenEndpointFailed(message)
  }
}
