import { and, desc, eq, isNull, lt, or, sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { apiKeys, customRoles, memberships } from '../schema/index.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'

export interface ApiKeyRow {
  readonly id: string
  readonly name: string
  readonly createdBy: string | null
  /** Null: a key of before there were scopes. */
  readonly scopes: readonly string[] | null
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  /** Until when its last secret works beside the present one. */
  readonly previousUntil: Date | null
}

export interface NewApiKey extends Pick<ApiKeyRow, 'id' | 'name' | 'createdBy' | 'createdAt' | 'expiresAt'> {
  readonly secretHash: Buffer
  readonly scopes: readonly string[]
}

export interface ApiKeySecretRow extends Pick<ApiKeyRow, 'scopes' | 'lastUsedAt' | 'expiresAt' | 'previousUntil' | 'createdBy'> {
  readonly organizationId: string
  readonly secretHash: Buffer
  readonly previousHash: Buffer | null
  /** Of who made it; null where that is nobody, or nobody of the organization any more. */
  readonly creatorRole: string | null
  /** Of that role, where the organization defined it. */
  readonly creatorPermissions: readonly string[] | null
}

const columns = {
  id: apiKeys.id,
  name: apiKeys.name,
  createdBy: apiKeys.createdBy,
  scopes: apiKeys.scopes,
  createdAt: apiKeys.createdAt,
  lastUsedAt: apiKeys.lastUsedAt,
  expiresAt: apiKeys.expiresAt,
  previousUntil: apiKeys.previousUntil
}

/** By its id alone: the organization is what the key tells. */
export async function findApiKeySecret (db: Executor, keyId: string): Promise<ApiKeySecretRow | undefined> {
  const { organizationId, secretHash, previousHash, scopes, lastUsedAt, expiresAt, previousUntil, createdBy } = apiKeys
  const [row] = await db.select({ organizationId, secretHash, previousHash, scopes, lastUsedAt, expiresAt, previousUntil, createdBy, creatorRole: memberships.role, creatorPermissions: customRoles.permissions })
    .from(apiKeys)
    .leftJoin(memberships, and(eq(memberships.organizationId, apiKeys.organizationId), eq(memberships.userId, apiKeys.createdBy)))
    .leftJoin(customRoles, and(eq(customRoles.organizationId, memberships.organizationId), eq(customRoles.name, memberships.role)))
    .where(and(eq(apiKeys.id, keyId), isNull(apiKeys.revokedAt)))
  return row
}

/** Writes only if the last use was before `unless`: many processes use one key at once. */
export async function touchApiKey (db: Executor, keyId: string, now: Date, unless: Date): Promise<void> {
  await db.update(apiKeys).set({ lastUsedAt: now })
    .where(and(eq(apiKeys.id, keyId), or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, unless))))
}

export async function insertApiKey (db: Executor, organizationId: string, key: NewApiKey, audit: AuditEntry): Promise<void> {
  await db.execute(sql`
    with created as (
      insert into api_keys (id, organization_id, name, secret_hash, created_by, scopes, created_at, expires_at)
      values (${key.id}, ${organizationId}, ${key.name}, ${key.secretHash}, ${key.createdBy}, string_to_array(${key.scopes.join('\n')}, E'\n'), ${key.createdAt.toISOString()}, ${key.expiresAt?.toISOString() ?? null}) returning id
    ), audit as (${auditInsert(audit, 'created')})
    select id from created`)
}

export async function findApiKey (db: Executor, organizationId: string, keyId: string): Promise<ApiKeyRow | undefined> {
  const [row] = await db.select(columns).from(apiKeys).where(and(eq(apiKeys.organizationId, organizationId), eq(apiKeys.id, keyId), isNull(apiKeys.revokedAt)))
  return row
}

export async function listApiKeys (db: Executor, organizationId: string, limit: number, before?: string): Promise<ApiKeyRow[]> {
  return await db.select(columns).from(apiKeys)
    .where(and(eq(apiKeys.organizationId, organizationId), isNull(apiKeys.revokedAt), before === undefined ? undefined : lt(apiKeys.id, before)))
    .orderBy(desc(apiKeys.id)).limit(limit)
}

/** Gives a live key another secret; the present one works until `overlapUntil`. */
export async function rotateApiKey (
  db: Executor, organizationId: string, keyId: string, { secretHash, overlapUntil }: { secretHash: Buffer, overlapUntil: Date }, audit: AuditEntry
): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      update api_keys set previous_hash = secret_hash, previous_until = ${overlapUntil.toISOString()}, secret_hash = ${secretHash}
      where id = ${keyId} and organization_id = ${organizationId} and revoked_at is null returning id
    ), audit as (${auditInsert(audit, 'changed')})
    select id from changed`)
  return rows.length > 0
}

export async function revokeApiKey (db: Executor, organizationId: string, keyId: string, audit: AuditEntry): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      update api_keys set revoked_at = now() where id = ${keyId} and organization_id = ${organizationId} and revoked_at is null returning id
    ), audit as (${auditInsert(audit, 'changed')})
    select id from changed`)
  return rows.length > 0
}
