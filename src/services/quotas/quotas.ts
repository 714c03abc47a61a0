import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { isConnectionFailure } from '../../db/failure.ts'
import { addUsage, loadStandings, measureStorage } from '../../db/queries/quotas.ts'
import { answered } from '../../lib/deadline.ts'
import type { Problem } from '../../lib/problem.ts'
import { QuotaExceeded } from '../problems.ts'
import { createLedger } from './ledger.ts'
import { monthOf, type Month } from './month.ts'

/** What organizations may start, counted in memory: a request costs a look-up, and the database hears of it each second. */
export interface Quotas {
  /** Whether nothing is known to limit what the organization starts: then it needs not ask. */
  isFree (organizationId: string): boolean
  /** Does what starts so many executions (one), if there is room for all of them; it is theirs meanwhile. What has started is told to `settle`. Throws QuotaExceeded. */
  within<T> (organizationId: string, start: () => Promise<T>, wanted?: number): Promise<T>
  /** How many more may be started; Infinity without a limit. Those that were refused are counted. */
  room (organizationId: string, wanted: number): Promise<number>
  /** Throws QuotaExceeded where there is no room for so many. */
  demand (organizationId: string, wanted: number): Promise<void>
  /** For what was committed. */
  count (organizationId: string, executions: number): void
  /** The same for what came in by `within`, or might have: what was reserved for it is used. */
  settle (organizationId: string, executions: number): void
  /** Of one organization; undefined: not set, or not known yet. */
  requestsPerMinute (organizationId: string): number | undefined
  /** The same, known in any case. */
  readRequestsPerMinute (organizationId: string): Promise<number | undefined>
  /** Writes down what was counted, and reads what others did. */
  synchronise (): Promise<void>
  start (): void
  close (): Promise<void>
}

interface Entry {
  readonly organizationId: string
  executionsPerMonth: number | null
  storedBytes: number | null
  requestsPerMinute: number | null
  /** Of all processes, as it was read last. */
  known: number
  bytes: number
  /** Committed here and not written down. */
  pending: number
  /** On their way here. */
  reserved: number
  /** Of those the ones that are committed, and counted as that, while whoever waits for them has not heard. */
  settled: number
  refused: number
  /** Readings since it was used last. */
  idle: number
}

export interface QuotaOptions {
  readonly sql: Sql
  /** Milliseconds since the epoch, as the database sees them. */
  readonly now: () => number
  readonly log: Logger
}

/** milliseconds: what a process that dies may leave uncounted, and what others may start beyond the limit before this one hears of it */
const INTERVAL = 1000
/** Readings after which an organization that nobody asked for is forgotten. */
const IDLE = 60
/** Files are added up this often, in seconds. */
const MEASURE = 30
const MOST_KNOWN = 10_000

export function createQuotas ({ sql, now, log }: QuotaOptions): Quotas {
  const entries = new Map<string, Entry>()
  const loading = new Map<string, Promise<Entry>>()
  /** Of months that are over, or that could not be written. */
  const unwritten = createLedger()
  let month: Month = monthOf(now())
  let timer: NodeJS.Timeout | undefined
  let synchronising: Promise<void> | undefined
  let failing = false

  /** What was counted belongs to the month in which it was. */
  function turn (): void {
    if (now() < month.end) return
    collect()
    month = monthOf(now())
    for (const entry of entries.values()) entry.known = 0
  }

  function collect (): void {
    for (const entry of entries.values()) {
      const { organizationId, pending: executions, refused } = entry
      if (executions === 0 && refused === 0) continue
      unwritten.add({ organizationId, month: month.first, executions, refused })
      entry.known += executions
      entry.pending = entry.refused = 0
    }
  }

  async function load (organizationId: string): Promise<Entry> {
    const [row] = await answered(loadStandings(sql, [organizationId], month.first))
    const known = entries.get(organizationId)
    if (known !== undefined) return known
    const entry: Entry = { organizationId, executionsPerMonth: null, storedBytes: null, requestsPerMinute: null, known: 0, bytes: 0, pending: 0, reserved: 0, settled: 0, refused: 0, idle: 0, ...(row === undefined ? {} : standingOf(row)) }
    if (entries.size < MOST_KNOWN) entries.set(organizationId, entry)
    return entry
  }

  async function entryOf (organizationId: string): Promise<Entry> {
    const known = entries.get(organizationId)
    if (known !== undefined) return used(known)
    let pending = loading.get(organizationId)
    if (pending === undefined) {
      pending = load(organizationId).finally(() => loading.delete(organizationId))
      loading.set(organizationId, pending)
    }
    return used(await pending)
  }

  function roomIn (entry: Entry): number {
    turn()
    const { executionsPerMonth, storedBytes, known, bytes, pending, reserved, settled } = entry
    if (storedBytes !== null && bytes >= storedBytes) return 0
    return executionsPerMonth === null ? Infinity : Math.max(0, executionsPerMonth - known - pending - (reserved - settled))
  }

  function refusalOf ({ executionsPerMonth, storedBytes, known, bytes, pending, reserved, settled }: Entry): Problem {
    if (storedBytes !== null && bytes >= storedBytes) return QuotaExceeded({ quota: 'storedBytes', limit: storedBytes, used: bytes, resetsAt: null, seconds: MEASURE })
    const seconds = Math.max(1, Math.ceil((month.end - now()) / 1000))
    return QuotaExceeded({ quota: 'executionsPerMonth', limit: executionsPerMonth ?? 0, used: known + pending + reserved - settled, resetsAt: new Date(month.end).toISOString(), seconds })
  }

  function demandIn (entry: Entry, wanted: number): void {
    if (roomIn(entry) >= wanted) return
    entry.refused += wanted
    throw refusalOf(entry)
  }

  function count (organizationId: string, executions: number): void {
    turn()
    const entry = entries.get(organizationId)
    if (entry === undefined) unwritten.add({ organizationId, month: month.first, executions, refused: 0 })
    else entry.pending += executions
  }

  async function write (): Promise<void> {
    const counted = unwritten.take()
    if (counted.length === 0) return
    try {
      await answered(addUsage(sql, counted))
    } catch (error) {
      // Where the answer was lost it may be written: counted again, an organization would be refused what it has paid for.
      if (!isConnectionFailure(error)) for (const one of counted) unwritten.add(one)
      throw error
    }
  }

  async function synchronise (): Promise<void> {
    turn()
    collect()
    await write()
    const asked: string[] = []
    for (const entry of entries.values()) {
      if (entry.idle++ < IDLE || entry.reserved > 0) asked.push(entry.organizationId)
      else entries.delete(entry.organizationId)
    }
    if (asked.length === 0) return
    const measured = asked.filter(id => entries.get(id)?.storedBytes != null)
    if (measured.length > 0) await answered(measureStorage(sql, measured, MEASURE))
    const { first } = month
    for (const row of await answered(loadStandings(sql, asked, first))) {
      const entry = entries.get(row.organizationId)
      // What is `pending` was not written when this was read.
      if (entry !== undefined && first === month.first) Object.assign(entry, standingOf(row))
    }
  }

  async function once (): Promise<void> {
    synchronising ??= synchronise().finally(() => { synchronising = undefined })
    await synchronising
  }

  return {
    isFree (organizationId) {
      const entry = entries.get(organizationId)
      if (entry === undefined) return false
      entry.idle = 0
      return entry.executionsPerMonth === null && entry.storedBytes === null
    },
    async within (organizationId, start, wanted = 1) {
      const entry = await entryOf(organizationId)
      demandIn(entry, wanted)
      entry.reserved += wanted
      try {
        const result = await start()
        entry.settled = Math.max(0, entry.settled - wanted)
        return result
      } finally {
        entry.reserved -= wanted
        entry.settled = Math.min(entry.settled, entry.reserved)
      }
    },
    async room (organizationId, wanted) {
      const entry = await entryOf(organizationId)
      const room = roomIn(entry)
      entry.refused += Math.max(0, wanted - room)
      return room
    },
    async demand (organizationId, wanted) {
      demandIn(await entryOf(organizationId), wanted)
    },
    count,
    settle (organizationId, executions) {
      count(organizationId, executions)
      const entry = entries.get(organizationId)
      if (entry !== undefined) entry.settled = Math.min(entry.reserved, entry.settled + executions)
    },
    requestsPerMinute: organizationId => entries.get(organizationId)?.requestsPerMinute ?? undefined,
    readRequestsPerMinute: async organizationId => (await entryOf(organizationId)).requestsPerMinute ?? undefined,
    synchronise: once,
    start () {
      timer = setInterval(() => {
        once().then(() => { failing = false }, (error: unknown) => {
          if (!failing) log.warn({ err: error }, 'Could not write down what organizations have started, or read what they may; it is tried again each second')
          failing = true
        })
      }, INTERVAL).unref()
    },
    async close () {
      clearInterval(timer)
      await synchronising?.catch(() => undefined)
      await once().catch((error: unknown) => { log.warn({ err: error }, 'What organizations started in the last second is not counted in their quotas') })
    }
  }
}

function used (entry: Entry): Entry {
  entry.idle = 0
  return entry
}

function standingOf ({ executionsPerMonth, storedBytes, requestsPerMinute, executions, bytes }: Awaited<ReturnType<typeof loadStandings>>[number]) {
  return { executionsPerMonth, storedBytes, requestsPerMinute, known: executions, bytes }
}
