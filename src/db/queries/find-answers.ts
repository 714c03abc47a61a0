import type { Sql } from '../client.ts'
import { lines } from './lines.ts'

export interface WaitedForSegment {
  readonly executionId: string
  /** The final status, or empty. */
  readonly status: string
  /** JSON text */
  readonly events: string
}

/** The segments of these executions that end them or hold an answer. */
export async function findAnswers (sql: Sql, executionIds: readonly string[]): Promise<WaitedForSegment[]> {
  return await sql<WaitedForSegment[]>`
    select e.execution_id as "executionId", coalesce(e.status, '') as status, e.events::text as events
    from unnest(string_to_array(${lines(executionIds, id => id)}, E'\n')::uuid[]) as d (id)
    join execution_events e on e.execution_id = d.id
    where e.status is not null or e.events::text like '%"answer":%'
    order by e.execution_id, e.seq`
}
