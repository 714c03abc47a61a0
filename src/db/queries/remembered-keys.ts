import type { Sql } from '../client.ts'

export interface Claims {
  readonly organizationId: string
  readonly workflowId: string
  /** Of the memory, within the workflow. */
  readonly name: string
  /** Root execution, node and run: whoever says the same claims again what it has claimed. */
  readonly claimedBy: string
  /** Milliseconds after which the keys are forgotten; null: never. */
  readonly keepFor: number | null
}

/**
 * Claims keys (hashes in hexadecimal, sorted, each once) and answers those that are the claimant's now: they were free, had been forgotten,
 * or were its own before. One statement, so that of two executions one gets a key; sorted, so that two do not wait for each other in a circle.
 */
export async function claimRememberedKeys (sql: Sql, { organizationId, workflowId, name, claimedBy, keepFor }: Claims, hashes: readonly string[]): Promise<string[]> {
  const rows = await sql<Array<{ hash: string }>>`
    insert into remembered_keys as r (organization_id, workflow_id, name, key_hash, claimed_by, expires_at)
    select ${organizationId}, ${workflowId}, ${name}, decode(hash, 'hex'), ${claimedBy}, now() + ${keepFor}::text::float8 * interval '1 millisecond'
    from unnest(string_to_array(${hashes.join('\n')}, E'\n')) as given (hash) order by hash
    on conflict (workflow_id, name, key_hash) do update
      set claimed_by = excluded.claimed_by, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at
      where r.claimed_by = excluded.claimed_by or r.expires_at <= now()
    returning encode(key_hash, 'hex') as hash`
  return rows.map(({ hash }) => hash)
}

/** Leaves a memory its newest keys. */
export async function trimRememberedKeys (sql: Sql, workflowId: string, name: string, keepAtMost: number): Promise<void> {
  await sql`
    delete from remembered_keys where workflow_id = ${workflowId} and name = ${name} and key_hash in (
      select key_hash from remembered_keys where workflow_id = ${workflowId} and name = ${name}
      order by claimed_at desc, key_hash offset ${keepAtMost})`
}

/** Of all organizations: what was kept for as long as it was to be. */
export async function deleteForgottenKeys (sql: Sql): Promise<number> {
  const { count } = await sql`delete from remembered_keys where expires_at <= now()`
  return count
}
