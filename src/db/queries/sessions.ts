import { and, desc, eq, gt, isNull, lt, sql, type SQL } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { customRoles, memberships, sessions } from '../schema/index.ts'
import { auditInsertForUser, type AuditEntry } from './audit-log.ts'

export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly refreshHash: Buffer
  readonly userAgent: string | null
  readonly ip: string | null
  readonly expiresAt: Date
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

/** To stand as a CTE beside others. */
export function sessionInsert (session: NewSession): SQL {
  return sql`insert into sessions (id, user_id, refresh_hash, user_agent, ip, expires_at)
    values (${session.id}, ${session.userId}, ${session.refreshHash}, ${session.userAgent}, ${session.ip}, ${session.expiresAt.toISOString()}) returning id`
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
}

/** The memberships of a session that is alive; undefined if it is not. */
export async function membershipsOfSession (
  db: Executor, sessionId: string, userId: string, now: Date
): Promise<MembershipOfSession[] | undefined> {
  const rows = await db.select({ organizationId: memberships.organizationId, role: memberships.role, permissions: customRoles.permissions })
    .from(sessions).leftJoin(memberships, eq(memberships.userId, sessions.userId))
    .leftJoin(customRoles, and(eq(customRoles.organizationId, memberships.organizationId), eq(customRoles.name, memberships.role)))
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, now)))
    .orderBy(memberships.organizationId)
  if (rows.length === 0) return undefined
  return rows.flatMap(({ organizationId, role, permissions }) => organizationId === null || role === null ? [] : [{ organizationId, role, permissions }])
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
): Promise<{ outcome: 'rotated' | 'revoked', userId: string } | undefined> {
  const now = rotation.now.toISOString()
  const owner = sql`(select user_id from sessions where id = ${rotation.sessionId})`
  const [row] = await db.execute<{ outcome: 'rotated' | 'revoked', user_id: string }>(sql`
    with rotated as (
      update sessions set refresh_hash = ${rotation.nextHash}, generation = generation + 1, last_used_at = ${now}, expires_at = ${rotation.expiresAt.toISOString()}
      where id = ${rotation.sessionId} and generation = ${rotation.generation} and refresh_hash = ${rotation.refreshHash}
        and revoked_at is null and expires_at > ${now} returning user_id
    ), revoked as (
      update sessions set revoked_at = ${now}
      where id = ${rotation.sessionId} and generation > ${rotation.generation} and revoked_at is null
        and last_used_at < ${now}::timestamptz - interval '${sql.raw(AT_ONCE)}' returning user_id
    ), audit as (${auditInsertForUser(owner, audit, 'revoked')})
    select 'rotated' as outcome, user_id from rotated union all select 'revoked', user_id from revoked`)
  return row === undefined ? undefined : { outcome: row.outcome, userId: row.user_id }
}

export async function revokeSession (db: Executor, userId: string, sessionId: string, audit: UserAudit): Promise<boolean> {
  const rows = await db.execute(sql`
    with changed as (
      update sessions set revoked_at = now() where id = ${sessionId} and user_id = ${userId} and revoked_at is null returning id
    ), audit as (${auditInsertForUser(userId, audit, 'changed')})
    select id from changed`)
  return rows.length > 0
}

export async function revokeOtherSessions (db: Executor, userId: string, keepSessionId: string, audit: UserAudit): Promise<void> {
  await db.execute(sql`
    with changed as (
      update sessions set revoked_at = now() where user_id = ${userId} and id <> ${keepSessionId} and revoked_at is null returning id
    ), audit as (${auditInsertForUser(userId, audit, 'changed')})
    select id from changed`)
}

export async function listSessions (db: Executor, userId: string, now: Date, limit: number, before?: string): Promise<SessionRow[]> {
  return await db.select({
    id: sessions.id, userAgent: sessions.userAgent, ip: sessions.ip, createdAt: sessions.createdAt, lastUsedAt: sessions.lastUsedAt, expiresAt: sessions.expiresAt
  }).from(sessions)
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, now), before === undefined ? undefined : lt(sessions.id, before)))
    .orderBy(desc(sessions.id)).limit(limit)
}
