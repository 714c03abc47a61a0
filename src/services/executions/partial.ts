import { following, preceding } from '../../engine/beginning.ts'
import type { Event, PartialRun } from '../../engine/events.ts'
import type { GivenItem } from '../../engine/item.ts'
import type { Plan, PlanNode } from '../../engine/plan.ts'
import type { TenantDb } from '../../db/client.ts'
import { loadHistory } from '../../db/queries/executions.ts'
import type { InputError } from '../../lib/problem.ts'
import { InvalidInput, TooLargeToShow } from '../problems.ts'
import type { ExecutionDependencies } from './index.ts'
import { eventsOf, partialIn, startOf, takenOver } from './retry.ts'

/** Which part of a workflow is to run, and on what. */
export interface PartRequest {
  readonly startNode?: string | undefined
  readonly destinationNode?: string | undefined
  /** What the start node gets: items, or items by input. */
  readonly inputs?: readonly GivenItem[] | Readonly<Record<string, readonly GivenItem[]>> | undefined
  /** An execution whose results are used for what comes before the part. */
  readonly fromExecutionId?: string | undefined
  /** True for those that are stored with the nodes. */
  readonly pinnedData?: true | Readonly<Record<string, readonly GivenItem[]>> | undefined
}

export interface Part {
  readonly nodeId: string
  /** JSON text, where it is not the given input. */
  readonly payload?: string
  readonly partial: PartialRun | undefined
  readonly steps: readonly Event[]
}

/** @param trigger the node that the execution starts at, unless the request says otherwise */
export async function planPart (deps: ExecutionDependencies, db: TenantDb, plan: Plan, trigger: PlanNode | undefined, request: PartRequest): Promise<Part | undefined> {
  const errors = problems(plan, request)
  if (errors.length > 0) throw InvalidInput(errors)
  const start = request.startNode === undefined ? undefined : plan.byId.get(request.startNode)
  const destination = request.destinationNode === undefined ? undefined : plan.byId.get(request.destinationNode)
  const pinned = pinnedOf(plan, request.pinnedData)
  if (request.fromExecutionId !== undefined) return await onRecorded(deps, db, plan, request.fromExecutionId, start, destination, pinned)
  const first = start ?? triggerFor(plan, trigger, destination)
  if (first === undefined) return undefined
  const only = start === undefined && destination === undefined ? undefined : between(plan, first, destination)
  if (only !== undefined && destination !== undefined && only[destination.index] === 0) {
    throw InvalidInput([{ pointer: '/destinationNode', message: `no path leads from ${JSON.stringify(first.id)} to it`, code: 'WC_NODE_UNREACHABLE' }])
  }
  const inputs = request.inputs === undefined ? undefined : first.inputs.map((name, index) => inputOf(request.inputs!, name, index))
  return { nodeId: first.id, partial: partialOf(plan, only, inputs, pinned), steps: [] }
}

async function onRecorded ({ plans }: ExecutionDependencies, db: TenantDb, plan: Plan, id: string, start: PlanNode | undefined, destination: PlanNode | undefined, pinned: PartialRun['pinned']): Promise<Part> {
  const history = await db.run(async tx => await loadHistory(tx, db.organizationId, id))
  if (history === 'tooLarge') throw TooLargeToShow()
  const before = history?.workflowId === plan.workflowId ? await plans.get(db.organizationId, history.workflowId, history.version) : undefined
  if (history === undefined || before === undefined) throw InvalidInput([{ pointer: '/fromExecutionId', message: 'there is no such execution of this workflow', code: 'WC_EXECUTION_UNKNOWN' }])
  const events = eventsOf(history)
  const rerun = following(plan, [(start ?? destination)!])
  const needed = start === undefined ? undefined : preceding(plan, plan.nodes.filter(({ index }) => rerun[index] === 1))
  const only = both(needed, destination === undefined ? undefined : preceding(plan, [destination]))
  return {
    nodeId: startOf(plan, history),
    payload: history.payload,
    partial: partialOf(plan, only, partialIn(plan, events)?.inputs, pinned),
    steps: takenOver(before, plan, events, node => rerun[node] === 0)
  }
}

function problems (plan: Plan, { startNode, destinationNode, inputs, fromExecutionId, pinnedData }: PartRequest): InputError[] {
  const errors: InputError[] = []
  const report = (pointer: string, message: string, code: string): void => { errors.push({ pointer, message, code }) }
  const unknown = (pointer: string, id: string | undefined): void => {
    if (id !== undefined && !plan.byId.has(id)) report(pointer, `version ${plan.version} has no node ${JSON.stringify(id)}`, 'WC_NODE_UNKNOWN')
  }
  unknown('/startNode', startNode)
  unknown('/destinationNode', destinationNode)
  if (typeof pinnedData === 'object') for (const id of Object.keys(pinnedData)) unknown(`/pinnedData/${id.replaceAll('~', '~0').replaceAll('/', '~1')}`, id)
  if (errors.length > 0) return errors
  const start = startNode === undefined ? undefined : plan.byId.get(startNode)
  if (inputs !== undefined && start === undefined) report('/inputs', 'are the inputs of startNode, which is missing', 'WC_REQUIRED')
  if (inputs !== undefined && fromExecutionId !== undefined) report('/inputs', 'give either inputs or fromExecutionId', 'WC_INVALID_VALUE')
  if (inputs !== undefined && start?.type.trigger === true) report('/inputs', `${JSON.stringify(start.id)} is a trigger, which gets input`, 'WC_INVALID_VALUE')
  if (inputs !== undefined && start !== undefined && start.scope !== -1 && startNode !== destinationNode) {
    report('/startNode', `is in the body of the loop ${JSON.stringify(plan.nodes[start.scope]!.id)}: start at the loop, or run just this node (destinationNode)`, 'WC_START_IN_LOOP')
  }
  if (start !== undefined && !start.type.trigger && inputs === undefined && fromExecutionId === undefined) report('/startNode', 'is no trigger, so it needs inputs or fromExecutionId', 'WC_REQUIRED')
  if (fromExecutionId !== undefined && startNode === undefined && destinationNode === undefined) report('/fromExecutionId', 'needs startNode or destinationNode: which part is to run again', 'WC_REQUIRED')
  if (inputs !== undefined && !Array.isArray(inputs)) for (const name of Object.keys(inputs)) if (start?.inputs.includes(name) === false) report(`/inputs/${name}`, `${JSON.stringify(start.id)} has the inputs ${start.inputs.join(', ')}`, 'WC_INPUT_UNKNOWN')
  return errors
}

function triggerFor (plan: Plan, trigger: PlanNode | undefined, destination: PlanNode | undefined): PlanNode | undefined {
  if (destination === undefined) return trigger
  const before = preceding(plan, [destination])
  if (trigger !== undefined && before[trigger.index] === 1) return trigger
  return plan.nodes.find(node => node.type.trigger && !node.disabled && before[node.index] === 1) ?? trigger
}

function inputOf (inputs: NonNullable<PartRequest['inputs']>, name: string, index: number): readonly GivenItem[] {
  if (isList(inputs)) return index === 0 ? inputs : []
  return Object.hasOwn(inputs, name) ? inputs[name]! : []
}

const isList = (inputs: NonNullable<PartRequest['inputs']>): inputs is readonly GivenItem[] => Array.isArray(inputs)

function pinnedOf (plan: Plan, pinnedData: PartRequest['pinnedData']): PartialRun['pinned'] {
  if (pinnedData !== true) return pinnedData
  return Object.fromEntries(plan.nodes.flatMap(({ id, pinned }) => pinned === undefined ? [] : [[id, pinned]]))
}

/** In a loop's body, what leads to a node may come behind it as well. */
function between (plan: Plan, first: PlanNode, last: PlanNode | undefined): Uint8Array | undefined {
  if (first === last) return Uint8Array.from(plan.nodes, node => node === first ? 1 : 0)
  return both(following(plan, [first]), last === undefined ? undefined : preceding(plan, [last]))
}

function both (a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  return a === undefined || b === undefined ? a ?? b : a.map((mark, index) => mark & b[index]!)
}

function partialOf (plan: Plan, only: Uint8Array | undefined, inputs: PartialRun['inputs'], pinned: PartialRun['pinned']): PartialRun | undefined {
  if (only === undefined && inputs === undefined && pinned === undefined) return undefined
  return {
    ...(only === undefined ? {} : { only: plan.nodes.filter(({ index }) => only[index] === 1).map(({ id }) => id) }),
    ...(inputs === undefined ? {} : { inputs }),
    ...(pinned === undefined ? {} : { pinned })
  }
}
