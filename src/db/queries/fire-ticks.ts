import type { Sql } from '../client.ts'

export interface DueSchedule {
  readonly id: string
  readonly organizationId: string
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  readonly rule: unknown
  /** Milliseconds since the epoch */
  readonly nextTick: number
  readonly createdAt: number
}

export interface Firing {
  readonly scheduleId: string
  /** The tick that it has come to; whoever finds another there was too late. */
  readonly expected: number | null
  readonly next: number | null
  readonly nextAt: number | null
  readonly lastTick: number | null
  readonly overlap: string
  /** The execution that the next tick may overlap. */
  readonly lastStart: string | null
  readonly starts: readonly Start[]
}

export interface Start {
  readonly tick: number
  readonly executionId: string
  /** JSON text, as is `origin`, which may be empty. */
  readonly payload: string
  readonly origin: string
}

export interface Started {
  readonly executionId: string
  readonly scheduleId: string
  /** The execution that was asked to stop for it. */
  readonly cancelled: string | null
}

const MILLISECONDS = 1000

/** Schedules with a tick that is due, the most overdue first. */
export async function findDueSchedules (sql: Sql, limit: number): Promise<DueSchedule[]> {
  return await sql<DueSchedule[]>`
    select id, organization_id as "organizationId", workflow_id as "workflowId", version, node_id as "nodeId", rule,
      round(extract(epoch from next_tick) * 1000)::float8 as "nextTick", round(extract(epoch from created_at) * 1000)::float8 as "createdAt"
    from schedules where paused_at is null and next_at is not null and next_at <= now() order by next_at limit ${limit}`
}

/** Milliseconds until the next tick of all is due, at most `limit`. */
export async function millisecondsToNextTick (sql: Sql, limit: number): Promise<number> {
  const [row] = await sql<Array<{ wait: number | null }>>`
    select (extract(epoch from next_at - clock_timestamp()) * 1000)::float8 as wait from schedules where paused_at is null and next_at is not null order by next_at limit 1`
  return Math.min(limit, Math.max(0, row?.wait ?? limit))
}

/**
 * Fires ticks: moves each schedule on and accepts its executions, in one statement. Of those who try at once one moves it;
 * a statement whose answer was lost may be tried again, and then moves nothing.
 * @returns the executions that were accepted
 */
export async function fireTicks (sql: Sql, firings: readonly Firing[]): Promise<Started[]> {
  const moves = firings.map(({ scheduleId, expected, next, nextAt, lastTick, overlap, lastStart }) => ({
    id: scheduleId, expected, next, next_at: nextAt, last_tick: lastTick, overlap, last_start: lastStart
  }))
  const starts = firings.flatMap(({ scheduleId, starts }) => starts.map(({ tick, executionId, payload, origin }) => ({
    schedule_id: scheduleId, tick, execution_id: executionId, payload, origin
  })))
  return await sql<Started[]>`
    with move as materialized (
      select m.*, s.last_execution_id as previous, ${busy(sql)} as busy
      from json_to_recordset(${JSON.stringify(moves)}::text::json) as m (id uuid, expected float8, next float8, next_at float8, last_tick float8, overlap text, last_start uuid)
      join schedules s using (id)
    ), moved as (
      update schedules s set
        next_tick = to_timestamp(m.next / ${MILLISECONDS}), next_at = to_timestamp(m.next_at / ${MILLISECONDS}),
        last_tick = coalesce(to_timestamp(m.last_tick / ${MILLISECONDS}), s.last_tick),
        last_execution_id = case when m.last_start is null or (m.busy and m.overlap in ('skip', 'buffer')) then s.last_execution_id else m.last_start end,
        buffered_tick = case when m.busy and m.overlap = 'buffer' and m.last_start is not null then to_timestamp(m.last_tick / ${MILLISECONDS}) else s.buffered_tick end
      from move m
      where s.id = m.id and s.next_tick is not distinct from to_timestamp(m.expected / ${MILLISECONDS}) and s.paused_at is null
      returning s.id, s.organization_id, s.workflow_id, s.version, s.node_id, m.busy, m.overlap, m.previous
    ), ticks as (
      insert into schedule_ticks (schedule_id, tick, organization_id, execution_id)
      select v.id, to_timestamp(x.tick / ${MILLISECONDS}), v.organization_id, case when v.busy and v.overlap in ('skip', 'buffer') then null else x.execution_id end
      from moved v join ${startRows(sql, starts)} on x.schedule_id = v.id
      on conflict do nothing
      returning schedule_id, execution_id
    ), cancelled as (
      insert into execution_inbox (execution_id, message_id, organization_id, kind, body)
      select v.previous, x.execution_id, v.organization_id, 'cancel', '{}'
      from moved v join ${startRows(sql, starts)} on x.schedule_id = v.id
      where v.busy and v.overlap = 'cancel'
      on conflict do nothing
    ), accepted as (${acceptTicks(sql, starts)})
    select a.id as "executionId", v.id as "scheduleId", case when v.busy and v.overlap = 'cancel' then v.previous end as cancelled
    from accepted a join ticks t on t.execution_id = a.id join moved v on v.id = t.schedule_id`
}

/** Schedules whose tick waited for an execution that is over now. */
export async function findBuffered (sql: Sql, limit: number): Promise<Array<DueSchedule & { readonly tick: number }>> {
  return await sql<Array<DueSchedule & { tick: number }>>`
    select id, organization_id as "organizationId", workflow_id as "workflowId", version, node_id as "nodeId", rule, 0 as "nextTick", 0 as "createdAt",
      round(extract(epoch from buffered_tick) * 1000)::float8 as tick
    from schedules s where buffered_tick is not null and paused_at is null and not ${busy(sql)} order by buffered_tick limit ${limit}`
}

/** Starts the tick that a schedule has waiting; whoever comes first does it. */
export async function fireBuffered (sql: Sql, scheduleId: string, start: Start): Promise<Started[]> {
  const starts = [{ schedule_id: scheduleId, tick: start.tick, execution_id: start.executionId, payload: start.payload, origin: start.origin }]
  return await sql<Started[]>`
    with moved as (
      update schedules s set buffered_tick = null, last_execution_id = ${start.executionId}
      where s.id = ${scheduleId} and s.buffered_tick = to_timestamp(${start.tick}::float8 / ${MILLISECONDS}) and not ${busy(sql)}
      returning s.id, s.organization_id, s.workflow_id, s.version, s.node_id
    ), ticks as (
      update schedule_ticks t set execution_id = ${start.executionId} from moved v
      where t.schedule_id = v.id and t.tick = to_timestamp(${start.tick}::float8 / ${MILLISECONDS}) and t.execution_id is null
      returning t.schedule_id, t.execution_id
    ), accepted as (${acceptTicks(sql, starts)})
    select a.id as "executionId", t.schedule_id as "scheduleId", null as cancelled from accepted a join ticks t on t.execution_id = a.id`
}

/**
 * Starts an execution for each of these ticks that has none yet; the schedule stays where it is.
 * @returns the executions
 */
export async function fillTicks (sql: Sql, organizationId: string, scheduleId: string, ticks: readonly Start[]): Promise<string[]> {
  const starts = ticks.map(({ tick, executionId, payload, origin }) => ({ schedule_id: scheduleId, tick, execution_id: executionId, payload, origin }))
  const rows = await sql<Array<{ id: string }>>`
    with moved as materialized (
      select id, organization_id, workflow_id, version, node_id from schedules where id = ${scheduleId} and organization_id = ${organizationId}
    ), ticks as (
      insert into schedule_ticks (schedule_id, tick, organization_id, execution_id)
      select v.id, to_timestamp(x.tick / ${MILLISECONDS}), v.organization_id, x.execution_id from moved v join ${startRows(sql, starts)} on x.schedule_id = v.id
      on conflict do nothing
      returning schedule_id, execution_id
    ), accepted as (${acceptTicks(sql, starts)})
    select id from accepted`
  return rows.map(({ id }) => id)
}

/** Whether the last execution of schedule `s` is not over. */
function busy (sql: Sql) {
  return sql`(exists (select from executions e where e.id = s.last_execution_id)
    and not exists (select from execution_events o where o.execution_id = s.last_execution_id and o.status is not null))`
}

function startRows (sql: Sql, starts: readonly object[]) {
  return sql`json_to_recordset(${JSON.stringify(starts)}::text::json) as x (schedule_id uuid, tick float8, execution_id uuid, payload text, origin text)`
}

/** Of the rows `moved` and `ticks`: a workflow that is no longer published in that version starts nothing. */
function acceptTicks (sql: Sql, starts: readonly object[]) {
  return sql`
    insert into executions (id, organization_id, workflow_id, version, node_id, trigger, payload, origin)
    select x.execution_id, v.organization_id, v.workflow_id, v.version, v.node_id, 'schedule', x.payload::json, nullif(x.origin, '')::json
    from ticks t join moved v on v.id = t.schedule_id join ${startRows(sql, starts)} on x.execution_id = t.execution_id
    join workflows w on w.id = v.workflow_id and w.published_version = v.version
    returning id`
}
