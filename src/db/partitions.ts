import { firstIdAt } from '../lib/ids.ts'
import type { Sql } from './client.ts'

/** Range-partitioned by the UUIDv7 of the execution, a partition a day (UTC). */
export const PARTITIONED_TABLES = ['executions', 'execution_events', 'execution_logs'] as const

const DAY = 86_400_000
const DAYS_AHEAD = 7
const PARTITION_LOCK = 7_713_520_662

/**
 * Makes the partitions of today, of the days ahead and of yesterday, in this order, each in a transaction of its own. A
 * partition is made as a plain table and then attached: that takes the parent's lock for an instant only; `lock_timeout`
 * keeps even that bounded.
 * @param now milliseconds since the epoch, database time
 * @returns the names of the partitions that were made
 */
export async function ensurePartitions (owner: Sql, now: number, daysAhead = DAYS_AHEAD): Promise<string[]> {
  const today = Math.floor(now / DAY) * DAY
  const days = [...Array.from({ length: daysAhead + 1 }, (_, index) => today + index * DAY), today - DAY]
  const existing = await attachedPartitions(owner)
  const created: string[] = []
  for (const day of days) {
    for (const table of PARTITIONED_TABLES) {
      const name = partitionName(table, day)
      if (!existing.has(name) && await makePartition(owner, table, day)) created.push(name)
    }
  }
  return created
}

/** False where another process was faster. */
async function makePartition (owner: Sql, table: string, day: number): Promise<boolean> {
  return await owner.begin(async tx => {
    await tx`select pg_advisory_xact_lock(${PARTITION_LOCK}), set_config('lock_timeout', '2s', true)`
    const name = partitionName(table, day)
    // What has the name was made here, and attached in the same transaction.
    const [found] = await tx<Array<{ there: boolean }>>`select to_regclass(${`public.${name}`}) is not null as there`
    if (found!.there) return false
    await tx.unsafe(`
      create table ${name} (like ${table} including defaults including constraints);
      alter table ${table} attach partition ${name} for values from ('${lowerBound(day)}') to ('${lowerBound(day + DAY)}')`)
    return true
  })
}

/**
 * Drops the partitions of days that ended before `before` and in which every execution is terminal: what is
 * not terminal has a lease row, once it is older than the sweeper's window.
 * @returns the names of the partitions that were dropped
 */
export async function dropExpiredPartitions (owner: Sql, before: number): Promise<string[]> {
  const dropped: string[] = []
  await owner.begin(async tx => {
    await tx`select pg_advisory_xact_lock(${PARTITION_LOCK})`
    await tx`select set_config('lock_timeout', '2s', true)`
    for (const name of await attachedPartitions(tx)) {
      const day = partitionDay(name)
      if (day === undefined || day + DAY > before) continue
      const [busy] = await tx`
        select 1 from execution_leases where execution_id >= ${lowerBound(day)} and execution_id < ${lowerBound(day + DAY)} limit 1`
      if (busy !== undefined) continue
      await tx.unsafe(`drop table ${name}`)
      // The bytes of their files are removed by whoever looks at these rows next.
      await tx`update files set due_at = now() where execution_id >= ${lowerBound(day)} and execution_id < ${lowerBound(day + DAY)}`
      dropped.push(name)
    }
  })
  return dropped
}

async function attachedPartitions (sql: Pick<Sql, 'unsafe'>): Promise<Set<string>> {
  const rows = await sql.unsafe(`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
    join pg_namespace n on n.oid = p.relnamespace
    where n.nspname = 'public' and p.relname in (${PARTITIONED_TABLES.map(table => `'${table}'`).join(', ')})`)
  return new Set(rows.map(row => String(row['name'])))
}

function partitionName (table: string, day: number): string {
  return `${table}_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`
}

function partitionDay (name: string): number | undefined {
  const digits = /_(\d{4})(\d{2})(\d{2})$/.exec(name)
  return digits === null ? undefined : Date.UTC(Number(digits[1]), Number(digits[2]) - 1, Number(digits[3]))
}

/** All bits below the time are zero, so that no id of the day is outside, whatever its version bits. */
function lowerBound (day: number): string {
  return firstIdAt(day).slice(0, 14) + '0000-0000-000000000000'
}
