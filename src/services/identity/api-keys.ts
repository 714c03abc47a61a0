import type { Executor, TenantDb } from '../../db/client.ts'
import * as queries from '../../db/queries/api-keys.ts'
import type { ApiKeyRow, ApiKeySecretRow } from '../../db/queries/api-keys.ts'
import { createExpiringCache } from '../../lib/expiring-cache.ts'
import { by, type Origin } from '../audit.ts'
import { InvalidInput, NotFound } from '../problems.ts'
import type { IdentityDependencies } from './identity.ts'
import { intersection, isPermission, KEY_PERMISSIONS, permissionsOfRole, type Permission, type Permissions } from './permissions.ts'
import { apiKeyText, createSecret, parseApiKey, sameHash, sha256, type ApiKeyToken } from './tokens.ts'

export interface AuthenticatedKey {
  readonly keyId: string
  readonly organizationId: string
  readonly permissions: Permissions
  /** Who made it, or null. */
  readonly createdBy: string | null
}

export interface ApiKey extends Omit<ApiKeyRow, 'scopes'> {
  readonly scopes: Permission[]
}

export interface SecretApiKey extends ApiKey {
  /** Shown this once: only its hash is kept. */
  readonly secret: string
}

export interface NewKey {
  readonly name: string
  readonly expiresAt?: string
  /** What its maker may, unless given. */
  readonly scopes?: readonly Permission[]
}

export interface KeyMaker {
  readonly createdBy: string | null
  readonly permissions: Permissions
}

export interface ApiKeys {
  /** Undefined for anything that is not a live key. Up to 5 s old, so another process's revocation takes that long here. */
  authenticate (text: string): Promise<AuthenticatedKey | undefined>
  /** The same by its id, for what a key was good for and goes on. */
  read (keyId: string): Promise<AuthenticatedKey | undefined>
  create (db: TenantDb, input: NewKey, maker: KeyMaker, origin: Origin): Promise<SecretApiKey>
  list (db: TenantDb, limit: number, before?: string): Promise<ApiKey[]>
  get (db: TenantDb, keyId: string): Promise<ApiKey>
  /** Another secret for the key; the present one works for `overlap` milliseconds more. Nobody gets a key that may more than they do. */
  rotate (db: TenantDb, keyId: string, overlap: number, permissions: Permissions, origin: Origin): Promise<SecretApiKey>
  revoke (db: TenantDb, keyId: string, origin: Origin): Promise<void>
  /** For changes of who belongs to an organization: the next request reads its keys anew. */
  forget (organizationId: string): void
}

const CACHE_LIFETIME = 5000
const CACHE_SIZE = 10_000
const TOUCH_INTERVAL = 60_000

export function createApiKeys ({ db, clock, nextId, onBackgroundError }: IdentityDependencies): ApiKeys {
  const valid = createExpiringCache<AuthenticatedKey & { expiresAt: number }>(CACHE_LIFETIME, CACHE_SIZE, clock)

  async function lookUp ({ keyId, secretHash }: ApiKeyToken, executor: Executor): Promise<AuthenticatedKey & { expiresAt: number } | undefined> {
    const row = await queries.findApiKeySecret(executor, keyId)
    const expiresAt = row === undefined ? undefined : endOf(row, secretHash)
    if (row === undefined || expiresAt === undefined) return undefined
    const now = clock()
    if (row.lastUsedAt === null || row.lastUsedAt.getTime() < now - TOUCH_INTERVAL) {
      queries.touchApiKey(executor, keyId, new Date(now), new Date(now - TOUCH_INTERVAL)).catch(onBackgroundError)
    }
    return { keyId, organizationId: row.organizationId, permissions: permissionsOfKey(row), createdBy: row.createdBy, expiresAt }
  }

  async function get (tenant: TenantDb, keyId: string): Promise<ApiKey> {
    const row = await tenant.run(async tx => await queries.findApiKey(tx, tenant.organizationId, keyId))
    if (row === undefined) throw NotFound('API key with this id')
    return withScopes(row)
  }

  return {
    get,
    async authenticate (text) {
      const token = parseApiKey(text)
      if (token === null) return undefined
      // By hash: the cache must not hold what a heap dump could give away.
      const cacheKey = sha256(text).toString('base64')
      const known = valid.get(cacheKey) ?? await lookUp(token, db)
      if (known === undefined || known.expiresAt <= clock()) return undefined
      if (valid.get(cacheKey) === undefined) valid.set(cacheKey, known)
      return known
    },
    async read (keyId) {
      const known = valid.get(keyId)
      if (known !== undefined) return known.expiresAt > clock() ? known : undefined
      const row = await queries.findApiKeySecret(db, keyId)
      const expiresAt = row?.expiresAt?.getTime() ?? Infinity
      if (row === undefined || expiresAt <= clock()) return undefined
      const { organizationId, createdBy } = row
      const read = { keyId, organizationId, permissions: permissionsOfKey(row), createdBy, expiresAt }
      valid.set(keyId, read)
      return read
    },
    async create (tenant, { name, expiresAt, scopes: wanted }, { createdBy, permissions }, origin) {
      const now = clock()
      if (expiresAt !== undefined && Date.parse(expiresAt) <= now) {
        throw InvalidInput([{ pointer: '/expiresAt', message: 'must be in the future', code: 'WC_OUT_OF_RANGE' }])
      }
      const scopes = [...wanted ?? intersection(permissions, KEY_PERMISSIONS)]
      refuseExcess(scopes, permissions)
      const { secret, secretHash } = createSecret()
      const id = nextId()
      const key = { id, name: name.trim(), createdBy, scopes, createdAt: new Date(now), expiresAt: expiresAt === undefined ? null : new Date(expiresAt) }
      await tenant.run(async tx => await queries.insertApiKey(tx, tenant.organizationId, { ...key, secretHash }, {
        id: nextId(), organizationId: tenant.organizationId, ...by(origin), action: 'apiKey.created', targetType: 'apiKey', targetId: id, after: { name: key.name, scopes, expiresAt: expiresAt ?? null }
      }))
      return { ...key, lastUsedAt: null, previousUntil: null, secret: apiKeyText(id, secret) }
    },
    async list (tenant, limit, before) {
      return (await tenant.run(async tx => await queries.listApiKeys(tx, tenant.organizationId, limit, before))).map(withScopes)
    },
    async rotate (tenant, keyId, overlap, permissions, origin) {
      const { organizationId } = tenant
      const key = await get(tenant, keyId)
      refuseExcess(key.scopes, permissions)
      const { secret, secretHash } = createSecret()
      const overlapUntil = new Date(clock() + overlap)
      const rotated = await tenant.run(async tx => await queries.rotateApiKey(tx, organizationId, keyId, { secretHash, overlapUntil },
        { id: nextId(), organizationId, ...by(origin), action: 'apiKey.rotated', targetType: 'apiKey', targetId: keyId, after: { previousUntil: overlapUntil.toISOString() } }))
      valid.deleteWhere(known => known.keyId === keyId)
      if (!rotated) throw NotFound('API key with this id')
      return { ...key, previousUntil: overlapUntil, secret: apiKeyText(keyId, secret) }
    },
    async revoke (tenant, keyId, origin) {
      const { organizationId } = tenant
      const revoked = await tenant.run(async tx => await queries.revokeApiKey(tx, organizationId, keyId,
        { id: nextId(), organizationId, ...by(origin), action: 'apiKey.revoked', targetType: 'apiKey', targetId: keyId }))
      valid.deleteWhere(known => known.keyId === keyId)
      if (!revoked) throw NotFound('API key with this id')
    },
    forget (organizationId) { valid.deleteWhere(known => known.organizationId === organizationId) }
  }
}

/** Until when this secret opens, milliseconds; undefined where it is not the key's. */
function endOf (row: ApiKeySecretRow, secretHash: Buffer): number | undefined {
  const expiresAt = row.expiresAt?.getTime() ?? Infinity
  if (sameHash(row.secretHash, secretHash)) return expiresAt
  if (row.previousHash === null || row.previousUntil === null || !sameHash(row.previousHash, secretHash)) return undefined
  return Math.min(expiresAt, row.previousUntil.getTime())
}

/** A key may what it was given, as far as its maker still may. */
function permissionsOfKey ({ scopes, createdBy, creatorRole, creatorPermissions }: ApiKeySecretRow): Permissions {
  const given = scopesOf(scopes)
  if (createdBy === null) return new Set(given)
  return creatorRole === null ? new Set() : intersection(given, permissionsOfRole(creatorRole, creatorPermissions))
}

function scopesOf (stored: readonly string[] | null): Permission[] {
  return stored === null ? [...KEY_PERMISSIONS] : stored.filter(isPermission)
}

function withScopes (row: ApiKeyRow): ApiKey {
  return { ...row, scopes: scopesOf(row.scopes) }
}

function refuseExcess (scopes: readonly Permission[], permissions: Permissions): void {
  const excess = scopes.flatMap((scope, index) => KEY_PERMISSIONS.has(scope) && permissions.has(scope)
    ? []
    : [{ pointer: `/scopes/${index}`, message: `must be a permission that you hold and that keys can have: ${scope} is not`, code: 'WC_SCOPE_TOO_LARGE' }])
  if (excess.length > 0) throw InvalidInput(excess)
}
