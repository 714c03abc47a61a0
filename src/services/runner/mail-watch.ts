import { readMessages } from '../../db/queries/inbox.ts'
import { wakeOneForMail } from '../../db/queries/leases.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { createExpiringCache } from '../../lib/expiring-cache.ts'
import type { ActiveRuns } from './active-runs.ts'
import { completeMail } from './complete-mail.ts'
import type { ExecutionRun } from './execution-run.ts'
import type { RunnerOptions } from './runner.ts'

/** Sees to it that runs of this process get their mail when it comes, also while they are being taken up or parked. */
export interface MailWatch {
  /** Somebody left a message. */
  mail (executionId: string): void
  /** Reads the mail of a run. */
  deliver (executionId: string): Promise<void>
  /** A run has been taken up. */
  began (run: ExecutionRun): void
  parked (run: ExecutionRun): void
}

/** Hints of mail come this much later than its commit at most, as a rule; milliseconds. Later ones, the sweeper sees to. */
const HINTS_LATE = 2000
const KEPT = 10_000

interface Watching extends Pick<RunnerOptions, 'sql' | 'values' | 'now'> {
  readonly runs: ActiveRuns
  /** Somebody should claim it now. */
  takeUp (execution: { executionId: string, organizationId: string }): void
  fault (error: unknown): void
}

export function createMailWatch ({ sql, values, now, runs, takeUp, fault }: Watching): MailWatch {
  /** Executions that were parked here a moment ago, with their organizations. */
  const left = createExpiringCache<string>(HINTS_LATE, KEPT, now)
  /** Executions that were not here when there was mail. */
  const missed = createExpiringCache<true>(HINTS_LATE, KEPT, now)

  async function deliver (executionId: string): Promise<void> {
    const run = runs.get(executionId)
    if (run === undefined) return
    const messages = await withDeadline(QUERY_DEADLINE, readMessages(sql, executionId))
    run.receive(await completeMail(values, run.identity.organizationId, messages))
  }

  /** The statement that parked it may not have seen mail that was committed at the same moment. */
  async function wake (executionId: string, organizationId: string): Promise<void> {
    if (await withDeadline(QUERY_DEADLINE, wakeOneForMail(sql, executionId))) takeUp({ executionId, organizationId })
  }

  return {
    deliver,
    mail (executionId) {
      const run = runs.get(executionId)
      const organizationId = left.get(executionId)
      if (run !== undefined) {
        if (run.isParking) missed.set(executionId, true)
        deliver(executionId).catch(fault)
      } else if (organizationId !== undefined) wake(executionId, organizationId).catch(fault)
      else missed.set(executionId, true)
    },
    began ({ identity: { id } }) {
      if (missed.get(id) === undefined) return
      missed.delete(id)
      deliver(id).catch(fault)
    },
    parked ({ identity: { id, organizationId } }) {
      left.set(id, organizationId)
      if (missed.get(id) === undefined) return
      missed.delete(id)
      wake(id, organizationId).catch(fault)
    }
  }
}
