import { firstIdAt, idTime } from '../../lib/ids.ts'
import type { Sql } from '../client.ts'
import { levelOf } from './origin-level.ts'

export interface Orphan {
  readonly executionId: string
  readonly organizationId: string
}

export interface OrphanPiece {
  readonly orphans: readonly Orphan[]
  /** The last execution that was looked at; null where there was none. */
  readonly last: string | null
  /** Nothing is left before the end. */
  readonly done: boolean
}

/**
 * Looks at the next executions behind `after` (an id; from the low-water mark on) made before `before` (milliseconds since
 * the epoch), for those that are neither begun nor leased: their dispatch was lost, or waits in a queue.
 * @param limit executions to look at, which bounds how long the statement takes
 */
export async function findOrphans (sql: Sql, after: string, before: number, limit: number): Promise<OrphanPiece> {
  const rows = await sql<Array<{ id: string, organization_id: string | null, seen: number }>>`
    with looked as materialized (
      select e.id, e.organization_id from executions e
      where e.id >= (select low_water from sweep_marks where name = 'executions') and e.id > ${after} and e.id < ${firstIdAt(before)}
      order by e.id limit ${limit}
    ), ends as materialized (
      select (select id from looked order by id limit 1) as first, (select id from looked order by id desc limit 1) as last
    )
    select l.id, l.organization_id, 0 as seen from looked l
    where not exists (
        select from execution_events x
        where x.execution_id = l.id and x.execution_id >= (select first from ends) and x.execution_id <= (select last from ends)
      )
      and not exists (select from execution_leases y where y.execution_id = l.id)
    union all
    select last, null, (select count(*)::integer from looked) from ends where last is not null`
  const end = rows.find(row => row.organization_id === null)
  return {
    orphans: rows.flatMap(({ id, organization_id: organizationId }) => organizationId === null ? [] : [{ executionId: id, organizationId }]),
    last: end?.id ?? null,
    done: (end?.seen ?? 0) < limit
  }
}

/**
 * Moves the low-water mark up to `before` (milliseconds since the epoch): what is unfinished below it gets a lease row,
 * from which it is found without looking at the executions themselves.
 * @param limit executions to look at; call again until `done`
 * @returns how many were given a row
 */
export async function raiseLowWater (sql: Sql, before: number, limit: number): Promise<{ adopted: number, done: boolean }> {
  const mark = firstIdAt(before)
  const [row] = await sql<Array<{ adopted: number, done: boolean }>>`
    with low as materialized (
      select low_water from sweep_marks where name = 'executions' and low_water < ${mark} for update
    ), looked as materialized (
      select e.id, e.organization_id, e.workflow_id, e.origin from executions e
      where e.id >= (select low_water from low) and e.id < ${mark} order by e.id limit ${limit + 1}
    ), high as materialized (
      select coalesce((select id from looked order by id offset ${limit} limit 1), ${mark}) as id from low
    ), adopted as (
      insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at, priority)
      select e.id, e.organization_id, e.workflow_id, 'queued', now(), ${levelOf(sql)} from looked e
      where e.id < (select id from high)
        -- Between these: a plan without the bounds reads all that has ever ended, a second for each million.
        and not exists (
          select from execution_events x
          where x.execution_id = e.id and x.status is not null and x.execution_id >= (select low_water from low) and x.execution_id < (select id from high)
        )
        and not exists (select from execution_leases l where l.execution_id = e.id)
      on conflict do nothing
      returning 1
    ), raised as (
      update sweep_marks set low_water = high.id from high where name = 'executions'
    )
    select count(*)::integer as adopted, coalesce((select id = ${mark} from high), true) as done from adopted`
  return row ?? { adopted: 0, done: true }
}

/** The moment up to which the low-water mark has come, milliseconds since the epoch: what is unfinished before it has a lease row. */
export async function readLowWater (sql: Sql): Promise<number> {
  const [row] = await sql<Array<{ low_water: string }>>`select low_water from sweep_marks where name = 'executions'`
  return row === undefined ? 0 : idTime(row.low_water)
}

/**
 * Gives lease rows to all that is unfinished, after the death of the only process that could run them: one of them may
 * have killed it, so they are taken over rather than begun.
 * @returns how many were given a row
 */
export async function adoptUnfinished (sql: Sql, now: number): Promise<number> {
  const { count } = await sql`
    insert into execution_leases (execution_id, organization_id, workflow_id, status, due_at, priority)
    select e.id, e.organization_id, e.workflow_id, 'running', now(), ${levelOf(sql)} from executions e
    where e.id >= (select low_water from sweep_marks where name = 'executions') and e.id < ${firstIdAt(now)}
      and not exists (select from execution_events x where x.execution_id = e.id and x.status is not null)
    on conflict do nothing`
  return count
}
