import { sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsertForUser, type AuditEntry } from './audit-log.ts'

export interface NewReset {
  readonly email: string
  readonly tokenHash: Buffer
  readonly now: Date
  readonly expiresAt: Date
  /** How many an account may ask for within an hour. */
  readonly hourly: number
}

/** The account's address as it was registered, where there is such an account and it did not ask too often: the same statement for all. */
export async function insertReset (db: Executor, { email, tokenHash, now, expiresAt, hourly }: NewReset): Promise<string | undefined> {
  const [row] = await db.execute<{ email: string }>(sql`
    with account as (select id, email from users where lower(email) = lower(${email}) and managed_by is null),
      created as (
        insert into password_resets (token_hash, user_id, created_at, expires_at)
        select ${tokenHash}::bytea, id, ${now.toISOString()}::timestamptz, ${expiresAt.toISOString()}::timestamptz from account
        where (select count(*) from password_resets r where r.user_id = account.id and r.created_at > ${now.toISOString()}::timestamptz - interval '1 hour') < ${hourly}
        returning user_id
      ), old as (delete from password_resets where expires_at < ${now.toISOString()}::timestamptz - interval '1 day')
    select account.email from account join created on created.user_id = account.id`)
  return row?.email
}

export async function findReset (db: Executor, tokenHash: Buffer, now: Date): Promise<{ userId: string, email: string, name: string } | undefined> {
  const [row] = await db.execute<{ userId: string, email: string, name: string }>(sql`
    select u.id as "userId", u.email, u.name from password_resets r join users u on u.id = r.user_id
    where r.token_hash = ${tokenHash} and r.used_at is null and r.expires_at > ${now.toISOString()}`)
  return row
}

/** Sets the password, uses up every token of the account, and ends all of its sessions. False where the token was used meanwhile. */
export async function resetPassword (
  db: Executor, userId: string, { tokenHash, passwordHash, now }: { tokenHash: Buffer, passwordHash: string, now: Date }, audit: Omit<AuditEntry, 'id' | 'organizationId'>
): Promise<boolean> {
  const at = now.toISOString()
  const rows = await db.execute(sql`
    with used as (
      update password_resets set used_at = ${at} where token_hash = ${tokenHash} and user_id = ${userId} and used_at is null and expires_at > ${at} returning user_id
    ), others as (
      update password_resets r set used_at = ${at} from used where r.user_id = used.user_id and r.token_hash <> ${tokenHash} and r.used_at is null
    ), changed as (
      update users u set password_hash = ${passwordHash}, updated_at = ${at} from used where u.id = used.user_id returning u.id
    ), ended as (
      update sessions s set revoked_at = ${at} from used where s.user_id = used.user_id and s.revoked_at is null
    ), audit as (${auditInsertForUser(userId, audit, 'changed')})
    select id from changed`)
  return rows.length > 0
}
