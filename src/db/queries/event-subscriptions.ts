import { sql } from 'drizzle-orm'
import type { SealedSecret } from '../../lib/secret-box.ts'
import type { Executor, Sql } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export interface SubscriptionFields {
  readonly id: string
  readonly url: string
  readonly description: string | null
  readonly events: string[]
  readonly workflowIds: string[] | null
  readonly version: number
  readonly disabledAt: string | null
  readonly disabledReason: string | null
  readonly lastSuccessAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

export type SubscriptionRow = SubscriptionFields & Record<string, unknown>

export interface SealedSubscription extends SubscriptionRow {
  readonly keyId: string
  readonly dataKey: Buffer
  readonly secret: Buffer
}

export interface SubscriptionContent {
  readonly url: string
  readonly description: string | null
  readonly events: readonly string[]
  readonly workflowIds: readonly string[] | null
  readonly enabled: boolean
}

const COLUMNS = sql`s.id, s.url, s.description, to_json(s.events) as events, to_json(s.workflow_ids) as "workflowIds", s.version,
  ${instantText('s.disabled_at')} as "disabledAt", s.disabled_reason as "disabledReason", ${instantText('s.last_success_at')} as "lastSuccessAt",
  ${instantText('s.created_at')} as "createdAt", ${instantText('s.updated_at')} as "updatedAt"`

/** A list as one parameter: the driver knows no types of arrays. */
function array (values: readonly string[] | null, type: 'text' | 'uuid') {
  return sql`case when ${values === null}::boolean then null else array(select value::${sql.raw(type)} from json_array_elements_text(${JSON.stringify(values ?? [])}::text::json)) end`
}

/** Undefined where it would be one more than `most`. */
export async function insertSubscription (db: Executor, organizationId: string, id: string, { url, description, events, workflowIds }: SubscriptionContent, { keyId, dataKey, secret }: SealedSecret, most: number, audit: AuditEntry): Promise<SubscriptionRow | undefined> {
  return firstRow(await db.execute<SubscriptionRow>(sql`
    with s as (
      insert into event_subscriptions (id, organization_id, url, description, events, workflow_ids, key_id, data_key, secret)
      select ${id}::uuid, ${organizationId}::uuid, ${url}, ${description}::text, ${array(events, 'text')}, ${array(workflowIds, 'uuid')}, ${keyId}, ${dataKey}::bytea, ${secret}::bytea
      where (select count(*) from event_subscriptions o where o.organization_id = ${organizationId}) < ${most}
      returning *
    ), audit as (${auditInsert(audit, 's')})
    select ${COLUMNS} from s`))
}

/** Newest first. */
export async function listSubscriptions (db: Executor, organizationId: string, limit: number, before?: string): Promise<SubscriptionRow[]> {
  return rowsOf(await db.execute<SubscriptionRow>(sql`
    select ${COLUMNS} from event_subscriptions s
    where s.organization_id = ${organizationId} ${before === undefined ? sql.empty() : sql`and s.id < ${before}`} order by s.id desc limit ${limit}`))
}

export async function findSubscription (db: Executor, organizationId: string, id: string): Promise<SealedSubscription | undefined> {
  return firstRow(await db.execute<SealedSubscription>(sql`
    select ${COLUMNS}, s.key_id as "keyId", s.data_key as "dataKey", s.secret from event_subscriptions s where s.organization_id = ${organizationId} and s.id = ${id}`))
}

/** What it holds from now on; enabled again, what it had before is forgotten. */
export async function updateSubscription (db: Executor, organizationId: string, id: string, { url, description, events, workflowIds, enabled }: SubscriptionContent, audit: AuditEntry): Promise<SubscriptionRow | undefined> {
  return firstRow(await db.execute<SubscriptionRow>(sql`
    with s as (
      update event_subscriptions s set url = ${url}, description = ${description}::text, events = ${array(events, 'text')}, workflow_ids = ${array(workflowIds, 'uuid')},
        disabled_at = case when ${enabled}::boolean then null else coalesce(s.disabled_at, now()) end,
        disabled_reason = case when ${enabled}::boolean then null else coalesce(s.disabled_reason, 'By request') end, updated_at = now()
      where s.organization_id = ${organizationId} and s.id = ${id} returning *
    ), audit as (${auditInsert(audit, 's')})
    select ${COLUMNS} from s`))
}

/** Only if it is still the version before. */
export async function replaceSecret (db: Executor, organizationId: string, id: string, version: number, { keyId, dataKey, secret }: SealedSecret, audit: AuditEntry): Promise<SubscriptionRow | undefined> {
  return firstRow(await db.execute<SubscriptionRow>(sql`
    with s as (
      update event_subscriptions s set version = ${version}, key_id = ${keyId}, data_key = ${dataKey}::bytea, secret = ${secret}::bytea, updated_at = now()
      where s.organization_id = ${organizationId} and s.id = ${id} and s.version = ${version - 1} returning *
    ), audit as (${auditInsert(audit, 's')})
    select ${COLUMNS} from s`))
}

export async function deleteSubscription (db: Executor, organizationId: string, id: string, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with s as (
      delete from event_subscriptions where organization_id = ${organizationId} and id = ${id} returning id
    ), audit as (${auditInsert(audit, 's')})
    select id from s`)) !== undefined
}

/** Organizations that have a subscription that is not disabled. */
export async function loadSubscribed (sql: Sql): Promise<string[]> {
  return (await sql<Array<{ id: string }>>`select distinct organization_id as id from event_subscriptions where disabled_at is null`).map(({ id }) => id)
}
