import { sql } from 'drizzle-orm'
import type { Executor, Sql } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export interface ScheduleContent {
  readonly id: string
  readonly nodeId: string
  readonly rule: unknown
  /** Milliseconds since the epoch; null where no tick is to come. */
  readonly nextTick: number | null
  readonly nextAt: number | null
}

export interface ScheduleRow extends Record<string, unknown> {
  readonly id: string
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  readonly rule: unknown
  readonly nextAt: string | null
  readonly lastAt: string | null
  readonly lastExecutionId: string | null
  readonly pausedAt: string | null
  readonly createdAt: string
}

const COLUMNS = sql`s.id, s.workflow_id as "workflowId", s.version, s.node_id as "nodeId", s.rule, ${instantText('s.next_at')} as "nextAt",
  ${instantText('s.last_tick')} as "lastAt", s.last_execution_id as "lastExecutionId", ${instantText('s.paused_at')} as "pausedAt", ${instantText('s.created_at')} as "createdAt"`

const at = (milliseconds: number | null) => sql`to_timestamp(${milliseconds}::float8 / 1000)`

export async function deleteSchedules (db: Executor, organizationId: string, workflowId: string, keptNodeIds: readonly string[]): Promise<void> {
  await db.execute(sql`
    delete from schedules where organization_id = ${organizationId} and workflow_id = ${workflowId}
      and node_id not in (select value from json_array_elements_text(${JSON.stringify(keptNodeIds)}::text::json))`)
}

/** One that stays what it was keeps its ticks, its pause and its place in time; only its version is new. */
export async function saveSchedules (db: Executor, organizationId: string, workflowId: string, version: number, schedules: readonly ScheduleContent[], now: number): Promise<void> {
  await db.execute(sql`
    insert into schedules as s (id, organization_id, workflow_id, version, node_id, rule, time_zone, created_at, next_tick, next_at)
    select d.id, ${organizationId}, ${workflowId}, ${version}, d."nodeId", d.rule, d.rule ->> 'timeZone', ${at(now)}, to_timestamp(d."nextTick" / 1000), to_timestamp(d."nextAt" / 1000)
    from json_to_recordset(${JSON.stringify(schedules)}::text::json) as d (id uuid, "nodeId" text, rule jsonb, "nextTick" float8, "nextAt" float8)
    on conflict (workflow_id, node_id) do update set version = excluded.version, rule = excluded.rule, time_zone = excluded.time_zone,
      created_at = case when s.rule = excluded.rule then s.created_at else excluded.created_at end,
      next_tick = case when s.rule = excluded.rule then s.next_tick else excluded.next_tick end,
      next_at = case when s.rule = excluded.rule then s.next_at else excluded.next_at end`)
}

export async function listSchedules (db: Executor, organizationId: string, workflowId: string | undefined, limit: number, before: string | undefined): Promise<ScheduleRow[]> {
  return rowsOf(await db.execute<ScheduleRow>(sql`
    select ${COLUMNS} from schedules s where s.organization_id = ${organizationId}
      ${workflowId === undefined ? sql.empty() : sql`and s.workflow_id = ${workflowId}`} ${before === undefined ? sql.empty() : sql`and s.id < ${before}`}
    order by s.id desc limit ${limit}`))
}

export async function findSchedule (db: Executor, organizationId: string, id: string): Promise<ScheduleRow | undefined> {
  return firstRow(await db.execute<ScheduleRow>(sql`select ${COLUMNS} from schedules s where s.organization_id = ${organizationId} and s.id = ${id}`))
}

/** @param next where it goes on; null leaves it where it is */
export async function pauseSchedule (db: Executor, organizationId: string, id: string, paused: boolean, next: { tick: number | null, at: number | null } | null, audit: AuditEntry): Promise<void> {
  await db.execute(sql`
    with changed as (
      update schedules set paused_at = ${paused ? sql`now()` : sql`null`}${next === null ? sql.empty() : sql`, next_tick = ${at(next.tick)}, next_at = ${at(next.at)}`}
      where organization_id = ${organizationId} and id = ${id} and paused_at is ${paused ? sql`null` : sql`not null`} returning id
    ), audit as (${auditInsert(audit, 'changed')})
    select id from changed`)
}

/** Ticks so old that nobody asks any more, and which no schedule comes to again. */
export async function deleteOldTicks (service: Sql, before: number): Promise<number> {
  const { count } = await service`delete from schedule_ticks where tick < to_timestamp(${before}::float8 / 1000)`
  return count
}
