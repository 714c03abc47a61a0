import type { Sql } from '../client.ts'

export interface StoredAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Claim =
  /** Ours until the answer is stored or the claim expires; `token` tells it from a later claim of the same key. */
  | { readonly state: 'claimed', readonly token: string }
  | { readonly state: 'inFlight' }
  | { readonly state: 'otherRequest' }
  | { readonly state: 'answered', readonly answer: StoredAnswer }

interface ClaimRow {
  readonly token: string | null
  readonly fits: boolean | null
  readonly status: number | null
  readonly headers: string | null
  readonly body: string | null
}

/** Claims a key, or says what became of its first request; in one statement, so that of two requests one wins. */
export async function claimKey (sql: Sql, organizationId: string, key: string, fingerprint: Buffer): Promise<Claim> {
  const [row] = await sql<ClaimRow[]>`
    with claim as (
      insert into idempotency_keys as k (organization_id, key, fingerprint) values (${organizationId}, ${key}, ${fingerprint})
      on conflict (organization_id, key) do update
        set fingerprint = excluded.fingerprint, status = null, headers = null, body = null, created_at = now()
        where k.created_at < now() - interval '24 hours' or (k.status is null and k.created_at < now() - interval '60 seconds')
      returning k.created_at::text as token
    )
    select token, null::boolean as fits, null::integer as status, null::text as headers, null::text as body from claim
    union all
    select null, k.fingerprint = ${fingerprint}, k.status, k.headers::text, k.body from idempotency_keys k
    where k.organization_id = ${organizationId} and k.key = ${key} and not exists (select from claim)`
  // Nothing at all: another request claimed the key after this statement began.
  if (row === undefined) return { state: 'inFlight' }
  if (row.token !== null) return { state: 'claimed', token: row.token }
  if (row.fits !== true) return { state: 'otherRequest' }
  if (row.status === null) return { state: 'inFlight' }
  return { state: 'answered', answer: { status: row.status, headers: JSON.parse(row.headers ?? '{}') as Record<string, string>, body: row.body ?? '' } }
}

export async function storeAnswer (sql: Sql, organizationId: string, key: string, token: string, answer: StoredAnswer): Promise<void> {
  await sql`
    update idempotency_keys set status = ${answer.status}, headers = ${JSON.stringify(answer.headers)}::text::json, body = ${answer.body}
    where organization_id = ${organizationId} and key = ${key} and created_at = ${token}::text::timestamptz and status is null`
}

/** Lets the next request with this key run: what this one did was nothing, or is not known. */
export async function releaseKey (sql: Sql, organizationId: string, key: string, token: string): Promise<void> {
  await sql`
    delete from idempotency_keys
    where organization_id = ${organizationId} and key = ${key} and created_at = ${token}::text::timestamptz and status is null`
}

/** Of all organizations. */
export async function deleteExpiredKeys (sql: Sql): Promise<void> {
  await sql`delete from idempotency_keys where created_at < now() - interval '24 hours'`
}
