import type { Sql } from '../db/client.ts'

export interface DatabaseClock {
  /** Whole milliseconds since the epoch, as the database sees them: ids and due times of all processes compare. */
  now (): number
  /** Asks the database for its time. */
  synchronise (): Promise<void>
}

/** A clock that follows the database's, by the offset that was last measured. */
export function createDatabaseClock (sql: Sql): DatabaseClock {
  let offset = 0
  return {
    now: () => Date.now() + offset,
    async synchronise () {
      const before = Date.now()
      const [row] = await sql<Array<{ now: number }>>`select (extract(epoch from clock_timestamp()) * 1000)::double precision as now`
      const after = Date.now()
      // Whole, since the times of events are: the database would refuse a fraction of a millisecond.
      if (row !== undefined) offset = Math.round(row.now - (before + after) / 2)
    }
  }
}
