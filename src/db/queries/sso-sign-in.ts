import { sql, type SQL } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'
import { sessionInsert, type NewSession } from './sessions.ts'

/** A sign-in that a browser has begun. */
export interface Attempt {
  readonly stateHash: Buffer
  readonly providerId: string
  readonly cookieHash: Buffer
  readonly salt: Buffer
  readonly codeChallenge: string
  readonly returnTo: string | null
}

/** Who a provider says that somebody is. */
export interface Claims {
  readonly issuer: string
  readonly subject: string
  readonly email: string | null
  readonly emailVerified: boolean
  readonly name: string | null
}

export async function insertAttempt (db: Executor, organizationId: string, { stateHash, providerId, cookieHash, salt, codeChallenge, returnTo }: Attempt, seconds: number): Promise<void> {
  await db.execute(sql`
    with purged as (delete from sso_attempts where expires_at < now())
    insert into sso_attempts (state_hash, organization_id, provider_id, cookie_hash, salt, code_challenge, return_to, expires_at)
    values (${stateHash}, ${organizationId}, ${providerId}, ${cookieHash}, ${salt}, ${codeChallenge}, ${returnTo}, now() + make_interval(secs => ${seconds}))`)
}

/** Uses it up: of two who come with the same state, one gets it. Whoever has not its cookie finds nothing, and leaves it to who has. */
export async function takeAttempt (db: Executor, { stateHash, providerId, cookieHash }: Pick<Attempt, 'stateHash' | 'providerId' | 'cookieHash'>): Promise<Pick<Attempt, 'salt' | 'codeChallenge' | 'returnTo'> | undefined> {
  return firstRow(await db.execute<Record<string, unknown> & Pick<Attempt, 'salt' | 'codeChallenge' | 'returnTo'>>(sql`
    delete from sso_attempts where state_hash = ${stateHash} and provider_id = ${providerId} and cookie_hash = ${cookieHash} and expires_at > now()
    returning salt, code_challenge as "codeChallenge", return_to as "returnTo"`))
}

export async function insertCode (db: Executor, organizationId: string, code: { codeHash: Buffer, providerId: string, codeChallenge: string }, { issuer, subject, email, emailVerified, name }: Claims, seconds: number): Promise<void> {
  await db.execute(sql`
    with purged as (delete from sso_codes where expires_at < now())
    insert into sso_codes (code_hash, organization_id, provider_id, issuer, subject, email, email_verified, name, code_challenge, expires_at)
    values (${code.codeHash}, ${organizationId}, ${code.providerId}, ${issuer}, ${subject}, ${email}, ${emailVerified}, ${name}, ${code.codeChallenge}, now() + make_interval(secs => ${seconds}))`)
}

/** Uses it up, also where the verifier was another one: whoever guesses has one guess. */
export async function takeCode (db: Executor, codeHash: Buffer): Promise<Claims & { providerId: string, codeChallenge: string } | undefined> {
  return firstRow(await db.execute<Claims & Record<string, unknown> & { providerId: string, codeChallenge: string }>(sql`
    delete from sso_codes where code_hash = ${codeHash} and expires_at > now()
    returning provider_id as "providerId", issuer, subject, email, email_verified as "emailVerified", name, code_challenge as "codeChallenge"`))
}

export async function findIdentity (db: Executor, organizationId: string, providerId: string, { issuer, subject }: Claims): Promise<{ id: string, userId: string } | undefined> {
  return firstRow(await db.execute<{ id: string, userId: string }>(sql`
    select id, user_id as "userId" from sso_identities
    where organization_id = ${organizationId} and provider_id = ${providerId} and issuer = ${issuer} and subject = ${subject}`))
}

/** A session of somebody who is known; recorded in the provider's organization only, since it reaches no other. */
export async function insertVouchedSession (db: Executor, organizationId: string, identityId: string, session: NewSession, email: string | null, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with used as (
      update sso_identities set last_used_at = now(), email = coalesce(${email}::text, email) where organization_id = ${organizationId} and id = ${identityId} returning id
    ), session as (${sessionInsert(session, 'used')}), audit as (${auditInsert(audit, 'session')})
    select id from used`)) !== undefined
}

export interface NewcomerIds {
  readonly userId: string
  readonly identityId: string
}

/**
 * An account of the organization's own, with its membership, identity and first session. False where a member has this address already:
 * an address proves nothing.
 */
export async function insertNewcomer (
  db: Executor, organizationId: string, newcomer: NewcomerIds & { providerId: string, role: string, email: string, name: string }, claims: Claims, session: NewSession, audit: AuditEntry
): Promise<boolean> {
  const { userId, identityId, providerId, role, email, name } = newcomer
  return firstRow(await db.execute(sql`
    with account as (
      insert into users (id, email, name, password_hash, managed_by)
      select ${userId}::uuid, ${email}::text, ${name}::text, null, ${organizationId}::uuid where not exists (${memberWith(organizationId, email)}) returning id
    ), membership as (
      insert into memberships (organization_id, user_id, role) select ${organizationId}::uuid, id, ${role}::text from account returning user_id
    ), identity as (${identityInsert(organizationId, { identityId, providerId }, claims, sql`select user_id from membership`)}),
    session as (${sessionInsert(session, 'account')}), audit as (${auditInsert(audit, 'account')})
    select id from account`)) !== undefined
}

/** Ties who somebody is at the provider to a member who has proved to be it. False where the person is no member; throws where somebody is tied to it. */
export async function linkIdentity (db: Executor, organizationId: string, userId: string, identity: { identityId: string, providerId: string }, claims: Claims, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with identity as (${identityInsert(organizationId, identity, claims, sql`select user_id from memberships m where m.organization_id = ${organizationId} and m.user_id = ${userId}`)}),
      audit as (${auditInsert(audit, 'identity')})
    select id from identity`)) !== undefined
}

function identityInsert (organizationId: string, { identityId, providerId }: { identityId: string, providerId: string }, { issuer, subject, email }: Claims, people: SQL): SQL {
  return sql`
    insert into sso_identities (id, organization_id, provider_id, user_id, issuer, subject, email)
    select ${identityId}::uuid, ${organizationId}::uuid, ${providerId}::uuid, person.user_id, ${issuer}::text, ${subject}::text, ${email}::text from (${people}) person returning id`
}

function memberWith (organizationId: string, email: string): SQL {
  return sql`select from memberships m join users u on u.id = m.user_id where m.organization_id = ${organizationId} and lower(u.email) = lower(${email})`
}

export interface IdentityRow {
  readonly id: string
  readonly organizationId: string
  readonly providerId: string
  readonly providerName: string
  readonly issuer: string
  readonly subject: string
  readonly email: string | null
  readonly createdAt: string
  readonly lastUsedAt: string | null
}

/** Newest first. */
export async function listIdentities (db: Executor, userId: string, limit: number, before?: string): Promise<IdentityRow[]> {
  return rowsOf(await db.execute<IdentityRow & Record<string, unknown>>(sql`
    select i.id, i.organization_id as "organizationId", i.provider_id as "providerId", p.name as "providerName", i.issuer, i.subject, i.email,
      ${instantText('i.created_at')} as "createdAt", ${instantText('i.last_used_at')} as "lastUsedAt"
    from sso_identities i join sso_providers p on p.id = i.provider_id
    where i.user_id = ${userId} ${before === undefined ? sql.empty() : sql`and i.id < ${before}`} order by i.id desc limit ${limit}`))
}

/** With the sessions that came by it. */
export async function deleteIdentity (db: Executor, userId: string, id: string, audit: Omit<AuditEntry, 'organizationId'>): Promise<boolean> {
  const [row] = await db.execute<{ organizationId: string }>(sql`select organization_id as "organizationId" from sso_identities where id = ${id} and user_id = ${userId}`)
  if (row === undefined) return false
  return firstRow(await db.execute(sql`
    with gone as (delete from sso_identities where id = ${id} and user_id = ${userId} returning id), audit as (${auditInsert({ ...audit, organizationId: row.organizationId }, 'gone')})
    select id from gone`)) !== undefined
}

/** Everybody who has come by a provider: their sessions are to be looked at anew. */
export async function peopleOfProvider (db: Executor, organizationId: string, providerId: string): Promise<string[]> {
  return rowsOf(await db.execute<{ userId: string }>(sql`
    select distinct user_id as "userId" from sso_identities where organization_id = ${organizationId} and provider_id = ${providerId}`)).map(({ userId }) => userId)
}
