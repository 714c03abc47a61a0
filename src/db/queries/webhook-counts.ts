import { sql as query } from 'drizzle-orm'
import type { Executor, Sql } from '../client.ts'
import { lines } from './lines.ts'
import { instantText, rowsOf } from './rows.ts'

export interface WebhookCount {
  readonly organizationId: string
  readonly workflowId: string
  readonly nodeId: string
  readonly method: string
  readonly accepted: number
  readonly duplicates: number
  readonly refused: number
}

/** Adds to the counts of today; of workflows that are gone, nothing. No two rows may be of one endpoint. */
export async function addWebhookCounts (sql: Sql, rows: readonly WebhookCount[]): Promise<void> {
  await sql`
    insert into webhook_counts as c (organization_id, workflow_id, node_id, method, day, accepted, duplicates, refused, last_at)
    select d.organization_id, d.workflow_id, d.node_id, d.method, (now() at time zone 'utc')::date, d.accepted, d.duplicates, d.refused, now()
    from unnest(
      string_to_array(${lines(rows, row => row.organizationId)}, E'\n')::uuid[],
      string_to_array(${lines(rows, row => row.workflowId)}, E'\n')::uuid[],
      string_to_array(${lines(rows, row => row.nodeId)}, E'\n'),
      string_to_array(${lines(rows, row => row.method)}, E'\n'),
      string_to_array(${lines(rows, row => row.accepted)}, E'\n')::bigint[],
      string_to_array(${lines(rows, row => row.duplicates)}, E'\n')::bigint[],
      string_to_array(${lines(rows, row => row.refused)}, E'\n')::bigint[]
    ) as d (organization_id, workflow_id, node_id, method, accepted, duplicates, refused)
    where exists (select from workflows w where w.id = d.workflow_id and w.organization_id = d.organization_id)
    order by d.workflow_id, d.node_id, d.method
    on conflict (workflow_id, node_id, method, day) do update
      set accepted = c.accepted + excluded.accepted, duplicates = c.duplicates + excluded.duplicates, refused = c.refused + excluded.refused, last_at = excluded.last_at`
}

export async function deleteOldWebhookCounts (sql: Sql, before: number): Promise<void> {
  await sql`delete from webhook_counts where day < (to_timestamp(${before / 1000}::text::float8) at time zone 'utc')::date`
}

export interface WebhookRow extends Record<string, unknown> {
  readonly id: string
  readonly workflowId: string
  readonly workflowName: string
  readonly version: number
  readonly nodeId: string
  readonly method: string
  readonly path: string
  readonly createdAt: string
  /** Of the webhook node, as written */
  readonly parameters: Readonly<Record<string, unknown>>
  /** The same of the respond nodes of its workflow. */
  readonly responds: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly accepted: number
  readonly duplicates: number
  readonly refused: number
  readonly lastAt: string | null
}

export interface WebhookFilter {
  readonly workflowId?: string | undefined
  readonly before?: string | undefined
  readonly limit: number
}

/** The published endpoints, the newest first, with what came in at each in the days that are kept. */
export async function listWebhooks (db: Executor, organizationId: string, { workflowId, before, limit }: WebhookFilter): Promise<WebhookRow[]> {
  return rowsOf(await db.execute<WebhookRow>(query`
    select e.id, e.workflow_id as "workflowId", w.name as "workflowName", e.version, e.node_id as "nodeId", e.method, e.path, ${instantText('e.created_at')} as "createdAt",
      (select coalesce(n -> 'parameters', '{}') from json_array_elements(v.definition -> 'nodes') n where n ->> 'id' = e.node_id) as parameters,
      (select coalesce(json_agg(coalesce(n -> 'parameters', '{}')), '[]') from json_array_elements(v.definition -> 'nodes') n where n ->> 'type' = 'respond') as responds,
      coalesce(c.accepted, 0)::float8 as accepted, coalesce(c.duplicates, 0)::float8 as duplicates, coalesce(c.refused, 0)::float8 as refused, ${instantText('c.last_at')} as "lastAt"
    from webhook_endpoints e
    join workflows w on w.id = e.workflow_id
    join workflow_versions v on v.workflow_id = e.workflow_id and v.version = e.version
    left join lateral (
      select sum(accepted) as accepted, sum(duplicates) as duplicates, sum(refused) as refused, max(last_at) as last_at
      from webhook_counts c where c.workflow_id = e.workflow_id and c.node_id = e.node_id and c.method = e.method
    ) c on true
    where e.organization_id = ${organizationId}
      ${workflowId === undefined ? query`` : query`and e.workflow_id = ${workflowId}`}
      ${before === undefined ? query`` : query`and e.id < ${before}`}
    order by e.id desc limit ${limit}`))
}
