import { sql } from 'drizzle-orm'
import type { SealedSecret } from '../../lib/secret-box.ts'
import type { Executor } from '../client.ts'
import { auditInsertForUser, type AuditEntry } from './audit-log.ts'

export interface TwoFactorRow extends SealedSecret {
  readonly confirmed: boolean
  readonly lastStep: number
  readonly locked: boolean
  readonly recoveryCodes: number
}

type UserAudit = Omit<AuditEntry, 'id' | 'organizationId'>

export async function findTwoFactor (db: Executor, userId: string, now: Date): Promise<TwoFactorRow | undefined> {
  const [row] = await db.execute<Record<string, unknown> & SealedSecret & { confirmed: boolean, lastStep: string, locked: boolean, recoveryCodes: string }>(sql`
    select t.secret, t.data_key as "dataKey", t.key_id as "keyId", t.confirmed_at is not null as confirmed, t.last_step as "lastStep",
      coalesce(t.locked_until > ${now.toISOString()}, false) as locked,
      (select count(*) from recovery_codes r where r.user_id = t.user_id and r.used_at is null) as "recoveryCodes"
    from two_factor t where t.user_id = ${userId}`)
  return row === undefined ? undefined : { ...row, lastStep: Number(row.lastStep), recoveryCodes: Number(row.recoveryCodes) }
}

/** Takes the place of one that was never confirmed. False where one is in force. */
export async function beginTwoFactor (db: Executor, userId: string, { secret, dataKey, keyId }: SealedSecret): Promise<boolean> {
  const rows = await db.execute(sql`
    insert into two_factor (user_id, secret, data_key, key_id) values (${userId}, ${secret}, ${dataKey}, ${keyId})
    on conflict (user_id) do update set secret = excluded.secret, data_key = excluded.data_key, key_id = excluded.key_id, last_step = 0, failures = 0
      where two_factor.confirmed_at is null
    returning user_id`)
  return rows.length > 0
}

/** From now on in force, with these codes to recover with. */
export async function confirmTwoFactor (db: Executor, userId: string, step: number, codeHashes: readonly Buffer[], audit: UserAudit): Promise<boolean> {
  const hashes = codeHashes.map(hash => hash.toString('hex')).join('\n')
  const rows = await db.execute(sql`
    with changed as (
      update two_factor set confirmed_at = now(), last_step = ${step}, failures = 0 where user_id = ${userId} and confirmed_at is null returning user_id
    ), codes as (
      insert into recovery_codes (user_id, code_hash) select user_id, decode(hash, 'hex') from changed, unnest(string_to_array(${hashes}, E'\n')) as hash
    ), audit as (${auditInsertForUser(userId, audit, 'changed')})
    select user_id from changed`)
  return rows.length > 0
}

/** Takes the code of a period, once. */
export async function takeStep (db: Executor, userId: string, step: number): Promise<boolean> {
  return (await db.execute(sql`
    update two_factor set last_step = ${step}, failures = 0, locked_until = null where user_id = ${userId} and confirmed_at is not null and last_step < ${step} returning user_id`)).length > 0
}

/** Takes a recovery code, once. */
export async function takeRecoveryCode (db: Executor, userId: string, codeHash: Buffer, audit: UserAudit): Promise<boolean> {
  return (await db.execute(sql`
    with changed as (
      update recovery_codes set used_at = now() where user_id = ${userId} and code_hash = ${codeHash} and used_at is null returning user_id
    ), calm as (
      update two_factor t set failures = 0, locked_until = null from changed where t.user_id = changed.user_id
    ), audit as (${auditInsertForUser(userId, audit, 'changed')})
    select user_id from changed`)).length > 0
}

/** After so many wrong codes in a row none is looked at for a while: six digits are not many. */
export async function countWrongCode (db: Executor, userId: string, most: number, until: Date): Promise<void> {
  await db.execute(sql`
    update two_factor set failures = case when failures + 1 >= ${most} then 0 else failures + 1 end,
      locked_until = case when failures + 1 >= ${most} then ${until.toISOString()}::timestamptz else locked_until end
    where user_id = ${userId}`)
}

export async function deleteTwoFactor (db: Executor, userId: string, audit: UserAudit): Promise<boolean> {
  return (await db.execute(sql`
    with changed as (delete from two_factor where user_id = ${userId} returning user_id), audit as (${auditInsertForUser(userId, audit, 'changed')})
    select user_id from changed`)).length > 0
}
