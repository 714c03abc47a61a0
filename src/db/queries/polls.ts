import { sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'
import type { ScheduleContent } from './schedules.ts'

export interface PollRow extends Record<string, unknown> {
  readonly id: string
  readonly workflowId: string
  /** Null while it is not published. */
  readonly version: number | null
  readonly nodeId: string
  readonly rule: unknown
  readonly nextAt: string | null
  readonly polling: boolean
  readonly cursor: unknown
  readonly failures: number
  readonly lastError: { readonly code: string, readonly message: string } | null
  readonly lastPolledAt: string | null
  readonly lastSuccessAt: string | null
  readonly lastItems: number | null
  readonly lastExecutionId: string | null
  readonly pausedAt: string | null
  readonly createdAt: string
}

const COLUMNS = sql`p.id, p.workflow_id as "workflowId", p.version, p.node_id as "nodeId", p.rule,
  case when p.version is not null then ${instantText('p.next_at')} end as "nextAt", coalesce(p.leased_until > now(), false) as polling,
  p.cursor, p.failures, p.last_error as "lastError", ${instantText('p.last_polled_at')} as "lastPolledAt", ${instantText('p.last_success_at')} as "lastSuccessAt",
  p.last_items as "lastItems", p.last_execution_id as "lastExecutionId", ${instantText('p.paused_at')} as "pausedAt", ${instantText('p.created_at')} as "createdAt"`

/** The name of what the polls of a node remember, among the memories of its workflow. */
export const POLL_MEMORY = 'poll:'

/** Those that a version does not have rest with what they know; one that has come to nothing yet is not kept, unless it is paused. */
export async function retirePolls (db: Executor, organizationId: string, workflowId: string, keptNodeIds: readonly string[]): Promise<void> {
  await db.execute(sql`
    with retired as (
      update polls set version = null where organization_id = ${organizationId} and workflow_id = ${workflowId} and (begun or paused_at is not null)
        and node_id not in (select value from json_array_elements_text(${JSON.stringify(keptNodeIds)}::text::json))
    )
    delete from polls where organization_id = ${organizationId} and workflow_id = ${workflowId} and not begun and paused_at is null
      and node_id not in (select value from json_array_elements_text(${JSON.stringify(keptNodeIds)}::text::json))`)
}

/**
 * What is published again goes on where it was; under another rule, or after a rest, with a tick to come, and no later than that after failures: it may be mended.
 * A poll that is under way counts for the version that it began with, and so not any more.
 */
export async function savePolls (db: Executor, organizationId: string, workflowId: string, version: number, polls: readonly ScheduleContent[], now: number): Promise<void> {
  await db.execute(sql`
    insert into polls as p (id, organization_id, workflow_id, version, node_id, rule, created_at, next_tick, next_at)
    select d.id, ${organizationId}, ${workflowId}, ${version}, d."nodeId", d.rule, to_timestamp(${now}::float8 / 1000), to_timestamp(d."nextTick" / 1000), to_timestamp(d."nextAt" / 1000)
    from json_to_recordset(${JSON.stringify(polls)}::text::json) as d (id uuid, "nodeId" text, rule jsonb, "nextTick" float8, "nextAt" float8)
    on conflict (workflow_id, node_id) do update set version = excluded.version, rule = excluded.rule, lease = null, leased_until = null,
      created_at = case when p.rule = excluded.rule then p.created_at else excluded.created_at end,
      next_tick = case when p.rule = excluded.rule and p.version is not null then ${soonest('next_tick')} else excluded.next_tick end,
      next_at = case when p.rule = excluded.rule and p.version is not null then ${soonest('next_at')} else excluded.next_at end`)
}

function soonest (column: 'next_tick' | 'next_at') {
  return sql.raw(`case when p.failures = 0 then p.${column} else least(p.${column}, excluded.${column}) end`)
}

export async function listPolls (db: Executor, organizationId: string, workflowId: string | undefined, limit: number, before: string | undefined): Promise<PollRow[]> {
  return rowsOf(await db.execute<PollRow>(sql`
    select ${COLUMNS} from polls p where p.organization_id = ${organizationId}
      ${workflowId === undefined ? sql.empty() : sql`and p.workflow_id = ${workflowId}`} ${before === undefined ? sql.empty() : sql`and p.id < ${before}`}
    order by p.id desc limit ${limit}`))
}

export async function findPoll (db: Executor, organizationId: string, id: string): Promise<PollRow | undefined> {
  return firstRow(await db.execute<PollRow>(sql`select ${COLUMNS} from polls p where p.organization_id = ${organizationId} and p.id = ${id}`))
}

/** The cursor of a node's polls, and whether they have one. */
export async function findPollCursor (db: Executor, organizationId: string, workflowId: string, nodeId: string): Promise<{ cursor: unknown } | undefined> {
  return firstRow(await db.execute<{ cursor: unknown }>(sql`select p.cursor from polls p where p.organization_id = ${organizationId} and p.workflow_id = ${workflowId} and p.node_id = ${nodeId}`))
}

/** @param next when it goes on; null leaves it where it is */
export async function pausePoll (db: Executor, organizationId: string, id: string, paused: boolean, next: { tick: number | null, at: number | null } | null, audit: AuditEntry): Promise<void> {
  const at = (milliseconds: number | null) => sql`to_timestamp(${milliseconds}::float8 / 1000)`
  await db.execute(sql`
    with changed as (
      update polls set paused_at = ${paused ? sql`now()` : sql`null`}${next === null ? sql.empty() : sql`, next_tick = ${at(next.tick)}, next_at = ${at(next.at)}`}
      where organization_id = ${organizationId} and id = ${id} and paused_at is ${paused ? sql`null` : sql`not null`} returning id
    ), audit as (${auditInsert(audit, 'changed')})
    select id from changed`)
}

/** Lets the next poll be due now, whatever it was waiting for. */
export async function hurryPoll (db: Executor, organizationId: string, id: string, audit: AuditEntry): Promise<void> {
  await db.execute(sql`
    with changed as (
      update polls set next_at = now() where organization_id = ${organizationId} and id = ${id} and version is not null and paused_at is null returning id
    ), audit as (${auditInsert(audit, 'changed')})
    select id from changed`)
}

/**
 * Begins anew: nothing is remembered, and the cursor is the given one (JSON text), or none. A poll that is under way does not count.
 * With a cursor, what was before it is known, so that the next poll is no first one.
 */
export async function resetPoll (db: Executor, organizationId: string, id: string, cursor: string | null, audit: AuditEntry): Promise<void> {
  // What a poll committed while this waited for its row is forgotten too: the statement after sees it.
  await db.execute(sql`select from polls where organization_id = ${organizationId} and id = ${id} for update`)
  await db.execute(sql`
    with changed as (
      update polls set cursor = ${cursor}::text::json, begun = ${cursor !== null}, failures = 0, last_error = null, lease = null, leased_until = null
      where organization_id = ${organizationId} and id = ${id} returning id, workflow_id, node_id
    ), forgotten as (
      delete from remembered_keys r using changed c where r.organization_id = ${organizationId} and r.workflow_id = c.workflow_id and r.name = ${POLL_MEMORY} || c.node_id
    ), audit as (${auditInsert(audit, 'changed')})
    select id from changed`)
}
