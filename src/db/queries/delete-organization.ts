import { sql } from 'drizzle-orm'
import type { Executor, Sql } from '../client.ts'

/**
 * Deletes an organization with all that its foreign keys hold, the audit log too. What has none (executions and what belongs to
 * them) is taken out of every worker's hands at once, and remembered for `deleteLeftovers`.
 */
export async function deleteOrganization (db: Executor, organizationId: string): Promise<boolean> {
  const rows = await db.execute(sql`
    with gone as (delete from organizations where id = ${organizationId} returning id),
      remembered as (insert into deleted_organizations (id) select id from gone on conflict do nothing),
      leases as (delete from execution_leases x using gone where x.organization_id = gone.id),
      mail as (delete from execution_inbox x using gone where x.organization_id = gone.id),
      answers as (delete from idempotency_keys x using gone where x.organization_id = gone.id),
      bytes as (update files f set due_at = now() from gone where f.organization_id = gone.id)
    select id from gone`)
  return rows.length > 0
}

export async function deletedOrganizations (service: Sql): Promise<string[]> {
  return (await service<Array<{ id: string }>>`select id from deleted_organizations order by deleted_at limit 100`).map(({ id }) => id)
}

/**
 * Deletes that many of a deleted organization's executions at most, with their events and logs, and lets their files be removed.
 * @returns how many are gone; when there are no more, the organization is forgotten
 */
export async function deleteLeftovers (service: Sql, organizationId: string, limit: number): Promise<number> {
  const [row] = await service<Array<{ executions: string }>>`
    with batch as (
      select e.id from executions e where e.organization_id = ${organizationId}
        and exists (select from deleted_organizations d where d.id = e.organization_id) order by e.id desc limit ${limit}
    ), gone as (delete from executions e using batch where e.id = batch.id returning e.id),
      events as (delete from execution_events x using batch where x.execution_id = batch.id),
      logs as (delete from execution_logs x using batch where x.execution_id = batch.id),
      leases as (delete from execution_leases x using batch where x.execution_id = batch.id),
      mail as (delete from execution_inbox x using batch where x.execution_id = batch.id),
      bytes as (update files f set due_at = now() from batch where f.execution_id = batch.id),
      forgotten as (delete from deleted_organizations d where d.id = ${organizationId} and d.deleted_at < now() - interval '1 hour' and not exists (select from batch))
    select count(*) as executions from gone`
  return Number(row?.executions ?? 0)
}
