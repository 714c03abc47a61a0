import type { Sql } from '../db/client.ts'
import { classifyFailure, isConnectionFailure, isMissingPartition } from '../db/failure.ts'
import { acceptExecutions, type NewExecution } from '../db/queries/accept-executions.ts'
import type { KeyedExecution } from '../db/queries/accept-once.ts'
import { acceptPrepared } from '../db/queries/beginnings.ts'
import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import { groupBy } from '../lib/group-by.ts'
import { GroupCommit } from '../lib/group-commit.ts'
import { Problem } from '../lib/problem.ts'
import type { QueuedExecution } from '../lib/queued-execution.ts'
import { StorageError } from '../storage/port.ts'
import { claimAll, keyOf, type Claim } from './accept-once.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { LargeValues } from './files/large-values.ts'
import type { Metrics } from './metrics.ts'
import { Overloaded, QuotaExceeded, StorageUnavailable, Unavailable } from './problems.ts'
import type { Quotas } from './quotas/quotas.ts'

export interface Acceptance {
  /**
   * For what is stored before its execution is accepted: nothing of it is kept where the quota is used up. No promise that it will be.
   * @throws Problem 429, 503
   */
  admit (organizationId: string): Promise<void>
  /**
   * Commits a new execution, then dispatches it.
   * @returns false where the workflow is gone, or no longer published in that version
   * @throws Problem 503 where it could not be committed
   */
  accept (execution: NewExecution): Promise<boolean>
  /** The same for one that begins with more than its trigger's item; `beginning` is JSON text. */
  acceptPrepared (execution: NewExecution, beginning: string): Promise<boolean>
  /**
   * The same for one that starts only if no other execution holds its key.
   * @returns who holds it now; undefined where `accept` answers false
   */
  acceptOnce (execution: KeyedExecution): Promise<Claim | undefined>
  readonly backlog: { rows: number, bytes: number }
  drained (): Promise<void>
}

export interface AcceptanceOptions {
  readonly sql: Sql
  readonly dispatcher: Dispatcher
  readonly values: LargeValues
  readonly metrics: Metrics
  readonly quotas: Pick<Quotas, 'isFree' | 'demand' | 'within' | 'settle'>
  /** Makes the partitions that are missing. */
  readonly ensurePartitions: () => Promise<void>
  /** At once */
  readonly statements: { readonly acceptances: number, readonly keyedAcceptances: number }
}

/** A client is told to come back rather than kept waiting longer than this for the database, milliseconds. */
const PATIENCE = 3000
const STATEMENT_DEADLINE = 5000
const MAX_WAITING_ROWS = 10_000
const MAX_WAITING_BYTES = 64 * 1024 * 1024
const ROW_OVERHEAD = 250

export function createAcceptance ({ sql, dispatcher, values, metrics, quotas, ensurePartitions, statements }: AcceptanceOptions): Acceptance {
  async function insert<T> (statement: () => Promise<T>): Promise<T> {
    try {
      return await withDeadline(STATEMENT_DEADLINE, statement())
    } catch (error) {
      if (!isMissingPartition(error)) throw error
      await ensurePartitions()
      return await withDeadline(STATEMENT_DEADLINE, statement())
    }
  }

  let storing = 0

  /** With its payload in the file storage: from there it is committed and dispatched like any other. */
  async function stored<T extends QueuedExecution> (execution: T): Promise<T> {
    const { id: executionId, organizationId, payload } = execution
    storing += payload.length
    try {
      return { ...execution, payload: await values.storePayload({ organizationId, executionId }, payload) }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      metrics.rejected.inc({ reason: 'storage' })
      throw StorageUnavailable(error)
    } finally {
      storing -= payload.length
    }
  }

  function accepted (rows: readonly QueuedExecution[]): void {
    dispatcher.dispatch(rows)
    for (const [organizationId, { length }] of groupBy(rows, row => row.organizationId)) quotas.settle(organizationId, length)
    for (const [trigger, { length }] of groupBy(rows, row => row.trigger)) metrics.accepted.inc({ trigger }, length)
  }

  const group = new GroupCommit<NewExecution, boolean>({
    async commit (rows) {
      const ids = await insert(async () => await acceptExecutions(sql, rows))
      accepted(ids.size === rows.length ? rows : rows.filter(row => ids.has(row.id)))
      return rows.map(row => ids.has(row.id))
    },
    classify: classifyFailure,
    sizeOf: row => row.payload.length + ROW_OVERHEAD,
    keyOf: row => row.id,
    maxInFlight: statements.acceptances,
    patience: PATIENCE
  })

  const once = new GroupCommit<KeyedExecution, Claim | undefined>({
    async commit (rows) {
      const claims = await insert(async () => await claimAll(sql, rows))
      const started = rows.filter((_row, index) => claims[index]?.duplicate === false)
      if (started.length > 0) accepted(started)
      return claims
    },
    classify: classifyFailure,
    sizeOf: row => row.payload.length + ROW_OVERHEAD,
    keyOf,
    maxInFlight: statements.keyedAcceptances,
    patience: PATIENCE
  })

  function backlog (): { rows: number, bytes: number } {
    return { rows: group.backlog.rows + once.backlog.rows, bytes: group.backlog.bytes + once.backlog.bytes }
  }

  function refuse (error: unknown): never {
    if (error instanceof Problem && error.code === QuotaExceeded.code) metrics.rejected.inc({ reason: 'quota' })
    if (!isConnectionFailure(error) && !(error instanceof DeadlineError)) throw error
    metrics.rejected.inc({ reason: 'database' })
    throw Unavailable('database', error)
  }

  // Not `async`, nor what calls it for each request: promises are a good part of what an acceptance costs this process.
  function unlessAway<T> (organizationId: string, commit: () => Promise<T>): Promise<T> {
    const { rows, bytes } = backlog()
    if (rows >= MAX_WAITING_ROWS || bytes + storing >= MAX_WAITING_BYTES) {
      metrics.rejected.inc({ reason: 'overload' })
      return Promise.reject(Overloaded(1))
    }
    return (quotas.isFree(organizationId) ? commit() : quotas.within(organizationId, commit)).catch(refuse)
  }

  return {
    admit: async organizationId => { await quotas.demand(organizationId, 1).catch(refuse) },
    accept: execution => unlessAway(execution.organizationId, () => execution.payload.length > values.limit ? stored(execution).then(row => group.add(row)) : group.add(execution)),
    acceptPrepared: async (execution, beginning) => await unlessAway(execution.organizationId, async () => {
      const row = execution.payload.length > values.limit ? await stored(execution) : execution
      const found = await insert(async () => await acceptPrepared(sql, row, beginning))
      if (found) accepted([row])
      return found
    }),
    acceptOnce: async execution => await unlessAway(execution.organizationId, async () => await once.add(execution.payload.length > values.limit ? await stored(execution) : execution)),
    get backlog () { return backlog() },
    drained: async () => { await Promise.all([group.drained(), once.drained()]) }
  }
}
