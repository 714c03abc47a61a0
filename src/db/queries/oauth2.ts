import type { SealedSecret } from '../../lib/secret-box.ts'
import type { Sql } from '../client.ts'
import { firstRow } from './rows.ts'

export interface TokenRow {
  /** Rises with each token; 0 is before the first. */
  readonly version: number
  readonly sealed: SealedSecret | null
  /** Seconds from now; null where nothing is known of an end. */
  readonly expiresIn: number | null
  readonly fault: string | null
}

interface StoredTokens extends Record<string, unknown> {
  readonly version: number
  readonly keyId: string | null
  readonly dataKey: Buffer
  readonly secret: Buffer
  readonly expiresIn: number | null
  readonly fault: string | null
}

export async function findTokens (sql: Sql, organizationId: string, credentialId: string): Promise<TokenRow | undefined> {
  const row = firstRow(await sql<StoredTokens[]>`
    select version, key_id as "keyId", data_key as "dataKey", secret, fault, extract(epoch from expires_at - now())::float8 as "expiresIn"
    from credential_tokens where organization_id = ${organizationId} and credential_id = ${credentialId}`)
  if (row === undefined) return undefined
  const { version, keyId, dataKey, secret, expiresIn, fault } = row
  return { version, expiresIn, fault, sealed: keyId === null ? null : { keyId, dataKey, secret } }
}

/** Whether the caller is now the one who fetches the token after `version`. For so long nobody else is. */
export async function claimTokens (sql: Sql, organizationId: string, credentialId: string, claim: { version: number, holder: string, seconds: number }): Promise<boolean> {
  const rows = await sql`
    insert into credential_tokens as t (credential_id, organization_id, version, refreshing_by, refreshing_until)
    values (${credentialId}, ${organizationId}, 0, ${claim.holder}, now() + make_interval(secs => ${claim.seconds}))
    on conflict (credential_id) do update set refreshing_by = excluded.refreshing_by, refreshing_until = excluded.refreshing_until
      where t.organization_id = excluded.organization_id and t.version = ${claim.version} and (t.refreshing_until is null or t.refreshing_until < now())
    returning t.version`
  return rows.length > 0
}

/** Gives the claim back; `fault` keeps others from asking the server again. */
export async function releaseTokens (sql: Sql, organizationId: string, credentialId: string, holder: string, fault: string | null): Promise<void> {
  await sql`
    update credential_tokens set refreshing_by = null, refreshing_until = null, fault = coalesce(${fault}::text, fault), updated_at = now()
    where organization_id = ${organizationId} and credential_id = ${credentialId} and refreshing_by = ${holder}`
}

export interface NewTokens extends SealedSecret {
  readonly version: number
  readonly expiresIn: number | null
}

/** Writes what comes after the version before. With a holder only if the claim is still its own. */
export async function saveTokens (sql: Sql, organizationId: string, credentialId: string, tokens: NewTokens, holder: string | null): Promise<boolean> {
  const { version, keyId, dataKey, secret, expiresIn } = tokens
  const rows = await sql`
    insert into credential_tokens as t (credential_id, organization_id, version, key_id, data_key, secret, expires_at)
    select ${credentialId}::uuid, ${organizationId}::uuid, ${version}::integer, ${keyId}::text, ${dataKey}::bytea, ${secret}::bytea, now() + make_interval(secs => ${expiresIn}::float8)
    where ${version}::integer = 1 or exists (select from credential_tokens where credential_id = ${credentialId}::uuid)
    on conflict (credential_id) do update set version = excluded.version, key_id = excluded.key_id, data_key = excluded.data_key, secret = excluded.secret,
      expires_at = excluded.expires_at, refreshing_by = null, refreshing_until = null, fault = null, updated_at = now()
      where t.organization_id = excluded.organization_id and t.version = ${version}::integer - 1 and (${holder}::uuid is null or t.refreshing_by = ${holder}::uuid)
    returning t.version`
  return rows.length > 0
}

export interface Authorization {
  readonly stateHash: Buffer
  readonly organizationId: string
  readonly credentialId: string
  readonly actorType: 'user' | 'apiKey'
  readonly actorId: string
  /** The session or API key that began it. */
  readonly holderId: string
  readonly cookieHash: Buffer
  readonly verifierSalt: Buffer
}

/** @returns when it expires, milliseconds since the epoch */
export async function insertAuthorization (sql: Sql, organizationId: string, one: Omit<Authorization, 'organizationId'>, seconds: number): Promise<number> {
  const [row] = await sql<Array<{ at: number }>>`
    with purged as (delete from oauth2_authorizations where expires_at < now())
    insert into oauth2_authorizations (state_hash, organization_id, credential_id, actor_type, actor_id, holder_id, cookie_hash, verifier_salt, expires_at)
    values (${one.stateHash}, ${organizationId}, ${one.credentialId}, ${one.actorType}, ${one.actorId}, ${one.holderId}, ${one.cookieHash}, ${one.verifierSalt}, now() + make_interval(secs => ${seconds}))
    returning floor(extract(epoch from expires_at) * 1000)::float8 as at`
  return row!.at
}

/**
 * Uses it up: of two who come with the same state, one gets it. By its hash alone, since the organization is what the state
 * tells; whoever is not its holder finds nothing, and leaves it to who is.
 */
export async function takeAuthorization (sql: Sql, stateHash: Buffer, by: { holderId: string | null, cookieHash: Buffer | null }): Promise<Authorization | undefined> {
  return firstRow(await sql<Authorization[]>`
    delete from oauth2_authorizations a where state_hash = ${stateHash} and expires_at > now()
      and (actor_type <> 'user' or exists (select from memberships m where m.organization_id = a.organization_id and m.user_id = a.actor_id))
      and (holder_id = ${by.holderId}::uuid or (${by.holderId}::uuid is null and cookie_hash = ${by.cookieHash}::bytea))
    returning state_hash as "stateHash", organization_id as "organizationId", credential_id as "credentialId", actor_type as "actorType", actor_id as "actorId",
      holder_id as "holderId", cookie_hash as "cookieHash", verifier_salt as "verifierSalt"`)
}
