import type { Sql } from '../client.ts'

/** The priority of the execution `e` as a number to order by (lib/execution-origin.ts). */
export function levelOf (sql: Sql) {
  return sql`case e.origin ->> 'priority' when 'high' then 1 when 'low' then -1 else 0 end`
}
