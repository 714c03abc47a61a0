import type { Logger } from 'pino'
import type { Signal } from '../../engine/decide.ts'
import type { Instant } from '../../engine/events.ts'
import type { Plan } from '../../engine/plan.ts'
import { NodeError } from '../../engine/node-error.ts'
import type { Connect } from '../../engine/nodes/connect.ts'
import { initialState } from '../../engine/state.ts'
import type { Sql } from '../../db/client.ts'
import type { LimitedExecution } from '../../db/queries/concurrency.ts'
import { queueExecutions, releaseLeases, type DueExecution } from '../../db/queries/leases.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { Countdown } from '../../lib/countdown.ts'
import { priorityLevel } from '../../lib/execution-origin.ts'
import { idTime } from '../../lib/ids.ts'
import type { QueuedExecution } from '../../lib/queued-execution.ts'
import type { AnswerLinks } from '../answer-links.ts'
import type { TenantFetch } from '../egress/index.ts'
import type { CredentialSource } from '../credentials/source.ts'
import { isStoredPayload, type LargeValues } from '../files/large-values.ts'
import type { Metrics } from '../metrics.ts'
import type { Plans } from '../plans.ts'
import { ActiveRuns, leasesOf } from './active-runs.ts'
import type { EventWriter } from './event-writer.ts'
import { BEGIN, beginSignal, needsReading } from './begin-signal.ts'
import { endUnrun } from './end-unrun.ts'
import { ExecutionRun } from './execution-run.ts'
import { startHeartbeat } from './heartbeat.ts'
import type { CodeSandbox, RunHost } from './run-host.ts'
import { createHost } from './create-host.ts'
import { createMailWatch } from './mail-watch.ts'
import { createLimits, type Limits } from './limits.ts'
import { identify } from './run-identity.ts'
import { SlotPool } from './slot-pool.ts'
import { createTakeOver } from './take-over.ts'

export interface RunnerOptions {
  readonly sql: Sql
  readonly plans: Plans
  readonly writer: EventWriter
  readonly values: LargeValues
  readonly fetch: TenantFetch
  readonly connect: Connect
  readonly credentials: CredentialSource
  readonly sandbox: CodeSandbox
  /** The files of one execution's steps. */
  readonly filesOf: RunHost['filesOf']
  readonly links: AnswerLinks
  /** Where clients find an execution. */
  readonly executionUrl: (executionId: string) => string
  readonly metrics: Metrics
  readonly log: Logger
  readonly now: () => Instant
  readonly nextId: () => string
  /** Executions that run at once; one organization gets half of them. */
  readonly slots: number
  readonly leaseSeconds: number
}

export interface Runner {
  readonly limits: Limits
  /**
   * Begins executions that nobody has begun. Resolves once each is over or under a lease. It takes them out of the list:
   * the payload of one that has begun is not to be kept until all of them are committed.
   */
  runFresh (executions: QueuedExecution[]): Promise<void>
  /** Takes over one that is due, if there is room for it; resolves when the run has ended here. */
  takeOver (due: DueExecution): Promise<void>
  /** Somebody left a message: read it, if the execution runs here. */
  mail (executionId: string): void
  /** A parked execution has mail: take it up, if there is room. */
  wake (execution: { executionId: string, organizationId: string }): void
  /** How many more executions may be begun now. */
  readonly free: number
  readonly running: number
  close (graceMilliseconds: number): Promise<void>
}

/** Synchronous work between two turns of the event loop, milliseconds. */
const SLICE = 10
const WRITER_HIGH_WATER = 2000
/** How long executions of an organization over its share are put back for, seconds. */
const DEFER_SECONDS = 1
/** A run that has just been parked here is gone by then, milliseconds. */
const WAKE_DELAY = 5
/** Waits up to this long, in milliseconds, are remembered here too; the sweeper would find them a little later. */
const LONGEST_HINT = 60_000

export function createRunner (options: RunnerOptions): Runner {
  const { sql, plans, writer, values, metrics, log, now, nextId } = options
  const runs = new ActiveRuns(metrics)
  const slots = new SlotPool(options.slots, Math.max(1, Math.floor(options.slots / 2)))
  let closing = false
  const limits = createLimits({
    sql,
    now,
    admitted (executionIds, organizationId) {
      for (const executionId of executionIds) void takeOver({ executionId, organizationId, suspect: false, priority: 0 }).catch(logFault)
    }
  })

  const mailWatch = createMailWatch({ sql, values, now, runs, fault: logFault, takeUp: execution => { takeUpIn(0, execution) } })
  const host = createHost(options, { isAwaited: limits.isAwaited, parked })
  const { takeOver, reload } = createTakeOver(options, { runs, slots, limits, host, isClosing: () => closing, track })
  const heartbeat = startHeartbeat(options, runs, mailWatch.deliver)

  function parked ({ identity: { id: executionId, organizationId } }: ExecutionRun, dueAt: Instant): void {
    const wait = dueAt - now()
    if (wait <= LONGEST_HINT) takeUpIn(Math.max(0, wait) + 1, { executionId, organizationId })
  }

  function takeUpIn (milliseconds: number, execution: { executionId: string, organizationId: string }): void {
    setTimeout(() => { void takeOver({ ...execution, suspect: false, priority: 0 }).catch(logFault) }, milliseconds).unref()
  }

  function logFault (error: unknown): void {
    log.error({ err: error }, 'An execution could not be taken up; it will be tried again')
  }

  function track ({ id }: QueuedExecution, run: ExecutionRun): void {
    runs.add(run)
    mailWatch.began(run)
    void run.ended.then(end => {
      runs.remove(run)
      if (end === 'parked') mailWatch.parked(run)
      if (end === 'reload') void reload(run).catch(logFault)
      if (end !== 'finished') return
      metrics.ended(run.status)
      metrics.duration.observe(Math.max(0, now() - idTime(id)) / 1000)
    })
  }

  /** What has run to its end and only awaits its commit needs no slot; the writer's backlog bounds those. */
  function occupy (run: ExecutionRun): void {
    if (run.isSettled) return
    const { organizationId } = run.identity
    slots.take(organizationId)
    void run.ended.then(() => { slots.release(organizationId) })
  }

  function begin (execution: QueuedExecution, plan: Plan, writerId: string, signal: Signal, started: Countdown): void {
    const state = initialState(plan, execution.nodeId, JSON.parse(execution.payload), execution.id)
    const run = new ExecutionRun(host, identify(execution, writerId), plan, state, false, started.add())
    track(execution, run)
    run.signal(signal)
    occupy(run)
  }

  async function runFresh (executions: QueuedExecution[]): Promise<void> {
    const writerId = nextId()
    const started = new Countdown()
    const deferred: string[] = []
    const limited: LimitedExecution[] = []
    // A delivery is of one organization.
    const organizationId = executions[0]?.organizationId
    if (organizationId === undefined) return
    const organizationLimit = await limits.ofOrganization(organizationId)
    let sliceEnd = performance.now() + SLICE
    for (let queued = executions.shift(); queued !== undefined; queued = executions.shift()) {
      if (performance.now() > sliceEnd) {
        await new Promise(resolve => setImmediate(resolve))
        sliceEnd = performance.now() + SLICE
      }
      if (writer.backlog > WRITER_HIGH_WATER) await writer.drained()
      // An organization over its share does not wait in line for a slot: others stand behind it.
      if (!closing && !slots.isOverShare(queued.organizationId)) await slots.available()
      if (closing || slots.isOverShare(queued.organizationId)) {
        deferred.push(queued.id)
        continue
      }
      try {
        const execution = isStoredPayload(queued.payload) ? await values.withPayload(queued) : queued
        const plan = plans.cached(execution.workflowId, execution.version) ?? await plans.get(execution.organizationId, execution.workflowId, execution.version)
        if (plan === undefined) throw new Error(`No version ${execution.version} of workflow ${execution.workflowId}`)
        if (plan.limits.needs !== undefined || organizationLimit !== null) {
          const needs = limits.needsOf(execution, plan, organizationLimit)
          limited.push({ executionId: execution.id, needs, priority: priorityLevel(execution.origin) })
          continue
        }
        const signal = needsReading(execution, plan) ? await beginSignal(options, execution, plan) : BEGIN
        if (runs.has(execution.id)) continue
        begin(execution, plan, writerId, signal, started)
      } catch (error) {
        if (error instanceof NodeError) {
          await endUnrun(host, identify(queued, writerId), [], { type: 'execution.failed', at: now(), error: error.toStepError() })
          continue
        }
        log.error({ err: error, executionId: queued.id, workflowId: queued.workflowId }, 'An execution could not begin; the sweeper will try it again')
        deferred.push(queued.id)
      }
    }
    if (limited.length > 0) await limits.block(limited, organizationId)
    if (deferred.length > 0) {
      metrics.deferred.inc(deferred.length)
      await withDeadline(QUERY_DEADLINE, queueExecutions(sql, deferred, false, DEFER_SECONDS))
    }
    started.close()
    await started.over
  }

  async function close (graceMilliseconds: number): Promise<void> {
    closing = true
    const limit = Date.now() + graceMilliseconds
    while (runs.size > 0 && Date.now() < limit) await Promise.race([Promise.all([...runs.values()].map(async run => await run.ended)), new Promise(resolve => setTimeout(resolve, 50))])
    heartbeat.stop()
    // Also those without a lease yet: their first append may be on its way, and take one.
    const held = leasesOf(runs.values())
    for (const run of [...runs.values()]) run.abandon()
    await writer.drained()
    if (held.length > 0) await releaseLeases(sql, held)
  }

  return {
    limits,
    runFresh,
    takeOver,
    mail: mailWatch.mail,
    wake (execution) {
      // It may not have heard yet that it is parked.
      const run = runs.get(execution.executionId)
      if (run === undefined) takeUpIn(WAKE_DELAY, execution)
      else void run.ended.then(() => { takeUpIn(WAKE_DELAY, execution) })
    },
    get free () { return closing ? 0 : slots.free },
    get running () { return runs.size },
    close
  }
}
