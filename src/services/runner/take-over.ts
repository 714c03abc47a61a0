import { setTimeout as sleep } from 'node:timers/promises'
import type { SlotNeed } from '../../engine/limits.ts'
import { NodeError, type StepError } from '../../engine/node-error.ts'
import type { Plan } from '../../engine/plan.ts'
import { apply, initialState } from '../../engine/state.ts'
import { decodeEvents } from '../../engine/stored-events.ts'
import { isConnectionFailure } from '../../db/failure.ts'
import { readMessages, type Message } from '../../db/queries/inbox.ts'
import { claimLease, dropLease, queueExecutions, releaseLeases, type ClaimedLease, type DueExecution, type HeldLease } from '../../db/queries/leases.ts'
import { loadOne, loadSegments, type StoredSegment } from '../../db/queries/load-executions.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { priorityLevel } from '../../lib/execution-origin.ts'
import type { QueuedExecution } from '../../lib/queued-execution.ts'
import { FileMissing, StorageError } from '../../storage/port.ts'
import { isStoredPayload } from '../files/large-values.ts'
import type { ActiveRuns } from './active-runs.ts'
import { beginSignal } from './begin-signal.ts'
import { completeMail } from './complete-mail.ts'
import { crashed, endUnrun } from './end-unrun.ts'
import { ExecutionRun } from './execution-run.ts'
import type { Limits } from './limits.ts'
import type { RunHost } from './run-host.ts'
import { identify } from './run-identity.ts'
import type { RunnerOptions } from './runner.ts'
import type { SlotPool } from './slot-pool.ts'

export interface TakeOver {
  /** Claims an execution that is due, if there is room, and runs it on; resolves when the run has ended here. */
  takeOver (due: DueExecution): Promise<void>
  /** Folds anew from what is committed an execution that must see its mail first. */
  reload (run: ExecutionRun): Promise<void>
}

export interface TakeOverContext {
  readonly runs: ActiveRuns
  readonly slots: SlotPool
  readonly limits: Limits
  readonly host: RunHost
  isClosing (): boolean
  track (execution: QueuedExecution, run: ExecutionRun): void
}

const MAX_TAKEOVERS = 3
/** An execution that has been with crashes before is run alone, until it has lived this long, milliseconds. */
const QUARANTINE = 2000

/** What an execution fails for before any of it runs: another attempt would meet the same. */
function failureOf (error: unknown): StepError | undefined {
  if (error instanceof FileMissing) return { code: 'WC_FILE_MISSING', message: 'What this execution stored in the file storage is not there any more' }
  // Its concurrency key cannot be computed.
  return error instanceof NodeError ? error.toStepError() : undefined
}

export function createTakeOver (options: RunnerOptions, { runs, slots, limits, host, isClosing, track }: TakeOverContext): TakeOver {
  const { sql, plans, values, metrics, log, now, nextId, leaseSeconds } = options
  const under = new Set<string>()
  /** Of those, the ones that were put in line for a slot. */
  const lined = new Set<string>()
  let quarantine: Promise<void> = Promise.resolve()

  async function takeOver (due: DueExecution): Promise<void> {
    const { executionId } = due
    if (isClosing() || runs.has(executionId) || under.has(executionId)) return
    under.add(executionId)
    try {
      // Not claimed before its turn: what dies with another execution's crash while it waits would count as its own.
      await (due.suspect ? alone(async () => { await claim(due) }) : claim(due))
    } finally {
      under.delete(executionId)
    }
    if (!lined.delete(executionId)) return
    // It may have got its slot already, and whoever gave it was told that the execution is being taken over.
    await takeOver({ ...due, suspect: false })
  }

  async function alone (work: () => Promise<void>): Promise<void> {
    let done: Promise<void> | undefined
    const turn = quarantine.then(async () => {
      done = work()
      await Promise.race([done, sleep(QUARANTINE, undefined, { ref: false })])
    })
    quarantine = turn.catch(() => undefined)
    await turn
    await done
  }

  async function claim ({ executionId, organizationId }: DueExecution): Promise<void> {
    if (isClosing() || slots.free === 0 || slots.isOverShare(organizationId)) return
    await withSlot(organizationId, { executionId, writer: nextId() })
  }

  async function withSlot (organizationId: string, lease: HeldLease): Promise<void> {
    slots.take(organizationId)
    try {
      const claimed = await withDeadline(QUERY_DEADLINE, claimLease(sql, lease.executionId, lease.writer, leaseSeconds))
      if (claimed === undefined) return
      const { takeovers, needs = [] } = claimed
      if (takeovers > 0) {
        metrics.takeovers.inc()
        log.warn({ executionId: lease.executionId, takeovers }, 'Taking over an execution whose worker went away')
      }
      await resume(lease, claimed)
      // The sweeper would free them too, later.
      if (needs.length > 0) await limits.release(lease.executionId)
    } catch (error) {
      // Nothing of it has run, so this is no crash of its own.
      if (isConnectionFailure(error) || error instanceof StorageError) await withDeadline(QUERY_DEADLINE, releaseLeases(sql, [lease])).catch(() => undefined)
      throw error
    } finally {
      slots.release(organizationId)
    }
  }

  /** Loads the execution as its events tell, reads its mail, and runs it on. */
  async function resume (lease: HeldLease, { takeovers, needs, slotsHeld }: ClaimedLease): Promise<void> {
    const { executionId } = lease
    const [found, segments, messages] = await withDeadline(QUERY_DEADLINE, Promise.all([
      loadOne(sql, executionId), loadSegments(sql, executionId), readMessages(sql, executionId)
    ]))
    if (runs.has(executionId)) return await releaseLeases(sql, [lease])
    if (found === undefined || segments.at(-1)?.status != null) return await dropLease(sql, lease)
    const cancelled = messages.some(message => message.kind === 'cancel')
    // Neither needs its state; what an unreadable one did could never end otherwise.
    if (cancelled) return await end(found, lease, segments, { type: 'execution.cancelled', at: now() })
    if (takeovers > MAX_TAKEOVERS) return await end(found, lease, segments, crashed(segments, takeovers, now()))
    await goOn(found, lease, segments, messages, { needs, slotsHeld }).catch(async (error: unknown) => {
      const failure = failureOf(error)
      if (failure === undefined) throw error
      await end(found, lease, segments, { type: 'execution.failed', at: now(), error: failure })
    })
  }

  async function goOn (found: QueuedExecution, lease: HeldLease, segments: readonly StoredSegment[], messages: readonly Message[], { needs, slotsHeld }: Pick<ClaimedLease, 'needs' | 'slotsHeld'>): Promise<void> {
    const { executionId } = lease
    const execution = isStoredPayload(found.payload) ? await values.withPayload(found) : found
    const plan = await plans.get(execution.organizationId, execution.workflowId, execution.version)
    if (plan === undefined) {
      const error = { code: 'WC_WORKFLOW_VERSION_MISSING', message: `Version ${execution.version} of the workflow no longer exists` }
      return await end(execution, lease, segments, { type: 'execution.failed', at: now(), error })
    }
    const missing = needs === undefined ? await needsOfFresh(execution, plan, segments) : slotsHeld < needs.length ? needs : []
    if (missing.length === 0) return await runOn(execution, lease, plan, segments, messages)
    const limited = { executionId, needs: missing, priority: priorityLevel(execution.origin) }
    lined.add(executionId)
    await limits.block([limited], execution.organizationId, { writer: lease.writer, begun: segments.length > 0 })
  }

  /** What came here past the queue, where nobody has asked yet. What has begun goes on as it began. */
  async function needsOfFresh (execution: QueuedExecution, plan: Plan, segments: readonly StoredSegment[]): Promise<readonly SlotNeed[]> {
    return segments.length > 0 ? [] : limits.needsOf(execution, plan, await limits.ofOrganization(execution.organizationId))
  }

  async function runOn (execution: QueuedExecution, lease: HeldLease, plan: Plan, segments: readonly StoredSegment[], messages: readonly Message[]): Promise<void> {
    const { organizationId } = execution
    const state = initialState(plan, execution.nodeId, JSON.parse(execution.payload), execution.id)
    for (const segment of segments) {
      for (const event of await values.complete(organizationId, decodeEvents(JSON.parse(segment.events)))) apply(plan, state, event)
    }
    const fresh = state.status === 'queued'
    const signal = fresh ? await beginSignal(options, execution, plan) : undefined
    const mail = await completeMail(values, organizationId, messages)
    if (runs.has(lease.executionId)) return await releaseLeases(sql, [lease])
    const run = new ExecutionRun(host, identify(execution, lease.writer), plan, state, true)
    track(execution, run)
    if (signal === undefined) run.resume(mail)
    else run.signal(signal)
    await run.ended
  }

  async function end (execution: QueuedExecution, lease: HeldLease, segments: readonly StoredSegment[], event: Parameters<typeof endUnrun>[3]): Promise<void> {
    const result = await endUnrun(host, identify(execution, lease.writer), segments, event)
    if (result === 'written') metrics.ended(event.type.slice('execution.'.length))
    // A cancel came in between: whoever claims it next reads it.
    else await releaseLeases(sql, [lease])
  }

  async function reload ({ identity: { id, organizationId, writerId } }: ExecutionRun): Promise<void> {
    if (isClosing()) return
    await withDeadline(QUERY_DEADLINE, queueExecutions(sql, [id], false, 0))
    await withSlot(organizationId, { executionId: id, writer: writerId })
  }

  return { takeOver, reload }
}
