import { sql } from 'drizzle-orm'
import type { Executor, Sql } from '../client.ts'
import type { AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export interface EventDeliveryRow extends Record<string, unknown> {
  readonly id: string
  readonly type: string
  readonly workflowId: string
  readonly executionId: string | null
  readonly occurredAt: string
  readonly status: string
  readonly attempts: number
  readonly nextAttemptAt: string | null
  readonly lastAttemptAt: string | null
  readonly responseStatus: number | null
  readonly responseBody: string | null
  readonly error: string | null
}

const COLUMNS = sql`d.id, d.type, d.workflow_id as "workflowId", d.execution_id as "executionId", ${instantText('d.occurred_at')} as "occurredAt", d.status, d.attempts,
  case when d.status = 'pending' then ${instantText('d.next_at')} end as "nextAttemptAt", ${instantText('d.last_attempt_at')} as "lastAttemptAt",
  d.response_status as "responseStatus", d.response_body as "responseBody", d.error`

export interface WorkflowEvent {
  readonly type: string
  readonly workflowId: string
  /** JSON text */
  readonly data: string
}

/** Part of the transaction of what happened: a row for each subscription that wants to know of it. */
export async function announceWorkflowEvent (db: Executor, organizationId: string, { type, workflowId, data }: WorkflowEvent): Promise<void> {
  await db.execute(sql`
    insert into event_deliveries (id, organization_id, subscription_id, type, workflow_id, data, occurred_at)
    select weconnect_next_id(), s.organization_id, s.id, ${type}, ${workflowId}::uuid, ${data}::text::json, now()
    from event_subscriptions s
    where s.organization_id = ${organizationId} and s.disabled_at is null and ${type} = any(s.events) and (s.workflow_ids is null or ${workflowId}::uuid = any(s.workflow_ids))`)
}

/** Newest first. */
export async function listEventDeliveries (db: Executor, organizationId: string, subscriptionId: string, { status, before, limit }: { status: string | undefined, before: string | undefined, limit: number }): Promise<EventDeliveryRow[]> {
  return rowsOf(await db.execute<EventDeliveryRow>(sql`
    select ${COLUMNS} from event_deliveries d
    where d.organization_id = ${organizationId} and d.subscription_id = ${subscriptionId}
      ${status === undefined ? sql.empty() : sql`and d.status = ${status}`} ${before === undefined ? sql.empty() : sql`and d.id < ${before}`}
    order by d.id desc limit ${limit}`))
}

/** It is sent again, as if for the first time and under the same id; one that is being sent is left alone. */
export async function replayEventDelivery (db: Executor, organizationId: string, subscriptionId: string, id: string): Promise<EventDeliveryRow | undefined> {
  return firstRow(await db.execute<EventDeliveryRow>(sql`
    with d as (
      update event_deliveries d set status = 'pending', attempts = 0, next_at = case when d.status = 'pending' then least(d.next_at, now() + interval '1 minute') else now() end
      where d.organization_id = ${organizationId} and d.subscription_id = ${subscriptionId} and d.id = ${id} returning *
    ) select ${COLUMNS} from d`))
}

/** A delivery to be sent now, with all that it takes. */
export interface DueDelivery {
  readonly id: string
  readonly organizationId: string
  readonly subscriptionId: string
  readonly type: string
  readonly workflowId: string
  readonly executionId: string | null
  /** JSON text */
  readonly data: string | null
  readonly occurredAt: string
  /** This one included. */
  readonly attempts: number
  readonly url: string
  readonly version: number
  readonly keyId: string
  readonly dataKey: Buffer
  readonly secret: Buffer
}

export interface DeliveryClaim {
  readonly limit: number
  /** Of one subscription: a slow one does not keep the others waiting. */
  readonly each: number
  /** Subscriptions of which none is taken now. */
  readonly busy: readonly string[]
  /** Who takes one and dies leaves it to another after that. */
  readonly seconds: number
}

/** Takes what is due. */
export async function claimDeliveries (sql: Sql, { limit, each, busy, seconds }: DeliveryClaim): Promise<DueDelivery[]> {
  const [due] = await sql`select 1 from event_deliveries where status = 'pending' and next_at <= now() limit 1`
  if (due === undefined) return []
  return await sql<DueDelivery[]>`
    with due as materialized (
      select x.id from event_subscriptions s cross join lateral (
        select d.id from event_deliveries d where d.subscription_id = s.id and d.status = 'pending' and d.next_at <= now()
        order by d.next_at limit ${each} for update skip locked
      ) x
      where s.disabled_at is null and s.id not in (select value::uuid from json_array_elements_text(${JSON.stringify(busy)}::text::json))
      limit ${limit}
    ), taken as (
      update event_deliveries d set attempts = d.attempts + 1, last_attempt_at = now(), next_at = now() + make_interval(secs => ${seconds})
      from due where d.id = due.id returning d.*
    )
    select t.id, t.organization_id as "organizationId", t.subscription_id as "subscriptionId", t.type, t.workflow_id as "workflowId", t.execution_id as "executionId",
      t.data::text as data, to_char(t.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "occurredAt", t.attempts,
      s.url, s.version, s.key_id as "keyId", s.data_key as "dataKey", s.secret
    from taken t join event_subscriptions s on s.id = t.subscription_id`
}

export interface DeliveryOutcome {
  readonly id: string
  /** Of the attempt: a replay in between is not undone. */
  readonly attempts: number
  readonly status: 'pending' | 'delivered' | 'failed'
  /** Seconds until the next attempt. */
  readonly pause: number
  readonly responseStatus: number | null
  readonly responseBody: string | null
  readonly error: string | null
}

export async function recordAttempt (sql: Sql, { id, attempts, status, pause, responseStatus, responseBody, error }: DeliveryOutcome): Promise<void> {
  await sql`
    with d as (
      update event_deliveries set status = ${status}, next_at = now() + make_interval(secs => ${pause}),
        response_status = ${responseStatus}::integer, response_body = ${responseBody}::text, error = ${error}::text
      where id = ${id} and attempts = ${attempts} and status = 'pending' returning subscription_id
    )
    update event_subscriptions s set last_success_at = now() from d where s.id = d.subscription_id and ${status} = 'delivered'`
}

/**
 * Disables a subscription to which nothing got through since this delivery was due, with an entry in the audit log.
 * What is pending waits for it to be enabled again.
 */
export async function disableSubscription (sql: Sql, deliveryId: string, reason: string, always: boolean, audit: AuditEntry): Promise<boolean> {
  const [row] = await sql`
    with s as (
      update event_subscriptions s set disabled_at = now(), disabled_reason = ${reason}, updated_at = now()
      from event_deliveries d
      where d.id = ${deliveryId} and s.id = d.subscription_id and s.disabled_at is null and (${always}::boolean or s.last_success_at is null or s.last_success_at < d.occurred_at)
      returning s.id
    ), audit as (
      insert into audit_log (id, organization_id, actor_type, actor_id, action, target_type, target_id, after)
      select ${audit.id}::uuid, ${audit.organizationId}::uuid, ${audit.actorType}, null, ${audit.action}, ${audit.targetType}, ${audit.targetId}, ${JSON.stringify(audit.after)}::text::jsonb from s
    )
    select id from s`
  return row !== undefined
}

/** Of all organizations. */
export async function deleteOldEventDeliveries (sql: Sql, before: number): Promise<void> {
  await sql`delete from event_deliveries where status <> 'pending' and occurred_at < to_timestamp(${before} / 1000.0)`
}
