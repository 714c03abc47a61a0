import type postgres from 'postgres'

export interface Counts {
  /** Rows of accepted executions */
  readonly executions: number
  /** Segments that end an execution */
  readonly terminal: number
  /** Executions with more than one end, with something behind their end, or with a gap in their events */
  readonly broken: number
  readonly leases: number
}

/** What the tables say about all executions together. */
export async function countHistories (sql: postgres.Sql): Promise<Counts> {
  const [row] = await sql<Counts[]>`
    with segments as (
      select *, coalesce(lag(last_seq) over w, 1) as before, lag(status) over w as status_before
      from execution_events window w as (partition by execution_id order by seq)
    )
    select
      (select count(*)::integer from executions) as executions,
      (select count(*)::integer from segments where status is not null) as terminal,
      (select count(distinct execution_id)::integer from segments where seq <> before + 1 or status_before is not null) as broken,
      (select count(*)::integer from execution_leases) as leases`
  return row!
}

/** Which of these ids have a row. */
export async function known (sql: postgres.Sql, ids: Iterable<string>): Promise<Set<string>> {
  const rows = await sql<Array<{ id: string }>>`select id from executions where id = any(${[...ids]}::uuid[])`
  return new Set(rows.map(row => row.id))
}

/** How many different `n` the bodies hold: as many as there are executions, if no request made two. */
export async function countBodies (sql: postgres.Sql, workflowId: string): Promise<number> {
  const [row] = await sql<Array<{ count: number }>>`
    select count(distinct payload->'body'->>'n')::integer as count from executions where workflow_id = ${workflowId}`
  return row!.count
}
