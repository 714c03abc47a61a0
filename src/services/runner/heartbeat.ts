import { prolongLeases } from '../../db/queries/leases.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { leasesOf, type ActiveRuns } from './active-runs.ts'
import type { RunnerOptions } from './runner.ts'

export interface Heartbeat {
  stop (): void
}

/** An execution that runs longer than this without a flush is committed and leased, milliseconds. */
const UNSECURED_LIMIT = 500
const TICK = 250

/** Secures long runs, prolongs leases, drops runs that lost theirs, hands over mail. */
export function startHeartbeat ({ sql, metrics, log, now, leaseSeconds }: RunnerOptions, runs: ActiveRuns, deliver: (executionId: string) => Promise<void>): Heartbeat {
  let last = 0
  let beating = false

  async function beat (): Promise<void> {
    const held = leasesOf([...runs.values()].filter(run => run.isLeased && !run.isOver))
    if (held.length === 0) return
    const { held: still, withMail } = await withDeadline(QUERY_DEADLINE, prolongLeases(sql, held, leaseSeconds))
    for (const { executionId, writer } of held) {
      const run = runs.get(executionId)
      if (still.has(executionId) || run?.identity.writerId !== writer || run.isParking) continue
      log.warn({ executionId }, 'Lost the lease of an execution; another worker runs it')
      metrics.refusedAppends.inc()
      run.abandon()
    }
    for (const executionId of withMail) await deliver(executionId)
  }

  const ticker = setInterval(() => {
    const time = now()
    for (const run of runs.values()) {
      if (!run.isLeased && time - run.startedAt > UNSECURED_LIMIT) run.flush()
    }
    if (beating || time - last < leaseSeconds * 1000 / 3) return
    beating = true
    last = time
    void beat().catch((error: unknown) => {
      log.warn({ err: error }, 'Could not prolong leases; the database does not answer')
    }).finally(() => { beating = false })
  }, TICK)
  ticker.unref()

  return { stop: () => { clearInterval(ticker) } }
}
