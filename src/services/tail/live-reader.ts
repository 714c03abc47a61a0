import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { readScope, type ScopePage, type ScopeRow } from '../../db/queries/tail-scope.ts'
import { beginningOf, isAfter, type Position } from './cursor.ts'
import { FIRST_WINDOW, nextWindow } from './read-window.ts'

export interface LiveReader {
  /** Reads from here on, unless it is reading already. */
  start (position: Position): void
  stop (): void
  /** Something new is there: read it, within so many milliseconds if the pause between reads allows. */
  nudge (within: number): void
  poll (): void
  /** Whether all of the organization behind the position will come through this reader. */
  covers (organizationId: string, position: Position): boolean
}

export interface LiveReaderOptions {
  readonly sql: Sql
  readonly log: Logger
  readonly organizations: () => Iterable<string>
  readonly onRow: (row: ScopeRow) => void
}

/** Reads follow each other at this distance at most while hints come, milliseconds. */
const MOST_PAUSE = 50
const LEAST_PAUSE = 5
/** A read may take this part of the time. Where it takes long, the database has much else to do, and reads become few. */
const SHARE = 1 / 4
const POLL_INTERVAL = 1000

/** Reads what is new in all watched organizations, once for everybody. */
export function createLiveReader ({ sql, log, organizations, onRow }: LiveReaderOptions): LiveReader {
  let position: Position | undefined
  let inFlight: ReadonlySet<string> | undefined
  let timer: NodeJS.Timeout | undefined
  let window = FIRST_WINDOW
  let pause = LEAST_PAUSE
  /** When what was told of is to be read; never, if nothing was. */
  let wantedAt = Infinity
  let lastEnd = 0
  /** Grows while a transaction is waited for that was open at the last read. */
  let patience = 0

  function schedule (delay: number): void {
    if (position === undefined || inFlight !== undefined) return
    clearTimeout(timer)
    timer = setTimeout(() => { void read() }, delay)
    timer.unref()
  }

  async function read (): Promise<void> {
    if (position === undefined || inFlight !== undefined) return
    const startedAt = performance.now()
    const from = position
    inFlight = new Set(organizations())
    wantedAt = Infinity
    let page: ScopePage | undefined
    try {
      page = await readScope(sql, { organizationIds: [...inFlight], workflowId: null, after: from, window })
    } catch (error) {
      log.warn({ err: error }, 'New events could not be read for those who tail; it is tried again each second')
    }
    lastEnd = performance.now()
    const elapsed = lastEnd - startedAt
    pause = Math.min(MOST_PAUSE, Math.max(LEAST_PAUSE, elapsed / SHARE))
    // It may have been stopped, and started elsewhere, in the meantime.
    if (page !== undefined && position === from) {
      window = nextWindow(window, elapsed, page.cut)
      for (const row of page.rows) onRow(row)
      position = page.cut ? endOf(page.rows.at(-1)!) : beginningOf(page.horizon)
    }
    inFlight = undefined
    if (page !== undefined) scheduleNext(page)
  }

  function scheduleNext ({ cut, horizon, open, begun }: ScopePage): void {
    if (cut || horizon < open) return schedule(0)
    patience = open === begun ? 0 : Math.min(POLL_INTERVAL, Math.max(pause, patience * 2))
    if (wantedAt < Infinity) scheduleWanted()
    else if (patience > 0) schedule(patience)
  }

  function scheduleWanted (): void {
    schedule(Math.max(0, wantedAt - performance.now(), lastEnd + pause - performance.now()))
  }

  return {
    start (from) {
      if (position !== undefined) return
      position = from
      window = FIRST_WINDOW
      // Told of before it began.
      if (wantedAt < Infinity) scheduleWanted()
    },
    stop () {
      position = undefined
      wantedAt = Infinity
      clearTimeout(timer)
    },
    nudge (within) {
      patience = 0
      const at = performance.now() + within
      if (at >= wantedAt) return
      wantedAt = at
      scheduleWanted()
    },
    poll: () => { if (performance.now() - lastEnd >= POLL_INTERVAL / 2) schedule(0) },
    covers: (organizationId, from) => position !== undefined && !isAfter(position, from) && (inFlight === undefined || inFlight.has(organizationId))
  }
}

function endOf ({ xid, executionId, lastSeq }: ScopeRow): Position {
  return { xid, executionId, seq: lastSeq }
}
