import type { Drizzle, Executor, TenantDb } from '../../db/client.ts'
import * as queries from '../../db/queries/sso-providers.ts'
import type { ProviderRow, ProviderSettings, SealedProvider } from '../../db/queries/sso-providers.ts'
import { endSignInsOfProvider, peopleOfProvider } from '../../db/queries/sso-sign-in.ts'
import { addressProblem } from '../../engine/credentials/server-address.ts'
import type { InputError } from '../../lib/problem.ts'
import { open, seal, SecretBoxError, type Keyring, type SealedSecret } from '../../lib/secret-box.ts'
import { partsOf } from '../credentials/vault.ts'
import type { CustomRoles } from '../identity/custom-roles.ts'
import { refuseGreater } from '../identity/demand.ts'
import type { Permissions } from '../identity/permissions.ts'
import type { Sessions } from '../identity/sessions.ts'
import { Conflict, CredentialUnreadable, InvalidInput, NotFound, PreconditionFailed } from '../problems.ts'
import { auditEntry, type Caller } from '../workflows/dependencies.ts'
import { etagOf, requireMatch, type Precondition } from '../workflows/precondition.ts'
import { IssuerError, type Oidc, type OidcClient } from './oidc.ts'

export type NewProvider = Pick<ProviderSettings, 'name' | 'issuer' | 'clientId'> & Partial<ProviderSettings> & { readonly clientSecret: string }
export type ProviderChange = Partial<ProviderSettings> & { readonly clientSecret?: string }

export interface Provider extends ProviderRow {
  /** To be registered there. */
  readonly redirectUri: string
}

/** Who configures one: nobody gives newcomers a role that holds more than they do. */
export interface ProviderManager extends Caller {
  readonly permissions: Permissions
}

/** The identity providers of an organization. An issuer is asked before it is stored. */
export interface Providers {
  create (manager: ProviderManager, provider: NewProvider): Promise<Provider>
  list (db: TenantDb, limit: number, before?: string): Promise<Provider[]>
  get (db: TenantDb, id: string): Promise<Provider>
  change (manager: ProviderManager, id: string, change: ProviderChange, precondition?: Precondition): Promise<Provider>
  /** Asks the issuer as it is stored. Throws InvalidInput with what is wrong. */
  test (db: TenantDb, id: string): Promise<void>
  delete (manager: ProviderManager, id: string): Promise<void>
}

export interface ProviderDependencies {
  readonly db: Drizzle
  readonly keyring: Keyring
  readonly oidc: Oidc
  readonly nextId: () => string
  readonly address: string
  readonly sessions: Pick<Sessions, 'forget'>
  readonly roles: Pick<CustomRoles, 'permissionsOf'>
}

export const MAX_PROVIDERS = 20
const WHAT = 'identity provider with this id'
const DEFAULTS = { scopes: ['openid', 'email', 'profile'], allowedDomains: [], requireVerifiedEmail: true, createMembers: false, defaultRole: 'viewer', enabled: true }

export function createProviders (deps: ProviderDependencies): Providers {
  const { db: everywhere, keyring, oidc, nextId, sessions } = deps
  const viewOf = ({ keyId: _key, dataKey: _dataKey, secret: _secret, ...row }: SealedProvider): Provider => ({ ...row, redirectUri: redirectUriOf(deps.address, row.id) })

  async function find (db: TenantDb, id: string): Promise<SealedProvider> {
    const row = await db.run(async tx => await queries.findProvider(tx, db.organizationId, id))
    if (row === undefined) throw NotFound(WHAT)
    return row
  }

  /** Throws InvalidInput, or PermissionMissing. */
  async function judge ({ db, permissions }: ProviderManager, settings: ProviderSettings, client: OidcClient, ask: boolean): Promise<void> {
    const faults = faultsOf(settings)
    if (faults.length > 0) throw InvalidInput(faults)
    refuseGreater(permissions, await deps.roles.permissionsOf(db.organizationId, settings.defaultRole).catch(error => { throw atDefaultRole(error) }))
    if (ask) await examine(oidc, client)
  }

  async function forget (organizationId: string, people: readonly string[]): Promise<void> {
    if (people.length > 0) await sessions.forget(...people)
  }

  const audited = (caller: Caller, act: string, id: string, more: { before?: unknown, after?: unknown } = {}) =>
    auditEntry(deps, caller, { action: `ssoProvider.${act}`, targetType: 'ssoProvider', targetId: id, ...more })

  return {
    async create (manager, { clientSecret, ...given }) {
      const { db } = manager
      const settings = tidy({ ...DEFAULTS, ...given })
      const client = { issuer: settings.issuer, clientId: settings.clientId, clientSecret }
      await judge(manager, settings, client, true)
      const id = nextId()
      const sealed = await sealClient(keyring, { organizationId: db.organizationId, id, version: 1 }, client)
      const row = await db.run(async tx => await queries.insertProvider(tx, db.organizationId, id, settings, sealed, MAX_PROVIDERS, audited(manager, 'created', id, { after: settings })))
      if (row === undefined) throw Conflict(`An organization may have ${MAX_PROVIDERS} identity providers. Delete one that is not used.`)
      return viewOf(row)
    },
    list: async (db, limit, before) => (await db.run(async tx => await queries.listProviders(tx, db.organizationId, limit, before))).map(viewOf),
    get: async (db, id) => viewOf(await find(db, id)),
    async change (manager, id, { clientSecret, ...change }, precondition) {
      const { db } = manager
      const { organizationId } = db
      const known = await find(db, id)
      requireMatch(precondition, providerTag(known))
      const before = settingsOf(known)
      const after = tidy({ ...before, ...change })
      const moved = (['issuer', 'clientId'] as const).filter(name => after[name] !== before[name])
      if (clientSecret === undefined && moved.length > 0) throw InvalidInput([{ pointer: '/clientSecret', message: `is needed with another ${moved.join(' and ')}: the stored one is not sent elsewhere`, code: 'WC_REQUIRED' }])
      if (!after.enabled && before.enabled) await refuseLockout(manager, id)
      const client = { issuer: after.issuer, clientId: after.clientId, clientSecret: clientSecret ?? (await openClient(keyring, known)).clientSecret }
      await judge(manager, after, client, moved.length > 0 || (after.enabled && !before.enabled))
      const version = known.version + 1
      const sealed = await sealClient(keyring, { organizationId, id, version }, client)
      const audit = audited(manager, 'updated', id, { before, after: { ...after, ...(clientSecret === undefined ? {} : { clientSecret: 'changed' }) } })
      const store = async (tx: Executor): Promise<SealedProvider | undefined> => await queries.updateProvider(tx, organizationId, id, version, after, sealed, audit)
      const storeAnother = async (tx: Executor): Promise<SealedProvider | undefined> => {
        const changed = await store(tx)
        // In a statement of its own, which sees the sign-ins that the change had to wait for.
        if (changed !== undefined) await endSignInsOfProvider(tx, organizationId, id)
        return changed
      }
      const row = await (moved.length === 0 ? db.run(store) : everywhere.transaction(storeAnother))
      if (row === undefined) throw PreconditionFailed(providerTag(await find(db, id)))
      await forget(organizationId, await peopleOfProvider(everywhere, organizationId, id))
      return viewOf(row)
    },
    async test (db, id) {
      await examine(oidc, await openClient(keyring, await find(db, id)))
    },
    async delete (manager, id) {
      const { db } = manager
      const known = await find(db, id)
      if (known.enabled) await refuseLockout(manager, id)
      const people = await peopleOfProvider(everywhere, db.organizationId, id)
      const gone = await db.run(async tx => await queries.deleteProvider(tx, db.organizationId, id, audited(manager, 'deleted', id, { before: settingsOf(known) })))
      await forget(db.organizationId, people)
      if (!gone) throw NotFound(WHAT)
    }
  }
}

/** Of the last one that members can come in by, where they have to. */
async function refuseLockout ({ db }: Caller, id: string): Promise<void> {
  const needed = await db.run(async tx => await queries.ssoIsRequired(tx, db.organizationId) && !await queries.hasEnabledProvider(tx, db.organizationId, id))
  if (needed) throw Conflict('The members of the organization come in by this provider only. Set ssoRequired of the organization to false first.')
}

export function providerTag ({ version }: Pick<ProviderRow, 'version'>): string {
  return etagOf({ revision: String(version) })
}

/** An address for each provider: an answer that was meant for one is never taken to another (RFC 9700, section 4.4). */
export function redirectUriOf (address: string, providerId: string): string {
  return `${address}/v1/auth/sso/${providerId}/callback`
}

/** Throws CredentialUnreadable. */
export async function openClient (keyring: Keyring, provider: SealedProvider): Promise<OidcClient> {
  try {
    return JSON.parse((await open(keyring, provider, placeOf(provider))).toString()) as OidcClient
  } catch (error) {
    throw error instanceof SecretBoxError ? CredentialUnreadable(error.message) : error
  }
}

async function sealClient (keyring: Keyring, place: Pick<ProviderRow, 'organizationId' | 'id' | 'version'>, client: OidcClient): Promise<SealedSecret> {
  return await seal(keyring, Buffer.from(JSON.stringify(client)), placeOf(place))
}

function placeOf ({ organizationId, id, version }: Pick<ProviderRow, 'organizationId' | 'id' | 'version'>): readonly string[] {
  return partsOf('ssoClient', { organizationId, credentialId: id, version })
}

function settingsOf ({ name, issuer, clientId, scopes, allowedDomains, requireVerifiedEmail, createMembers, defaultRole, enabled }: ProviderSettings): ProviderSettings {
  return { name, issuer, clientId, scopes, allowedDomains, requireVerifiedEmail, createMembers, defaultRole, enabled }
}

function tidy (settings: ProviderSettings): ProviderSettings {
  return { ...settingsOf(settings), name: settings.name.trim(), scopes: [...new Set(settings.scopes)], allowedDomains: [...new Set(settings.allowedDomains.map(domain => domain.toLowerCase()))] }
}

function faultsOf ({ issuer, scopes, allowedDomains, createMembers, defaultRole }: ProviderSettings): InputError[] {
  const faults: InputError[] = []
  const address = issuerProblem(issuer)
  if (address !== null) faults.push({ pointer: '/issuer', message: address, code: 'WC_INVALID_FORMAT' })
  if (!scopes.includes('openid')) faults.push({ pointer: '/scopes', message: 'must hold openid: without it nobody is named', code: 'WC_INVALID_VALUE' })
  if (createMembers && allowedDomains.length === 0) faults.push({ pointer: '/allowedDomains', message: 'must name the domains whose people become members: an issuer may know the whole world', code: 'WC_REQUIRED' })
  if (defaultRole === 'owner') faults.push({ pointer: '/defaultRole', message: 'must not be owner: a provider does not decide who owns the organization', code: 'WC_INVALID_VALUE' })
  return faults
}

function issuerProblem (text: string): string | null {
  if (!URL.canParse(text)) return 'must be a URL such as https://login.example.com'
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:'
  if (url.search !== '' || url.pathname.includes('/.well-known/')) return 'must be the issuer itself, without a query and without /.well-known/'
  return addressProblem(url)
}

async function examine (oidc: Oidc, client: OidcClient): Promise<void> {
  try {
    await oidc.examine(client)
  } catch (error) {
    if (!(error instanceof IssuerError)) throw error
    throw InvalidInput([{ pointer: '/issuer', message: error.message, code: error.fault === 'away' ? 'WC_SSO_ISSUER_AWAY' : 'WC_SSO_ISSUER_UNFIT' }])
  }
}

/** The roles' own complaint, at the member that it is about here. */
function atDefaultRole (error: unknown): unknown {
  const errors = (error as { errors?: readonly InputError[] }).errors
  return errors === undefined ? error : InvalidInput(errors.map(one => ({ ...one, pointer: '/defaultRole' })))
}
