import { sql, type SQL } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'
import { sessionInsert, type NewSession } from './sessions.ts'

/** A sign-in that a browser has begun. */
export interface Attempt {
  readonly stateHash: Buffer
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

/** A provider as it was read. */
export interface KnownProvider {
  readonly id: string
  readonly version: number
}

/** To stand as a CTE: a row only where the provider is as it was, and then it stays so until this is done. What it said then counts for nothing after a change. */
function unchanged (organizationId: string, { id, version }: KnownProvider): SQL {
  return sql`select id from sso_providers where organization_id = ${organizationId} and id = ${id} and version = ${version} and enabled for share`
}

/** False where the provider has changed. */
export async function insertAttempt (db: Executor, organizationId: string, provider: KnownProvider, { stateHash, cookieHash, salt, codeChallenge, returnTo }: Attempt, seconds: number): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with purged as (delete from sso_attempts where expires_at < now()), provider as (${unchanged(organizationId, provider)})
    insert into sso_attempts (state_hash, organization_id, provider_id, cookie_hash, salt, code_challenge, return_to, expires_at)
    select ${stateHash}::bytea, ${organizationId}::uuid, id, ${cookieHash}::bytea, ${salt}::bytea, ${codeChallenge}::text, ${returnTo}::text, now() + make_interval(secs => ${seconds}) from provider returning provider_id`)) !== undefined
}

/** Uses it up: of two who come with the same state, one gets it. Whoever has not its cookie finds nothing, and leaves it to who has. */
export async function takeAttempt (db: Executor, providerId: string, { stateHash, cookieHash }: Pick<Attempt, 'stateHash' | 'cookieHash'>): Promise<Pick<Attempt, 'salt' | 'codeChallenge' | 'returnTo'> | undefined> {
  return firstRow(await db.execute<Record<string, unknown> & Pick<Attempt, 'salt' | 'codeChallenge' | 'returnTo'>>(sql`
    delete from sso_attempts where state_hash = ${stateHash} and provider_id = ${providerId} and cookie_hash = ${cookieHash} and expires_at > now()
    returning salt, code_challenge as "codeChallenge", return_to as "returnTo"`))
}

/** False where the provider has changed. */
export async function insertCode (db: Executor, organizationId: string, provider: KnownProvider, code: { codeHash: Buffer, codeChallenge: string }, { issuer, subject, email, emailVerified, name }: Claims, seconds: number): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with purged as (delete from sso_codes where expires_at < now()), provider as (${unchanged(organizationId, provider)})
    insert into sso_codes (code_hash, organization_id, provider_id, issuer, subject, email, email_verified, name, code_challenge, expires_at)
    select ${code.codeHash}::bytea, ${organizationId}::uuid, id, ${issuer}::text, ${subject}::text, ${email}::text, ${emailVerified}::boolean, ${name}::text, ${code.codeChallenge}::text, now() + make_interval(secs => ${seconds}) from provider returning provider_id`)) !== undefined
}

export interface TakenCode extends Claims {
  readonly providerId: string
  readonly providerVersion: number
  readonly codeChallenge: string
}

/** Uses it up, also where the verifier was another one: whoever guesses has one guess. */
export async function takeCode (db: Executor, codeHash: Buffer): Promise<TakenCode | undefined> {
  return firstRow(await db.execute<TakenCode & Record<string, unknown>>(sql`
    delete from sso_codes c using sso_providers p where p.id = c.provider_id and c.code_hash = ${codeHash} and c.expires_at > now()
    returning p.id as "providerId", p.version as "providerVersion", c.issuer, c.subject, c.email, c.email_verified as "emailVerified", c.name, c.code_challenge as "codeChallenge"`))
}

export async function findIdentity (db: Executor, organizationId: string, providerId: string, { issuer, subject }: Claims): Promise<{ id: string, userId: string } | undefined> {
  return firstRow(await db.execute<{ id: string, userId: string }>(sql`
    select id, user_id as "userId" from sso_identities
    where organization_id = ${organizationId} and provider_id = ${providerId} and issuer = ${issuer} and subject = ${subject}`))
}

/** A session of somebody who is known; recorded in the provider's organization only, since it reaches no other. False where the provider has changed, or the person is known no more. */
export async function insertVouchedSession (db: Executor, organizationId: string, provider: KnownProvider, identityId: string, session: NewSession, email: string | null, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with provider as (${unchanged(organizationId, provider)}), used as (
      update sso_identities i set last_used_at = now(), email = coalesce(${email}::text, i.email) from provider where i.organization_id = ${organizationId} and i.provider_id = provider.id and i.id = ${identityId} returning i.id
    ), session as (${sessionInsert(session, 'used')}), audit as (${auditInsert(audit, 'session')})
    select id from used`)) !== undefined
}

export interface NewcomerIds {
  readonly userId: string
  readonly identityId: string
}

/**
 * An account of the organization's own, with its membership, identity and first session. False where a member has this address already:
 * an address proves nothing; or where the provider has changed.
 */
export async function insertNewcomer (
  db: Executor, organizationId: string, provider: KnownProvider, newcomer: NewcomerIds & { role: string, email: string, name: string }, claims: Claims, session: NewSession, audit: AuditEntry
): Promise<boolean> {
  const { userId, identityId, role, email, name } = newcomer
  return firstRow(await db.execute(sql`
    with provider as (${unchanged(organizationId, provider)}), account as (
      insert into users (id, email, name, password_hash, managed_by)
      select ${userId}::uuid, ${email}::text, ${name}::text, null, ${organizationId}::uuid from provider where not exists (${memberWith(organizationId, email)}) returning id
    ), membership as (
      insert into memberships (organization_id, user_id, role) select ${organizationId}::uuid, id, ${role}::text from account returning user_id
    ), identity as (${identityInsert(organizationId, identityId, claims, sql`select user_id from membership`)}),
    session as (${sessionInsert(session, 'account')}), audit as (${auditInsert(audit, 'account')})
    select id from account`)) !== undefined
}

/** Ties who somebody is at the provider to a member who has proved to be it. False where the person is no member, or the provider has changed; throws where somebody is tied to it. */
export async function linkIdentity (db: Executor, organizationId: string, userId: string, provider: KnownProvider, identityId: string, claims: Claims, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with provider as (${unchanged(organizationId, provider)}), identity as (${identityInsert(organizationId, identityId, claims, sql`select user_id from memberships m where m.organization_id = ${organizationId} and m.user_id = ${userId}`)}),
      audit as (${auditInsert(audit, 'identity')})
    select id from identity`)) !== undefined
}

/** Beside a CTE `provider`. */
function identityInsert (organizationId: string, identityId: string, { issuer, subject, email }: Claims, people: SQL): SQL {
  return sql`
    insert into sso_identities (id, organization_id, provider_id, user_id, issuer, subject, email)
    select ${identityId}::uuid, ${organizationId}::uuid, provider.id, person.user_id, ${issuer}::text, ${subject}::text, ${email}::text from provider, (${people}) person returning id`
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

/** Whatever a provider has said so far counts no more: sessions by it are over, and so are sign-ins that have begun. To be run after the change, in its transaction. */
export async function endSignInsOfProvider (db: Executor, organizationId: string, providerId: string): Promise<void> {
  await db.execute(sql`
    with codes as (delete from sso_codes where organization_id = ${organizationId} and provider_id = ${providerId}),
      attempts as (delete from sso_attempts where organization_id = ${organizationId} and provider_id = ${providerId})
    update sessions set revoked_at = now()
    where revoked_at is null and identity_id in (select id from sso_identities where organization_id = ${organizationId} and provider_id = ${providerId})`)
}
