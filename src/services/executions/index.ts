import type { Token } from '../../engine/state.ts'
import type { Sql, TenantDb } from '../../db/client.ts'
import type { AuditEntry } from '../../db/queries/audit-log.ts'
import { deleteExecution, findExecution, listExecutions, listLogs, loadHistory, type ExecutionFilter } from '../../db/queries/executions.ts'
import { sendMessage } from '../../db/queries/inbox.ts'
import type { HintBus } from '../../queue/hint-bus.ts'
import type { Acceptance } from '../acceptance.ts'
import { announceMail } from '../answers.ts'
import { by, type Actor, type Origin } from '../audit.ts'
import type { NodePackages } from '../node-packages.ts'
import type { Plans } from '../plans.ts'
import type { FileReaper } from '../files/reaper.ts'
import type { LargeValues } from '../files/large-values.ts'
import { FileMissing, StorageError } from '../../storage/port.ts'
import { ExecutionTerminal, ExecutionUnfinished, NotFound, StorageUnavailable, TooLargeToShow } from '../problems.ts'
import { decideApproval, type Decision } from './decide-approval.ts'
import { createStepLoader, type LoadedSteps } from './load-steps.ts'
import { showItems, showSteps, type StepPage } from './show-steps.ts'
import { retryExecution, type RetryRequest } from './retry.ts'
import { startExecution, type StartRequest } from './start.ts'
import { toExecution, toLogLine, type ExecutionView, type LogLineView } from './view.ts'

export interface ExecutionService {
  start (db: TenantDb, request: StartRequest): Promise<{ executionId: string }>
  get (db: TenantDb, id: string): Promise<ExecutionView>
  /** One row more than asked for, where there is one. */
  list (db: TenantDb, filter: ExecutionFilter): Promise<ExecutionView[]>
  steps (db: TenantDb, id: string, page: { readonly start: number, readonly limit: number | undefined }): Promise<StepPage>
  items (db: TenantDb, id: string, which: WhichItems): Promise<StepPage>
  logs (db: TenantDb, id: string, afterSeq: number, limit: number): Promise<LogLineView[]>
  cancel (db: TenantDb, id: string, origin: Origin): Promise<void>
  retry (db: TenantDb, id: string, request: RetryRequest): Promise<{ executionId: string }>
  /** What started it starts another one, whatever became of it. */
  replay (db: TenantDb, id: string, version: 'same' | 'newest', executionId?: string): Promise<{ executionId: string }>
  /** A member decides what an `approval` node waits for. */
  decide (db: TenantDb, actor: Actor, decision: Decision): Promise<{ executionId: string }>
  delete (db: TenantDb, id: string, origin: Origin): Promise<void>
}

export interface WhichItems {
  readonly nodeId: string
  readonly run: number
  readonly of: 'inputs' | 'outputs'
  /** By default the first that has items. */
  readonly port: string | undefined
  readonly start: number
  readonly limit: number
}

export interface ExecutionDependencies {
  readonly sql: Sql
  readonly plans: Plans
  readonly packages: Pick<NodePackages, 'enabled'>
  readonly acceptance: Acceptance
  readonly values: LargeValues
  readonly reaper: FileReaper
  readonly hints: HintBus
  readonly nextId: () => string
  readonly now: () => number
}

const WHAT = 'execution with this id'

export function createExecutionService (deps: ExecutionDependencies): ExecutionService {
  const { sql, plans, values, reaper, hints, nextId, now } = deps
  const loader = createStepLoader(values)

  function auditOf ({ organizationId }: TenantDb, targetId: string, origin: Origin, action: string): AuditEntry {
    return { id: nextId(), organizationId, ...by(origin), action, targetType: 'execution', targetId }
  }

  async function get (db: TenantDb, id: string): Promise<ExecutionView> {
    const row = await db.run(async tx => await findExecution(tx, db.organizationId, id))
    if (row === undefined) throw NotFound(WHAT)
    return toExecution(row)
  }

  async function withSteps<T> (db: TenantDb, id: string, use: (loaded: LoadedSteps) => T): Promise<T> {
    const history = await db.run(async tx => await loadHistory(tx, db.organizationId, id))
    if (history === undefined) throw NotFound(WHAT)
    if (history === 'tooLarge') throw TooLargeToShow()
    const plan = await plans.get(db.organizationId, history.workflowId, history.version)
    if (plan === undefined) throw NotFound(`version ${history.version} of the workflow any more`)
    try {
      return await loader.withSteps(db.organizationId, plan, history, use)
    } catch (error) {
      if (error instanceof FileMissing) throw NotFound('file of this execution any more')
      throw error instanceof StorageError ? StorageUnavailable(error) : error
    }
  }

  return {
    start: async (db, request) => await startExecution(deps, db, request),
    retry: async (db, id, request) => await retryExecution(deps, db, id, request),
    replay: async (db, id, version, executionId = nextId()) => await retryExecution(deps, db, id, { from: 'start', version, executionId, unfinishedToo: true }),
    get,
    list: async (db, filter) => (await db.run(async tx => await listExecutions(tx, db.organizationId, filter, now()))).map(toExecution),
    steps: async (db, id, { start, limit }) => await withSteps(db, id, loaded => showSteps(id, loaded, start, limit)),
    items: async (db, id, { nodeId, run, of, port, start, limit }) => await withSteps(db, id, ({ steps, hasItems }) => {
      if (!hasItems) throw TooLargeToShow()
      const step = steps.find(step => step.nodeId === nodeId && step.run === run)
      if (step === undefined) throw NotFound('step with this node and run')
      return showItems(itemsAt(step[of], port), start, limit)
    }),
    async logs (db, id, afterSeq, limit) {
      const lines = await db.run(async tx => await listLogs(tx, db.organizationId, id, afterSeq, limit))
      if (lines.length === 0) await get(db, id)
      return lines.map(toLogLine)
    },
    async cancel (db, id, origin) {
      const sent = await sendMessage(sql, db.organizationId, id, { messageId: nextId(), kind: 'cancel', body: {} }, auditOf(db, id, origin, 'execution.cancelled'))
      if (sent.outcome === 'unknown') throw NotFound(WHAT)
      if (sent.outcome === 'terminal') throw ExecutionTerminal()
      announceMail(hints, id, sent)
    },
    decide: async (db, actor, decision) => await decideApproval(deps, db, actor, decision),
    async delete (db, id, origin) {
      const outcome = await deleteExecution(sql, db.organizationId, id, auditOf(db, id, origin, 'execution.deleted'))
      if (outcome === 'unknown') throw NotFound(WHAT)
      if (outcome === 'unfinished') throw ExecutionUnfinished('deleted')
      reaper.nudge()
    }
  }
}

function itemsAt (ports: Readonly<Record<string, Token>>, port: string | undefined): Token {
  if (port === undefined) return Object.values(ports).find(items => items.length > 0) ?? []
  return Object.hasOwn(ports, port) ? ports[port]! : []
}
