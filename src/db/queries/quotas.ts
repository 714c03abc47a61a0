import { sql } from 'drizzle-orm'
import type { Executor, Sql } from '../client.ts'
import { rawAuditInsert, type AuditEntry } from './audit-log.ts'
import { lines } from './lines.ts'
import { firstRow } from './rows.ts'

/** What an organization may have; null is without limit. */
export interface QuotaLimits {
  readonly executionsPerMonth: number | null
  readonly storedBytes: number | null
  readonly members: number | null
  readonly requestsPerMinute: number | null
}

export interface Standing extends QuotaLimits {
  readonly organizationId: string
  /** In the month that was asked for, as far as it was written down. */
  readonly executions: number
  /** Of files, as they were added up last. */
  readonly bytes: number
}

export interface Usage extends Standing, Record<string, unknown> {
  readonly refused: number
  readonly memberCount: number
  /** Milliseconds since the epoch; null: never. */
  readonly measuredAt: number | null
}

export interface CountedExecutions {
  readonly organizationId: string
  /** `2026-01-01` */
  readonly month: string
  readonly executions: number
  readonly refused: number
}

export const MEMBER_QUOTA = 'member_quota'

/** Each organization and month once. By organization, in the order of their ids: two processes that add up at once must not wait for one another. */
export async function addUsage (service: Sql, counted: readonly CountedExecutions[]): Promise<void> {
  const rows = [...counted].sort((a, b) => a.organizationId < b.organizationId ? -1 : 1)
  await service`
    insert into organization_usage as u (organization_id, month, executions, refused)
    select d.organization_id, d.month, d.executions, d.refused
    from unnest(
      string_to_array(${lines(rows, row => row.organizationId)}, E'\n')::uuid[], string_to_array(${lines(rows, row => row.month)}, E'\n')::date[],
      string_to_array(${lines(rows, row => row.executions)}, E'\n')::bigint[], string_to_array(${lines(rows, row => row.refused)}, E'\n')::bigint[]
    ) as d (organization_id, month, executions, refused)
    join organizations o on o.id = d.organization_id
    order by d.organization_id, d.month
    on conflict (organization_id, month) do update set executions = u.executions + excluded.executions, refused = u.refused + excluded.refused`
}

/** What these may have, and have. One's own quota takes the place of the common one as a whole. */
export async function loadStandings (service: Sql, organizationIds: readonly string[], month: string): Promise<Standing[]> {
  return await service<Standing[]>`
    select d.id as "organizationId", q.executions_per_month::float8 as "executionsPerMonth", q.stored_bytes::float8 as "storedBytes", q.members, q.requests_per_minute as "requestsPerMinute",
      coalesce(u.executions, 0)::float8 as executions, coalesce(s.stored_bytes, 0)::float8 as bytes
    from unnest(string_to_array(${organizationIds.join(',')}, ',')::uuid[]) as d (id)
    left join lateral (select * from organization_quotas q where q.organization_id = d.id or q.organization_id is null order by q.organization_id nulls last limit 1) q on true
    left join organization_usage u on u.organization_id = d.id and u.month = ${month}::date
    left join organization_storage s on s.organization_id = d.id`
}

/** Adds up the files of these where that was last done longer ago than that; of those who try at once one does it. What several executions refer to is stored once. */
export async function measureStorage (service: Sql, organizationIds: readonly string[], seconds: number): Promise<void> {
  const due = await service<Array<{ id: string }>>`
    insert into organization_storage as s (organization_id, stored_bytes, measured_at)
    select o.id, 0, now() from organizations o where o.id = any(string_to_array(${organizationIds.join(',')}, ',')::uuid[]) order by o.id
    on conflict (organization_id) do update set measured_at = now() where s.measured_at < now() - make_interval(secs => ${seconds})
    returning organization_id as id`
  if (due.length === 0) return
  await service`
    update organization_storage s set stored_bytes = (select coalesce(sum(f.size), 0) from (select max(size) as size from files where organization_id = s.organization_id group by id) f)
    where s.organization_id = any(string_to_array(${due.map(({ id }) => id).join(',')}, ',')::uuid[])`
}

export async function findUsage (db: Executor, organizationId: string, month: string): Promise<Usage | undefined> {
  return firstRow(await db.execute<Usage>(sql`
    select o.id as "organizationId", q.executions_per_month::float8 as "executionsPerMonth", q.stored_bytes::float8 as "storedBytes", q.members, q.requests_per_minute as "requestsPerMinute",
      coalesce(u.executions, 0)::float8 as executions, coalesce(u.refused, 0)::float8 as refused, coalesce(s.stored_bytes, 0)::float8 as bytes,
      floor(extract(epoch from s.measured_at) * 1000)::float8 as "measuredAt",
      (select count(*)::integer from memberships m where m.organization_id = o.id) as "memberCount"
    from organizations o
    left join lateral (select * from organization_quotas q where q.organization_id = o.id or q.organization_id is null order by q.organization_id nulls last limit 1) q on true
    left join organization_usage u on u.organization_id = o.id and u.month = ${month}::date
    left join organization_storage s on s.organization_id = o.id
    where o.id = ${organizationId}`))
}

/** The quota of one organization, or (null) of all without one of their own. */
export async function findQuota (service: Sql, organizationId: string | null): Promise<QuotaLimits | undefined> {
  const [row] = await service<QuotaLimits[]>`
    select executions_per_month::float8 as "executionsPerMonth", stored_bytes::float8 as "storedBytes", members, requests_per_minute as "requestsPerMinute"
    from organization_quotas where organization_id is not distinct from ${organizationId}::uuid`
  return row
}

/** With a row in the organization's audit log, where it is one's. */
export async function putQuota (service: Sql, organizationId: string | null, { executionsPerMonth, storedBytes, members, requestsPerMinute }: QuotaLimits, audit: AuditEntry | undefined): Promise<void> {
  await service`
    with changed as (
      insert into organization_quotas (organization_id, executions_per_month, stored_bytes, members, requests_per_minute)
      values (${organizationId}, ${executionsPerMonth}, ${storedBytes}, ${members}, ${requestsPerMinute})
      on conflict (organization_id) do update set executions_per_month = excluded.executions_per_month, stored_bytes = excluded.stored_bytes,
        members = excluded.members, requests_per_minute = excluded.requests_per_minute, updated_at = now()
      returning 1
    )${audit === undefined ? service`` : service`, audit as (${rawAuditInsert(service, audit, 'changed')})`}
    select 1 from changed`
}

export async function findOrganizationBySlug (service: Sql, slug: string): Promise<{ id: string } | undefined> {
  const [row] = await service<Array<{ id: string }>>`select id from organizations where slug = ${slug}`
  return row
}
