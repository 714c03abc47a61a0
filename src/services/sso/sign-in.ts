import { createHash } from 'node:crypto'
import type { Drizzle } from '../../db/client.ts'
import { violatedConstraint } from '../../db/errors.ts'
import { findOrganization } from '../../db/queries/organizations.ts'
import * as queries from '../../db/queries/sso-sign-in.ts'
import type { Claims } from '../../db/queries/sso-sign-in.ts'
import { findEnabledProvider, listProvidersOfSlug, type SealedProvider } from '../../db/queries/sso-providers.ts'
import { Problem } from '../../lib/problem.ts'
import type { Keyring } from '../../lib/secret-box.ts'
import { cookieName, derivedFrom, FLOW_SECONDS, hashOf, newSalt, secretText, stateIn, type FlowCookie } from '../browser-flow.ts'
import type { Client, Sessions, StartedSession, Vouched } from '../identity/sessions.ts'
import { ifMemberRoom } from '../quotas/member-room.ts'
import { readEnabled, refuseChanged } from './current-provider.ts'
import type { Oidc } from './oidc.ts'
import { AddressTaken, CodeUnknown, NotAdmitted, SignInUnknown } from './problems.ts'
import { openClient, redirectUriOf } from './providers.ts'
import { refuseReturnAddress } from './return-address.ts'

export interface Beginning {
  /** S256 of a verifier that only whoever redeems the code has. */
  readonly codeChallenge: string
  /** The page that gets the code; without one the answer holds it. */
  readonly returnTo?: string
}

/** What a browser that came back is told, or sent on with. */
export type Outcome = { readonly returnTo: string | null } & ({ readonly code: string, readonly seconds: number, readonly organizationName: string } | { readonly problem: Problem })

export interface SignIn {
  /** What a page for signing in shows. Empty for an organization that has none, or is none. */
  providers (slug: string): Promise<Array<{ id: string, name: string }>>
  /** `path`: where the browser brings the cookie back to, which is below the address of the service. */
  begin (providerId: string, beginning: Beginning): Promise<{ url: string, cookie: FlowCookie, path: string }>
  /** Throws SignInUnknown where the browser did not begin it; whatever fails after that is an outcome. */
  finish (providerId: string, callback: URLSearchParams, cookie: (name: string) => string | undefined): Promise<Outcome>
  /** Who has the code, once. Throws CodeUnknown, and NotAdmitted for whom the provider's settings do not let in. */
  redeem (code: string, codeVerifier: string): Promise<{ provider: SealedProvider, claims: Claims }>
  /** A session that reaches the provider's organization and nothing else. Who is new becomes a member, where that is wanted. */
  signIn (code: string, codeVerifier: string, client: Client): Promise<StartedSession>
}

export interface SignInDependencies {
  readonly db: Drizzle
  readonly keyring: Keyring
  readonly oidc: Oidc
  readonly nextId: () => string
  readonly address: string
  /** Origins of pages that may get a code. */
  readonly returnOrigins: readonly string[]
  readonly sessions: Pick<Sessions, 'draft' | 'forget'>
}

const CODE_SECONDS = 120
const COOKIE = 'wc_sso'
/** Then the provider is asked again whether the person is still somebody there. milliseconds */
const SESSION_LIFETIME = 86_400_000

export function createSignIn (deps: SignInDependencies): SignIn {
  const { db, keyring, oidc, address, nextId } = deps
  const vouched = (identityId: string, organizationId: string): Vouched => ({ identityId, organizationId, lifetime: SESSION_LIFETIME })

  async function redeem (code: string, codeVerifier: string): Promise<{ provider: SealedProvider, claims: Claims }> {
    const taken = await queries.takeCode(db, hashOf(code))
    const proven = createHash('sha256').update(codeVerifier).digest('base64url')
    const provider = taken?.codeChallenge === proven ? await findEnabledProvider(db, taken.providerId) : undefined
    if (taken === undefined || provider?.version !== taken.providerVersion) throw CodeUnknown()
    refuseStrangers(provider, taken)
    return { provider, claims: taken }
  }

  /** Null where nobody is known by these claims. */
  async function startKnown ({ id: providerId, organizationId, version }: Pick<SealedProvider, 'id' | 'organizationId' | 'version'>, claims: Claims, client: Client): Promise<StartedSession | null> {
    const identity = await queries.findIdentity(db, organizationId, providerId, claims)
    if (identity === undefined) return null
    const { row, started } = deps.sessions.draft(identity.userId, client, vouched(identity.id, organizationId))
    const audit = { ...auditOf(organizationId, identity.userId, client), action: 'session.created', targetType: 'session', targetId: row.id, after: { providerId } }
    return await queries.insertVouchedSession(db, organizationId, { id: providerId, version }, identity.id, row, claims.email, audit) ? started : null
  }

  async function startNew (provider: SealedProvider, claims: Claims, client: Client): Promise<StartedSession> {
    const { id: providerId, organizationId, createMembers, defaultRole: role } = provider
    if (!createMembers) throw NotAdmitted('Nobody is a member just by being known to the provider. Ask for an invitation, join with an account of your own, then link it: POST /v1/auth/me/identities.')
    const { email } = claims
    if (email === null) throw NotAdmitted('The provider did not say your email address, which every member has. An administrator can add the scope email.')
    const ids = { userId: nextId(), identityId: nextId() }
    const { row, started } = deps.sessions.draft(ids.userId, client, vouched(ids.identityId, organizationId))
    const audit = { ...auditOf(organizationId, ids.userId, client), action: 'member.joined', targetType: 'member', targetId: ids.userId, after: { providerId, email, role } }
    try {
      const newcomer = { ...ids, role, email, name: claims.name ?? email }
      if (await ifMemberRoom(db, organizationId, async () => await queries.insertNewcomer(db, organizationId, provider, newcomer, claims, row, audit))) return started
    } catch (error) {
      const constraint = violatedConstraint(error)
      if (constraint === 'memberships_role_fkey') throw NotAdmitted('The provider gives newcomers a role that is gone. An administrator must choose another one.')
      if (constraint !== 'users_managed_email_key' && constraint !== 'sso_identities_subject_key') throw error
    }
    // The same person in two windows: one was quicker.
    const known = await startKnown(provider, claims, client)
    if (known !== null) return known
    await refuseChanged(db, provider)
    throw AddressTaken()
  }

  function auditOf (organizationId: string, userId: string, { ip, requestId }: Client) {
    return { id: nextId(), organizationId, actorType: 'user' as const, actorId: userId, ip, requestId }
  }

  return {
    redeem,
    providers: async slug => await listProvidersOfSlug(db, slug),
    async begin (providerId, { codeChallenge, returnTo }) {
      if (returnTo !== undefined) refuseReturnAddress(returnTo, deps.returnOrigins)
      const provider = await readEnabled(db, providerId)
      const [state, cookie, salt] = [secretText(), secretText(), newSalt()]
      const url = await oidc.authorizationUrl(keyOf(provider), await openClient(keyring, provider), secretsOf(state, salt), redirectUriOf(address, providerId), provider.scopes)
      const attempt = { stateHash: hashOf(state), cookieHash: hashOf(cookie), salt, codeChallenge, returnTo: returnTo ?? null }
      if (!await queries.insertAttempt(db, provider.organizationId, provider, attempt, FLOW_SECONDS)) await refuseChanged(db, provider)
      return { url, cookie: { name: cookieName(COOKIE, state), value: cookie, seconds: FLOW_SECONDS }, path: new URL(redirectUriOf(address, providerId)).pathname }
    },
    async finish (providerId, callback, cookieOf) {
      const state = stateIn(callback)
      const cookie = state === undefined ? undefined : cookieOf(cookieName(COOKIE, state))
      if (state === undefined || cookie === undefined) throw SignInUnknown()
      const begun = await queries.takeAttempt(db, providerId, { stateHash: hashOf(state), cookieHash: hashOf(cookie) })
      if (begun === undefined) throw SignInUnknown()
      const { salt, codeChallenge, returnTo } = begun
      try {
        const provider = await readEnabled(db, providerId)
        const url = new URL(redirectUriOf(address, providerId))
        url.search = callback.toString()
        const claims = await oidc.claims(keyOf(provider), await openClient(keyring, provider), secretsOf(state, salt), url)
        const code = secretText()
        if (!await queries.insertCode(db, provider.organizationId, provider, { codeHash: hashOf(code), codeChallenge }, claims, CODE_SECONDS)) await refuseChanged(db, provider)
        const organization = await findOrganization(db, provider.organizationId)
        return { returnTo, code, seconds: CODE_SECONDS, organizationName: organization?.name ?? '' }
      } catch (error) {
        if (error instanceof Problem) return { returnTo, problem: error }
        throw error
      }
    },
    async signIn (code, codeVerifier, client) {
      const { provider, claims } = await redeem(code, codeVerifier)
      return await startKnown(provider, claims, client) ?? await startNew(provider, claims, client)
    }
  }
}

/** What an issuer said of itself counts for the settings that it was asked with. */
function keyOf ({ id, version }: SealedProvider): string {
  return `${id}:${version}`
}

function secretsOf (state: string, salt: Uint8Array) {
  return { state, nonce: derivedFrom(state, salt, 'nonce'), verifier: derivedFrom(state, salt, 'verifier') }
}

/** An address that the provider does not vouch for is only what somebody typed there. */
function refuseStrangers ({ allowedDomains, requireVerifiedEmail }: SealedProvider, { email, emailVerified }: Claims): void {
  if (allowedDomains.length === 0) return
  if (email === null || (requireVerifiedEmail && !emailVerified)) throw NotAdmitted('The provider does not vouch for your email address, and the organization lets certain domains in only.')
  if (!allowedDomains.includes(email.slice(email.lastIndexOf('@') + 1).toLowerCase())) throw NotAdmitted('The organization lets in addresses of certain domains only, and yours is of another one.')
}
