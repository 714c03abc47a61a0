import { sql, type SQL } from 'drizzle-orm'

/** The rows of a raw statement, without what the driver adds to its list. */
export function rowsOf<T> (result: Iterable<T>): T[] {
  return [...result]
}

export function firstRow<T> (result: Iterable<T>): T | undefined {
  const [row] = result
  return row
}

/** A time as RFC 3339 text in UTC with milliseconds, as clients see it. `column` is ours, never a client's. */
export function instantText (column: string): SQL {
  return sql`to_char(${sql.raw(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}
