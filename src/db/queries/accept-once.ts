import type { QueuedExecution } from '../../lib/queued-execution.ts'
import type { Sql } from '../client.ts'
import { executionColumns } from './execution-columns.ts'
import { lines } from './lines.ts'

/** An execution of a published version that starts only if its key is free. */
export interface KeyedExecution extends QueuedExecution {
  /** Hexadecimal */
  readonly keyHash: string
  /** Milliseconds that the key is taken for */
  readonly window: number
}

/**
 * Claims the keys and accepts the executions whose keys were free, in one statement. It may be repeated with the same ids.
 * No two rows may have the same key at the same webhook.
 * @returns by row, which execution has the key; a row is missing where its version is no longer published
 */
export async function acceptOnce (sql: Sql, rows: readonly KeyedExecution[]): Promise<Map<string, string>> {
  // An expired key is taken over where it stands; touching the row of one that is not makes the statement answer with it.
  const claimed = await sql<Array<{ id: string, execution_id: string }>>`
    with given as materialized (
      select d.* from unnest(
        ${executionColumns(sql, rows)},
        string_to_array(${lines(rows, row => row.keyHash)}, E'\n'),
        string_to_array(${lines(rows, row => row.window)}, E'\n')::float8[]
      ) as d (id, organization_id, workflow_id, version, node_id, trigger, payload, origin, key, kept)
      where exists (select from workflows w where w.id = d.workflow_id and w.organization_id = d.organization_id and w.published_version = d.version)
    ), claimed as (
      insert into delivery_keys as k (organization_id, workflow_id, node_id, key_hash, execution_id, expires_at)
      select organization_id, workflow_id, node_id, decode(key, 'hex'), id, now() + kept * interval '1 millisecond'
      from given order by workflow_id, node_id, decode(key, 'hex')
      on conflict (workflow_id, node_id, key_hash) do update
        set execution_id = case when k.expires_at <= now() then excluded.execution_id else k.execution_id end,
            expires_at = case when k.expires_at <= now() then excluded.expires_at else k.expires_at end
      returning workflow_id, node_id, encode(key_hash, 'hex') as key, execution_id
    ), accepted as (
      insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload, origin, xid)
      select g.id, g.organization_id, g.workflow_id, g.version, g.node_id, g.trigger, g.payload::json, nullif(g.origin, '')::json, (select pg_current_xact_id()::text::bigint)
      from given g join claimed c using (workflow_id, node_id, key)
      where c.execution_id = g.id
      on conflict (id) do nothing
    )
    select g.id, c.execution_id from given g join claimed c using (workflow_id, node_id, key)`
  return new Map(claimed.map(row => [row.id, row.execution_id]))
}

/** Of all organizations: keys that are free again. */
export async function deleteExpiredDeliveryKeys (sql: Sql, limit: number): Promise<number> {
  const { count } = await sql`
    delete from delivery_keys where (workflow_id, node_id, key_hash) in (
      select workflow_id, node_id, key_hash from delivery_keys where expires_at <= now() order by expires_at limit ${limit} for update skip locked)`
  return count
}
