import { sql as template } from 'drizzle-orm'
import type { Executor, Sql } from '../client.ts'
import { instantText, rowsOf } from './rows.ts'

export interface OpenCircuit {
  readonly id: string
  readonly organizationId: string
  readonly host: string
  /** Milliseconds, as retryAt. */
  readonly openedAt: number
  readonly retryAt: number
  readonly lastFailure: string
}

export interface OpenCircuitRow extends Record<string, unknown> {
  readonly id: string
  readonly host: string
  readonly state: 'open' | 'halfOpen'
  readonly since: string
  readonly retryAt: string
  readonly lastFailure: string
}

/** Opened again, or by another process too, it keeps the time since when it is open. Does nothing for an organization that is gone. */
export async function saveOpenCircuit (sql: Sql, { id, organizationId, host, openedAt, retryAt, lastFailure }: OpenCircuit): Promise<void> {
  await sql`
    insert into open_circuits as c (id, organization_id, host, opened_at, retry_at, last_failure)
    select ${id}, o.id, ${host}, to_timestamp(${openedAt / 1000}::text::float8), to_timestamp(${retryAt / 1000}::text::float8), ${lastFailure}
    from organizations o where o.id = ${organizationId}
    on conflict (organization_id, host) do update
      set retry_at = greatest(c.retry_at, excluded.retry_at), last_failure = excluded.last_failure`
}

export async function deleteOpenCircuit (sql: Sql, organizationId: string, host: string): Promise<void> {
  await sql`delete from open_circuits where organization_id = ${organizationId} and host = ${host}`
}

/** Newest first. */
export async function listOpenCircuits (db: Executor, organizationId: string, limit: number, before?: string): Promise<OpenCircuitRow[]> {
  return rowsOf(await db.execute<OpenCircuitRow>(template`
    select c.id, c.host, case when c.retry_at > now() then 'open' else 'halfOpen' end as state,
      ${instantText('c.opened_at')} as since, ${instantText('c.retry_at')} as "retryAt", c.last_failure as "lastFailure"
    from open_circuits c
    where c.organization_id = ${organizationId} ${before === undefined ? template`` : template`and c.id < ${before}`}
    order by c.id desc limit ${limit}`))
}

/** Of all organizations: what nobody has tried for a day. */
export async function deleteAbandonedCircuits (sql: Sql): Promise<void> {
  await sql`delete from open_circuits where retry_at < now() - interval '1 day'`
}
