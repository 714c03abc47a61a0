import { encodeBeginning, outdated, takeOver } from '../../engine/beginning.ts'
import type { Event, PartialRun } from '../../engine/events.ts'
import type { Plan } from '../../engine/plan.ts'
import { decodeEvents } from '../../engine/stored-events.ts'
import type { TenantDb } from '../../db/client.ts'
import { findExecution, loadHistory, type ExecutionHistory } from '../../db/queries/executions.ts'
import { findWorkflow } from '../../db/queries/workflows.ts'
import { readOrigin, writeOrigin } from '../../lib/execution-origin.ts'
import { ExecutionUnfinished, InvalidInput, NotFound, TooLargeToShow } from '../problems.ts'
import type { ExecutionDependencies } from './index.ts'
import { accept } from './accept.ts'
import { disabledPackages } from './disabled-packages.ts'

export interface RetryRequest {
  readonly from: 'failedStep' | 'start'
  readonly version: 'same' | 'newest'
  /** Of the new one, where it has been named before. */
  readonly executionId?: string
  /** Also where it is not over: the same request once more, not a second try. */
  readonly unfinishedToo?: boolean
}

/**
 * Starts a new execution that does what an ended one did not. From the failed step it takes over all steps from which
 * the workflow went on, as far as they, and all before them, are the same in the version to run.
 */
export async function retryExecution (deps: ExecutionDependencies, db: TenantDb, id: string, { from, version, executionId = deps.nextId(), unfinishedToo = false }: RetryRequest): Promise<{ executionId: string }> {
  const { plans, packages } = deps
  const { organizationId } = db
  const [row, history] = await db.run(async tx => [await findExecution(tx, organizationId, id), await loadHistory(tx, organizationId, id)])
  if (row === undefined || history === undefined) throw NotFound('execution with this id')
  if (history === 'tooLarge') throw TooLargeToShow()
  if (row.finalStatus === null && !unfinishedToo) throw ExecutionUnfinished('retried')
  const wanted = version === 'same' ? history.version : await newestVersion(db, history.workflowId)
  const [before, plan] = [await plans.get(organizationId, history.workflowId, history.version), await plans.get(organizationId, history.workflowId, wanted)]
  if (before === undefined || plan === undefined) throw NotFound('version of the workflow to run any more')
  const disabled = await disabledPackages(plan, packages, db)
  if (disabled.length > 0) throw InvalidInput(disabled)
  const events = eventsOf(history)
  const old = readOrigin(row.origin ?? '')
  const partial = partialIn(plan, events)
  const steps = from === 'start' ? [] : takenOver(before, plan, events, () => true)
  await accept(deps, {
    id: executionId,
    organizationId,
    workflowId: history.workflowId,
    version: wanted,
    nodeId: startOf(plan, history),
    trigger: row.trigger,
    payload: history.payload,
    origin: writeOrigin({ retryOf: id, rootId: old.rootId ?? id, ...(old.depth === undefined ? {} : { depth: old.depth }), ...(old.hops === undefined ? {} : { hops: old.hops }), ...(old.priority === undefined ? {} : { priority: old.priority }), ...(steps.length > 0 || partial !== undefined ? { prepared: true } : {}) }),
    published: false
  }, steps.length > 0 || partial !== undefined ? encodeBeginning({ steps, ...(partial === undefined ? {} : { partial }) }) : undefined, id)
  return { executionId }
}

export function eventsOf ({ segments }: ExecutionHistory): Event[] {
  return segments.flatMap(segment => decodeEvents(JSON.parse(segment)))
}

/** Of the steps of an execution those whose results hold in this version, and that are wanted. */
export function takenOver (before: Plan, plan: Plan, events: readonly Event[], wanted: (node: number) => boolean): Event[] {
  const changed = outdated(before, plan)
  return takeOver(events, id => {
    const node = plan.byId.get(id)
    return node !== undefined && changed[node.index] === 0 && wanted(node.index)
  })
}

/** The node that an execution started at, if this version has it. */
export function startOf (plan: Plan, { nodeId }: ExecutionHistory): string {
  if (plan.byId.has(nodeId)) return nodeId
  throw InvalidInput([{ pointer: '/version', message: `version ${plan.version} has no node ${JSON.stringify(nodeId)}, at which the execution started`, code: 'WC_NODE_UNKNOWN' }])
}

/** What a partial run was to do, as far as this version has the nodes. */
export function partialIn (plan: Plan, events: readonly Event[]): PartialRun | undefined {
  const started = events.find(event => event.type === 'execution.started')
  if (started?.type !== 'execution.started' || started.partial === undefined) return undefined
  const { only, pinned, ...rest } = started.partial
  return {
    ...rest,
    ...(only === undefined ? {} : { only: only.filter(id => plan.byId.has(id)) }),
    ...(pinned === undefined ? {} : { pinned: Object.fromEntries(Object.entries(pinned).filter(([id]) => plan.byId.has(id))) })
  }
}

async function newestVersion (db: TenantDb, workflowId: string): Promise<number> {
  const workflow = await db.run(async tx => await findWorkflow(tx, db.organizationId, workflowId))
  if (workflow === undefined) throw NotFound('workflow of this execution any more')
  return workflow.publishedVersion ?? workflow.version
}
