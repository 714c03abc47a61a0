import { sql, type SQL } from 'drizzle-orm'
import { firstIdAt } from '../../lib/ids.ts'
import type { Executor, Sql } from '../client.ts'
import { firstRow, rowsOf } from './rows.ts'

export interface DeliveryRow extends Record<string, unknown> {
  readonly id: string
  readonly status: 'accepted' | 'refused'
  readonly workflowId: string | null
  readonly nodeId: string | null
  readonly method: string | null
  readonly path: string | null
  readonly responseStatus: number
  readonly code: string | null
  readonly detail: string | null
}

export interface DeliveryDetails extends DeliveryRow {
  readonly query: string | null
  /** JSON text */
  readonly headers: string | null
  readonly bodySize: number | null
  readonly address: string | null
}

export interface DeliveryFilter {
  readonly workflowId?: string | undefined
  readonly nodeId?: string | undefined
  readonly status?: 'accepted' | 'refused' | undefined
  /** Milliseconds since the epoch, inclusive. */
  readonly from?: number | undefined
  /** Milliseconds since the epoch, exclusive. */
  readonly to?: number | undefined
  readonly before?: string | undefined
  readonly limit: number
}

/** What is kept as a file, and what has binary data beside it, is one level further down or not here. */
const payloadText = (name: string): SQL =>
  sql`case json_typeof(e.payload) when 'object' then coalesce(e.payload ->> ${name}, case json_typeof(e.payload -> 'json') when 'object' then e.payload -> 'json' ->> ${name} end) end`
const ACCEPTED = sql`e.id, 'accepted' as status, e.workflow_id as "workflowId", e.node_id as "nodeId", ${payloadText('method')} as method, ${payloadText('path')} as path,
  coalesce((select a.response_status from delivery_answers a where a.execution_id = e.id and a.organization_id = e.organization_id), 202) as "responseStatus", null as code, null as detail`
const REFUSED = sql`r.id, 'refused' as status, r.workflow_id as "workflowId", r.node_id as "nodeId", r.method, r.path, r.response_status as "responseStatus", r.code, r.detail`

/** What came in at webhooks, newest first: what was accepted is an execution, what was refused has a table of its own. */
export async function listDeliveries (db: Executor, organizationId: string, filter: DeliveryFilter): Promise<DeliveryRow[]> {
  const within = (table: string): SQL => sql.join([
    sql`${sql.raw(table)}.organization_id = ${organizationId}`,
    ...(filter.workflowId === undefined ? [] : [sql`${sql.raw(table)}.workflow_id = ${filter.workflowId}`]),
    ...(filter.nodeId === undefined ? [] : [sql`${sql.raw(table)}.node_id = ${filter.nodeId}`]),
    ...(filter.from === undefined ? [] : [sql`${sql.raw(table)}.id >= ${firstIdAt(filter.from)}`]),
    ...(filter.to === undefined ? [] : [sql`${sql.raw(table)}.id < ${firstIdAt(filter.to)}`]),
    ...(filter.before === undefined ? [] : [sql`${sql.raw(table)}.id < ${filter.before}`])
  ], sql` and `)
  const accepted = sql`(select ${ACCEPTED} from executions e where ${within('e')} and e.trigger = 'webhook' order by e.id desc limit ${filter.limit})`
  const refused = sql`(select ${REFUSED} from refused_deliveries r where ${within('r')} order by r.id desc limit ${filter.limit})`
  const parts = filter.status === 'accepted' ? [accepted] : filter.status === 'refused' ? [refused] : [accepted, refused]
  return rowsOf(await db.execute<DeliveryRow>(sql`select * from (${sql.join(parts, sql` union all `)}) d order by id desc limit ${filter.limit}`))
}

export async function findDelivery (db: Executor, organizationId: string, id: string): Promise<DeliveryDetails | undefined> {
  return firstRow(await db.execute<DeliveryDetails>(sql`
    select ${ACCEPTED}, null as query, ${payloadText('headers')} as headers, null::integer as "bodySize", null as address
    from executions e where e.organization_id = ${organizationId} and e.id = ${id} and e.trigger = 'webhook'
    union all
    select ${REFUSED}, r.query, r.headers::text, r.body_size, r.address from refused_deliveries r where r.organization_id = ${organizationId} and r.id = ${id}`))
}

export interface RefusedDelivery {
  readonly id: string
  readonly organizationId: string
  readonly workflowId: string | null
  readonly nodeId: string | null
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly bodySize: number
  readonly address: string
  readonly responseStatus: number
  readonly code: string
  readonly detail: string
}

/** Those of organizations that are gone meanwhile are left out. */
export async function insertRefused (db: Sql, rows: readonly RefusedDelivery[]): Promise<void> {
  await db`
    insert into refused_deliveries (id, organization_id, workflow_id, node_id, method, path, query, headers, body_size, address, response_status, code, detail)
    select x.id, x."organizationId", x."workflowId", x."nodeId", x.method, x.path, x.query, x.headers, x."bodySize", x.address, x."responseStatus", x.code, x.detail
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as x (id uuid, "organizationId" uuid, "workflowId" uuid, "nodeId" text, method text, path text, query text,
      headers json, "bodySize" integer, address text, "responseStatus" integer, code text, detail text)
    where exists (select from organizations o where o.id = x."organizationId")
    on conflict do nothing`
}

export interface DeliveryAnswer {
  readonly executionId: string
  readonly organizationId: string
  readonly responseStatus: number
}

/** The first answer counts: repetitions of a delivery get the same. */
export async function insertAnswers (db: Sql, rows: readonly DeliveryAnswer[]): Promise<void> {
  await db`
    insert into delivery_answers (execution_id, organization_id, response_status)
    select x."executionId", x."organizationId", x."responseStatus"
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as x ("executionId" uuid, "organizationId" uuid, "responseStatus" integer)
    where exists (select from organizations o where o.id = x."organizationId")
    on conflict do nothing`
}

/** Of executions before that time, milliseconds since the epoch. */
export async function deleteOldAnswers (db: Sql, before: number): Promise<void> {
  await db`delete from delivery_answers where execution_id < ${firstIdAt(before)}`
}

/** Those before that time (milliseconds since the epoch), and of each organization all but the newest. */
export async function deleteOldRefused (db: Sql, before: number, most: number): Promise<void> {
  await db`delete from refused_deliveries where id < ${firstIdAt(before)}`
  await db`
    delete from refused_deliveries r using organizations o
    where r.organization_id = o.id and r.id < (select n.id from refused_deliveries n where n.organization_id = o.id order by n.id desc offset ${most} limit 1)`
}
