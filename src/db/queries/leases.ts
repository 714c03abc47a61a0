import type { Sql } from '../client.ts'
import type { SlotNeed } from './concurrency.ts'
import { levelOf } from './origin-level.ts'
import { lines } from './lines.ts'

export interface HeldLease {
  readonly executionId: string
  readonly writer: string
}

/**
 * Prolongs the leases that their writers still hold.
 * @returns the executions that are still held, and those of them that have mail
 */
export async function prolongLeases (sql: Sql, held: readonly HeldLease[], leaseSeconds: number): Promise<{ held: Set<string>, withMail: string[] }> {
  const rows = await sql<Array<{ execution_id: string, mail: boolean }>>`
    update execution_leases l set due_at = now() + make_interval(secs => ${leaseSeconds})
    from unnest(
      string_to_array(${lines(held, one => one.executionId)}, E'\n')::uuid[],
      string_to_array(${lines(held, one => one.writer)}, E'\n')::uuid[]
    ) as d (execution_id, writer)
    where l.execution_id = d.execution_id and l.owner = d.writer
    returning l.execution_id, exists (select from execution_inbox i where i.execution_id = l.execution_id and not i.seen) as mail`
  return { held: new Set(rows.map(row => row.execution_id)), withMail: rows.filter(row => row.mail).map(row => row.execution_id) }
}

export interface ClaimedLease {
  /** How often it was taken over without progress. */
  readonly takeovers: number
  /** The slots that it must hold to run; undefined where nobody has asked yet whether something limits it. */
  readonly needs: readonly SlotNeed[] | undefined
  readonly slotsHeld: number
}

/**
 * Takes over an execution that is due: queued, waiting for a time that has come, or left by an owner whose lease ran out.
 * A wake-up from a wait is no takeover. May be repeated with the same writer.
 * @returns undefined if another was faster
 */
export async function claimLease (sql: Sql, executionId: string, writer: string, leaseSeconds: number): Promise<ClaimedLease | undefined> {
  const [row] = await sql<Array<{ takeovers: number, slots: SlotNeed[] | null, slots_held: number }>>`
    update execution_leases set
      owner = ${writer}, status = 'running', due_at = now() + make_interval(secs => ${leaseSeconds}),
      takeovers = takeovers + case when status = 'running' and owner is distinct from ${writer} then 1 else 0 end
    where execution_id = ${executionId} and (due_at <= now() or owner = ${writer})
    returning takeovers, slots, slots_held`
  return row === undefined ? undefined : { takeovers: row.takeovers, needs: row.slots ?? undefined, slotsHeld: row.slots_held }
}

/** Gives up leases in good order: the executions are due at once, and this is no crash. */
export async function releaseLeases (sql: Sql, held: readonly HeldLease[]): Promise<void> {
  await sql`
    update execution_leases l set status = 'queued', owner = null, due_at = now()
    from unnest(
      string_to_array(${lines(held, one => one.executionId)}, E'\n')::uuid[],
      string_to_array(${lines(held, one => one.writer)}, E'\n')::uuid[]
    ) as d (execution_id, writer)
    where l.execution_id = d.execution_id and l.owner = d.writer`
}

/** After a death of the only process that can hold leases: what it held is due at once. */
export async function expireAllLeases (sql: Sql): Promise<number> {
  const { count } = await sql`update execution_leases set due_at = now() where owner is not null and due_at > now()`
  return count
}

export interface DueExecution {
  readonly executionId: string
  readonly organizationId: string
  /** It has been with a crash more than once: taken over now, it would be so again. */
  readonly suspect: boolean
  /** 1 high, 0 normal, -1 low */
  readonly priority: number
}

/**
 * Executions that somebody must look at, at most `perOrganization` of each priority of each organization, so that none waits behind
 * the backlog of another; high priorities first.
 */
export async function findDue (sql: Sql, perOrganization: number): Promise<DueExecution[]> {
  // From organization to organization in the index: a backlog of any size is not read.
  return await sql<DueExecution[]>`
    with recursive organization (id) as (
      (select organization_id from execution_leases order by organization_id limit 1)
      union all
      select (select l.organization_id from execution_leases l where l.organization_id > o.id order by l.organization_id limit 1)
      from organization o where o.id is not null
    )
    select due.execution_id as "executionId", o.id as "organizationId", due.takeovers > 0 and due.status = 'running' as suspect, p.level as priority
    from organization o cross join (values (1), (0), (-1)) as p (level) cross join lateral (
      select l.execution_id, l.takeovers, l.status from execution_leases l
      where l.organization_id = o.id and l.priority = p.level and l.due_at <= now() order by l.due_at limit ${perOrganization}
    ) due
    order by p.level desc`
}

/** Makes parked executions due that have mail. One that waits for a slot is woken by a cancellation only: the rest can wait with it. */
export async function wakeForMail (sql: Sql): Promise<number> {
  const { count } = await sql`
    update execution_leases l set due_at = now()
    where l.owner is null and l.due_at > now() and l.execution_id in (
      select i.execution_id from execution_inbox i where not i.seen and (l.blocked_on is null or i.kind = 'cancel')
    )`
  return count
}

/** Makes one due that is parked and has mail. Answers whether it is. */
export async function wakeOneForMail (sql: Sql, executionId: string): Promise<boolean> {
  const { count } = await sql`
    update execution_leases l set due_at = now()
    where l.execution_id = ${executionId} and l.owner is null and l.blocked_on is null
      and exists (select from execution_inbox i where i.execution_id = l.execution_id and not i.seen)`
  return count > 0
}

/** Puts an execution back that was claimed before its time, or for mail that nothing waits for: these messages wake it no more. */
export async function parkLease (sql: Sql, { executionId, writer }: HeldLease, dueAt: number, read: readonly string[]): Promise<void> {
  await sql`
    with parked as (
      update execution_leases set status = 'waiting', owner = null, due_at = to_timestamp(${dueAt}::bigint / 1000.0)
      where execution_id = ${executionId} and owner = ${writer} returning execution_id
    )
    update execution_inbox i set seen = true from parked
    where i.execution_id = parked.execution_id and i.message_id::text in (select json_array_elements_text(${JSON.stringify(read)}::text::json))`
}

/** For an execution that is over, or gone: its lease row came when its last segment was on its way. */
export async function dropLease (sql: Sql, { executionId, writer }: HeldLease): Promise<void> {
  await sql`delete from execution_leases where execution_id = ${executionId} and owner = ${writer}`
}

/** Gives lease rows to executions that have none, so that they wait in the database; due after `delaySeconds`. */
export async function queueExecutions (sql: Sql, executionIds: readonly string[], crashed: boolean, delaySeconds: number): Promise<void> {
  await sql`
    insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at, priority)
    select e.id, e.organization_id, e.workflow_id, ${crashed ? 'running' : 'queued'}, now() + make_interval(secs => ${delaySeconds}), ${levelOf(sql)}
    from unnest(string_to_array(${lines(executionIds, id => id)}, E'\n')::uuid[]) as d (id) join executions e using (id)
    where not exists (select from execution_events x where x.execution_id = e.id and x.status is not null)
    on conflict do nothing`
}
