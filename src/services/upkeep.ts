import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { dropExpiredPartitions, ensurePartitions } from '../db/partitions.ts'
import { deleteAbandonedCircuits } from '../db/queries/open-circuits.ts'
import { deleteExpiredDeliveryKeys } from '../db/queries/accept-once.ts'
import { deleteOldOperations } from '../db/queries/bulk-operations.ts'
import { deleteOldAnswers, deleteOldRefused } from '../db/queries/deliveries.ts'
import { deleteOldEventDeliveries } from '../db/queries/event-deliveries.ts'
import { deleteForgottenKeys } from '../db/queries/remembered-keys.ts'
import { deleteOldTicks } from '../db/queries/schedules.ts'
import { deleteOldWebhookCounts } from '../db/queries/webhook-counts.ts'
import { readLowWater } from '../db/queries/sweep.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { FileReaper } from './files/reaper.ts'

export interface Upkeep {
  /** Makes the partitions of today, tomorrow and yesterday where they are missing. */
  prepare (): Promise<void>
  /** Makes all partitions that are missing now, and of the days to come. Concurrent calls share one run. */
  ensurePartitions (): Promise<void>
  start (): void
  close (): Promise<void>
}

export interface UpkeepOptions {
  readonly database: Database
  readonly clock: DatabaseClock
  readonly retentionDays: number
  readonly reaper: FileReaper
  /** What others have to do as often as that. */
  readonly chores: ReadonlyArray<() => Promise<void>>
  readonly log: Logger
}

const HOUR = 3_600_000
const DAY = 24 * HOUR
const PORTION = 10_000
const CLOCK_INTERVAL = 30_000
/** Refused requests of one organization that are kept. */
const MOST_REFUSED = 10_000

/** What must be done every now and then: partitions ahead of time, retention, the clock. */
export function createUpkeep ({ database, clock, retentionDays, reaper, chores, log }: UpkeepOptions): Upkeep {
  let making: Promise<void> | undefined
  const timers: NodeJS.Timeout[] = []

  async function asOwner<T> (work: (owner: ReturnType<Database['owner']>) => Promise<T>): Promise<T> {
    const owner = database.owner()
    try {
      return await work(owner)
    } finally {
      await owner.end({ timeout: 1 })
    }
  }

  async function make (daysAhead?: number): Promise<void> {
    const created = await asOwner(async owner => await ensurePartitions(owner, clock.now(), daysAhead))
    if (created.length > 0) log.info({ partitions: created.length }, 'Made the partitions of the days to come')
  }

  async function ensure (): Promise<void> {
    making ??= make().finally(() => { making = undefined })
    await making
  }

  async function hourly (): Promise<void> {
    await ensure()
    // Beyond the low-water mark an unfinished execution may have no lease row that would keep its partition.
    const forgotten = await asOwner(deleteForgottenKeys)
    if (forgotten > 0) log.info({ keys: forgotten }, 'Forgot keys that workflows remembered for long enough')
    await forgetDeliveries()
    const dropped = await asOwner(async owner => await dropExpiredPartitions(owner, Math.min(clock.now() - retentionDays * DAY, await readLowWater(owner))))
    if (dropped.length > 0) log.info({ partitions: dropped }, 'Dropped the executions of days past their retention')
    await reaper.reap()
    await deleteAbandonedCircuits(database.service)
    for (const chore of chores) await chore()
    const expired = clock.now() - retentionDays * DAY
    await deleteOldEventDeliveries(database.service, expired)
    await deleteOldOperations(database.service, expired)
    await deleteOldAnswers(database.service, expired)
    await deleteOldRefused(database.service, expired, MOST_REFUSED)
    await deleteOldTicks(database.service, clock.now() - retentionDays * DAY)
    await deleteOldWebhookCounts(database.service, clock.now() - retentionDays * DAY)
  }

  /** In portions: a busy webhook leaves millions in a day. */
  async function forgetDeliveries (): Promise<void> {
    let deleted: number
    do deleted = await deleteExpiredDeliveryKeys(database.service, PORTION)
    while (deleted === PORTION)
  }

  function every (interval: number, what: string, work: () => Promise<void>): void {
    const timer = setInterval(() => {
      work().catch((error: unknown) => { log.warn({ err: error }, `${what} did not work; it is tried again`) })
    }, interval)
    timer.unref()
    timers.push(timer)
  }

  return {
    prepare: async () => { await make(1) },
    ensurePartitions: ensure,
    start () {
      every(HOUR, 'Upkeep of the partitions', hourly)
      every(CLOCK_INTERVAL, "Reading the database's clock", clock.synchronise)
      hourly().catch((error: unknown) => { log.warn({ err: error }, 'Upkeep of the partitions did not work; it is tried again in an hour') })
    },
    async close () {
      timers.forEach(clearInterval)
      await making?.catch(() => undefined)
      await reaper.close()
    }
  }
}
