import { sql } from 'drizzle-orm'
import type { Executor } from '../client.ts'
import { rowsOf } from './rows.ts'

export interface ReferredWorkflow extends Record<string, unknown> {
  readonly id: string
  readonly published: boolean
  /** The types of the triggers of its published version that are not disabled. */
  readonly triggers: readonly string[]
}

/** Those of these workflows that the organization has, with the triggers among `types` that they start at when they are published. */
export async function findReferredWorkflows (db: Executor, organizationId: string, ids: readonly string[], types: readonly string[]): Promise<ReadonlyMap<string, ReferredWorkflow>> {
  const rows = rowsOf(await db.execute<ReferredWorkflow>(sql`
    select w.id, w.published_version is not null as published, array(
      select distinct n.type from workflow_nodes n
      where n.workflow_id = w.id and n.version = w.published_version and not n.disabled and n.type in (select json_array_elements_text(${JSON.stringify(types)}::text::json))
    ) as triggers
    from workflows w where w.organization_id = ${organizationId} and w.id in (select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::text::json))`))
  return new Map(rows.map(row => [row.id, row]))
}
