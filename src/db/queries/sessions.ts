import { and, desc, eq, gt, isNull, lt, or, sql, type SQL } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { customRoles, memberships, organizations, sessions, ssoIdentities } from '../schema/index.ts'
import { auditInsertForUser, type AuditEntry } from './audit-log.ts'

export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly refreshHash: Buffer
  readonly userAgent: string | null
  readonly ip: string | null
  readonly expiresAt: Date
  /** Where the provider of an organization vouched for it: then it reaches that organization only. */
  readonly identityId: string | null
  /** When it ends however much it is used; null: never. */
  readonly endsAt: Date | null
}

export interface SessionRow {
  readonly id: string
  readonly userAgent: string | null
  readonly ip: string | null
  readonly createdAt: Date
  readonly lastUsedAt: Date
  readonly expiresAt: Date
}

type UserAudit = Omit<AuditEntry, 'id' | 'organizationId'>

/** To stand as a CTE beside others; with `source`, the name of one of them, only where that has a row. */
export function sessionInsert ({ id, userId, refreshHash, userAgent, ip, expiresAt, identityId, endsAt }: NewSession, source?: string): SQL {
  return sql`insert into sessions (id, user_id, refresh_hash, user_agent, ip, expires_at, identity_id, ends_at)
    select ${id}::uuid, ${userId}::uuid, ${refreshHash}::bytea, ${userAgent}::text, ${ip}::text, ${expiresAt.toISOString()}::timestamptz, ${identityId}::uuid, ${endsAt?.toISOString() ?? null}::timestamptz
    ${source === undefined ? sql.empty() : sql`from ${sql.identifier(source)}`} returning id`
}

export async function insertSession (db: Executor, session: NewSession, audit: UserAudit): Promise<void> {
  await db.execute(sql`
    with session as (${sessionInsert(session)}), audit as (${auditInsertForUser(session.userId, audit, 'session')})
    select id from session`)
}

export interface MembershipOfSession {
  readonly organizationId: string
  readonly role: string
  /** Of a role that the organization defined; null for the built-in ones. */
  readonly permissions: readonly string[] | null
  /** The organization lets its members in by its identity provider only, and this session did not come by one. */
  readonly ssoRequired: boolean
}

export interface SessionReach {
  /** The one that it ends at; null for a session of the person's own. */
  readonly organizationId: string | null
  readonly memberships: readonly MembershipOfSession[]
}

/** Where a session that is alive may go; undefined if it is not. One that a provider vouched for goes to that provider's organization. */
export async function reachOfSession (
  db: Executor, sessionId: string, userId: string, now: Date
): Promise<SessionReach | undefined> {
  const rows = await db.select({
    scope: ssoIdentities.organizationId, organizationId: memberships.organizationId, role: memberships.role, permissions: customRoles.permissions,
    ssoRequired: sql<boolean>`coalesce(${organizations.ssoRequired} and ${memberships.role} <> 'owner' and ${sessions.identityId} is null, false)`
  })
    .from(sessions)
    .leftJoin(ssoIdentities, eq(ssoIdentities.id, sessions.identityId))
    .leftJoin(memberships, and(eq(memberships.userId, sessions.userId), or(isNull(sessions.identityId), eq(memberships.organizationId, ssoIdentities.organizationId))))
    .leftJoin(organizations, eq(organizations.id, memberships.organizationId))
    .leftJoin(customRoles, and(eq(customRoles.organizationId, memberships.organizationId), eq(customRoles.name, memberships.role)))
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, now),
      sql`(${sessions.identityId} is null or exists (select from sso_providers p where p.id = ${ssoIdentities.providerId} and p.enabled))`))
    .orderBy(memberships.organizationId)
  if (rows.length === 0) return undefined
  return {
    organizationId: rows[0]!.scope,
    memberships: rows.flatMap(({ scope: _scope, organizationId, role, ...rest }) => organizationId === null || role === null ? [] : [{ organizationId, role, ...rest }])
  }
}

export interface Rotation {
  readonly sessionId: string
  readonly generation: number
  readonly refreshHash: Buffer
  readonly nextHash: Buffer
  readonly now: Date
  readonly expiresAt: Date
}

/** An older token that comes this soon after the exchange was sent beside it. */
const AT_ONCE = '2 seconds'

/**
 * Exchanges the current refresh token for the next one. The use of an older generation ends the session: one of two holders stole it.
 * Two exchanges of the same token at once, of two tabs say: one wins, the other finds nothing, and the session lives.
 */
export async function rotateSession (
  db: Executor, rotation: Rotation, audit: UserAudit
): Promise<{ outcome: 'rotated' | 'revoked', userId: string, organizationId: string | null } | undefined> {
  const now = rotation.now.toISOString()
  const owner = sql`(select user_id from sessions where id = ${rotation.sessionId})`
  const [row] = await db.execute<{ outcome: 'rotated' | 'revoked', user_id: string, organization_id: string | null }>(sql`
    with rotated as (
      update sessions set refresh_hash = ${rotation.nextHash}, generation = generation + 1, last_used_at = ${now}, expires_at = least(${rotation.expiresAt.toISOString()}::timestamptz, ends_at)
      where id = ${rotation.sessionId} and generation = ${rotation.generation} and refresh_hash = ${rotation.refreshHash}
        and revoked_at is null and expires_at > ${now}
        and (identity_id is null or exists (select from sso_identities i join sso_providers p on p.id = i.provider_id where i.id = identity_id and p.enabled)) returning user_id, identity_id
    ), revoked as (
      update sessions set revoked_at = ${now}
      where id = ${rotation.sessionId} and generation > ${rotation.generation} and revoked_at is null
        and last_used_at < ${now}::timestamptz - interval '${sql.raw(AT_ONCE)}' returning user_id, identity_id
    ), audit as (${auditInsertForUser(owner, audit, 'revoked')})
    select x.outcome, x.user_id, i.organization_id from (select 'rotated' as outcome, r.* from rotated r union all select 'revoked', v.* from revoked v) x
      left join sso_identities i on i.id = x.identity_id`)
  return row === undefined ? undefined : { outcome: row.outcome, userId: row.user_id, organizationId: row.organization_id }
}

/** Of a session that reaches one organization, those that do, too: it says nothing of the person's own ones, and does nothing to them. */
function within (reach: string | null): SQL {
  return reach === null ? sql`true` : sql`identity_id in (select i.id from sso_identities i where i.organization_id = ${reach})`
}

/** @param reach the one organization that whoever asks reaches; null: all that is the person's */
export async function revokeSession (db: Executor, userId: string, sessionId: string, reach: string | null, audit: UserAudit): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      update sessions set revoked_at = now() where id = ${sessionId} and user_id = ${userId} and revoked_at is null and ${within(reach)} returning id
    ), audit as (${auditInsertForUser(userId, audit, 'changed')})
    select id from changed`)
  return rows.length > 0
}

export async function revokeOtherSessions (db: Executor, userId: string, keepSessionId: string, reach: string | null, audit: UserAudit): Promise<void> {
  await db.execute(sql`
    with changed as (
      update sessions set revoked_at = now() where user_id = ${userId} and id <> ${keepSessionId} and revoked_at is null and ${within(reach)} returning id
    ), audit as (${auditInsertForUser(userId, audit, 'changed')})
    select id from changed`)
}

export async function listSessions (db: Executor, userId: string, reach: string | null, now: Date, limit: number, before?: string): Promise<SessionRow[]> {
  return await db.select({
    id: sessions.id, userAgent: sessions.userAgent, ip: sessions.ip, createdAt: sessions.createdAt, lastUsedAt: sessions.lastUsedAt, expiresAt: sessions.expiresAt
  }).from(sessions)
    .where(and(eq(sessions.userId, userId), within(reach), isNull(sessions.revokedAt), gt(sessions.expiresAt, now), before === undefined ? undefined : lt(sessions.id, before)))
    .orderBy(desc(sessions.id)).limit(limit)
}
