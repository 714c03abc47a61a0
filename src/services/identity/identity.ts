import type { Drizzle, Sql } from '../../db/client.ts'
import type { Origin } from '../audit.ts'
import type { Keyring } from '../../lib/secret-box.ts'
import type { Clock } from '../../lib/ids.ts'
import type { OwnedCache } from '../../lib/owned-cache.ts'
import { createAccounts, type Accounts } from './accounts.ts'
import { createApiKeys, type ApiKeys } from './api-keys.ts'
import { createCustomRoles, type CustomRoles } from './custom-roles.ts'
import { createGrants, type Grants } from './grants.ts'
import { createInvitations, type Invitations } from './invitations.ts'
import type { Mailer } from './mailer.ts'
import { createMembers, type Members } from './members.ts'
import { createOrganizations, type Organizations } from './organizations.ts'
import { createPasswordResets, type PasswordResets } from './password-resets.ts'
import { createPasswords, type Passwords } from './passwords.ts'
import type { Fetch } from '../../lib/guarded-fetch/index.ts'
import { createIdentities, type Identities } from '../sso/identities.ts'
import { createOidc } from '../sso/oidc.ts'
import { createProviders, type Providers } from '../sso/providers.ts'
import { createSignIn, type SignIn } from '../sso/sign-in.ts'
import { createTwoFactor, type TwoFactor } from './two-factor.ts'
import { createSessions, type LiveSession, type Sessions } from './sessions.ts'

export interface IdentityDependencies {
  readonly db: Drizzle
  /** Seals second factors. */
  readonly keyring: Keyring
  readonly service: Sql
  readonly clock: Clock
  readonly nextId: () => string
  readonly passwords: Passwords
  /** Null: no mail server is configured, and whoever invites passes the token on. */
  readonly mailer: Mailer | null
  /** Takes, without one, what only the person may have. */
  readonly fallbackMailer: Mailer
  /** Where clients reach the service. */
  readonly address: string
  /** To identity providers, through the guard of what goes out. */
  readonly fetch: Fetch
  /** Origins of pages that may get the code of a sign-in. */
  readonly returnOrigins: readonly string[]
  /** By session, of its person. */
  readonly liveSessions: OwnedCache<LiveSession>
  /** Milliseconds that a session lives without being used. */
  readonly refreshLifetime: number
  /** An organization is gone, and its audit log with it: somebody else has to remember. */
  readonly onDeleted: (organizationId: string, origin: Origin) => void
  /** Told of what fails beside a request and does no harm to it. */
  readonly onBackgroundError: (error: unknown) => void
}

export interface Identity {
  readonly accounts: Accounts
  readonly sessions: Sessions
  readonly organizations: Organizations
  readonly apiKeys: ApiKeys
  readonly members: Members
  readonly roles: CustomRoles
  readonly grants: Grants
  readonly invitations: Invitations
  readonly passwordResets: PasswordResets
  readonly twoFactor: TwoFactor
  readonly providers: Providers
  readonly signIn: SignIn
  readonly identities: Identities
}

/** Who may do what: people, their sessions and organizations, and API keys. */
export function createIdentity (options: Omit<IdentityDependencies, 'passwords'> & { readonly passwords?: Passwords }): Identity {
  const dependencies: IdentityDependencies = { ...options, passwords: options.passwords ?? createPasswords() }
  const sessions = createSessions(dependencies)
  const apiKeys = createApiKeys(dependencies)
  const twoFactor = createTwoFactor(dependencies)
  const roles = createCustomRoles(dependencies, sessions, apiKeys)
  const sso = { ...dependencies, oidc: createOidc(dependencies), sessions, roles }
  const signIn = createSignIn(sso)
  return {
    providers: createProviders(sso),
    signIn,
    identities: createIdentities(dependencies, signIn, sessions),
    accounts: createAccounts(dependencies, sessions, twoFactor),
    sessions,
    organizations: createOrganizations(dependencies, sessions, apiKeys),
    apiKeys,
    members: createMembers(dependencies, sessions, apiKeys, roles),
    roles,
    grants: createGrants(dependencies, sessions),
    invitations: createInvitations(dependencies, sessions, roles),
    twoFactor,
    passwordResets: createPasswordResets(dependencies, sessions)
  }
}
