import { sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export interface EventTrigger {
  readonly nodeId: string
  readonly kind: 'event' | 'execution' | 'error'
  /** Of the event. */
  readonly name: string
  /** Of an execution that ends; null for any. */
  readonly sourceWorkflowId: string | null
}

export interface StartedByEvent extends Record<string, unknown> {
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
}

export interface EventTypeRow extends Record<string, unknown> {
  readonly name: string
  /** JSON text. */
  readonly schema: string
  readonly createdAt: string
  readonly updatedAt: string
}

const COLUMNS = sql`t.name, t.schema::text as schema, ${instantText('t.created_at')} as "createdAt", ${instantText('t.updated_at')} as "updatedAt"`

/** Puts the triggers of a workflow's published version in the place of those before. */
export async function replaceEventTriggers (db: Executor, organizationId: string, workflowId: string, version: number, triggers: readonly EventTrigger[]): Promise<void> {
  await db.execute(sql`delete from event_triggers where organization_id = ${organizationId} and workflow_id = ${workflowId}`)
  if (triggers.length === 0) return
  await db.execute(sql`
    insert into event_triggers (organization_id, workflow_id, version, node_id, kind, name, source_workflow_id)
    select ${organizationId}, ${workflowId}, ${version}, d."nodeId", d.kind, d.name, d."sourceWorkflowId"
    from json_to_recordset(${JSON.stringify(triggers)}::text::json) as d ("nodeId" text, kind text, name text, "sourceWorkflowId" uuid)`)
}

/** What an event of this name starts, oldest workflow first; one more than `limit`, where there is one. */
export async function findTriggers (db: Executor, organizationId: string, name: string, limit: number): Promise<StartedByEvent[]> {
  return rowsOf(await db.execute<StartedByEvent>(sql`
    select e.workflow_id as "workflowId", e.version, e.node_id as "nodeId" from event_triggers e
    where e.organization_id = ${organizationId} and e.kind = 'event' and e.name = ${name} order by e.workflow_id, e.node_id limit ${limit + 1}`))
}

export async function findEventType (db: Executor, organizationId: string, name: string): Promise<EventTypeRow | undefined> {
  return firstRow(await db.execute<EventTypeRow>(sql`select ${COLUMNS} from event_types t where t.organization_id = ${organizationId} and t.name = ${name}`))
}

export async function listEventTypes (db: Executor, organizationId: string, limit: number): Promise<EventTypeRow[]> {
  return rowsOf(await db.execute<EventTypeRow>(sql`select ${COLUMNS} from event_types t where t.organization_id = ${organizationId} order by t.name limit ${limit}`))
}

/** Undefined where it would be one more than `most`. */
export async function putEventType (db: Executor, organizationId: string, name: string, schema: string, most: number, audit: AuditEntry): Promise<EventTypeRow & { inserted: boolean } | undefined> {
  return firstRow(await db.execute<EventTypeRow & { inserted: boolean }>(sql`
    with t as (
      insert into event_types as t (organization_id, name, schema)
      select ${organizationId}::uuid, ${name}, ${schema}::text::json
      where (select count(*) from event_types o where o.organization_id = ${organizationId} and o.name <> ${name}) < ${most}
      on conflict (organization_id, name) do update set schema = excluded.schema, updated_at = now()
      returning t.*, t.xmax = 0 as inserted
    ), audit as (${auditInsert(audit, 't')})
    select ${COLUMNS}, t.inserted from t`))
}

export async function deleteEventType (db: Executor, organizationId: string, name: string, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with t as (
      delete from event_types where organization_id = ${organizationId} and name = ${name} returning name
    ), audit as (${auditInsert(audit, 't')})
    select name from t`)) !== undefined
}
