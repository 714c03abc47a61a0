import type { Event, Outputs, PartialRun } from './events.ts'
import type { Plan, PlanNode } from './plan.ts'
import type { Token } from './state.ts'
import { decodeEvents, encodeEvents, type StoredEvent } from './stored-events.ts'

/** What few executions begin with, beside their trigger's item. Committed with the execution, so it needs nobody else's data. */
export interface Beginning {
  readonly partial?: PartialRun
  /** Steps that another execution made and this one takes over, as the events that tell of them. */
  readonly steps: readonly Event[]
}

/** JSON text on one line. */
export function encodeBeginning ({ partial, steps }: Beginning): string {
  return `{"steps":${encodeEvents(steps)}${partial === undefined ? '' : `,"partial":${JSON.stringify(partial)}`}}`
}

export function decodeBeginning (text: string): Beginning {
  const { steps, partial } = JSON.parse(text) as { steps: StoredEvent[], partial?: PartialRun }
  return { steps: decodeEvents(steps), ...(partial === undefined ? {} : { partial }) }
}

/**
 * The events of runs that ended and from which the workflow went on, in their order: without attempts that failed, waits,
 * and whatever was under way. Folded, they are the execution as if just these steps had been made.
 */
export function takeOver (events: readonly Event[], keeps: (nodeId: string) => boolean): Event[] {
  const ended = new Set(events.filter(isResult).filter(({ nodeId }) => keeps(nodeId)).map(({ nodeId, run }) => `${nodeId}:${run}`))
  const begun = new Set<string>()
  return events.filter(event => {
    if (isResult(event)) return keeps(event.nodeId)
    if (event.type !== 'step.started') return false
    const key = `${event.nodeId}:${event.run}`
    if (!ended.has(key) || begun.has(key)) return false
    begun.add(key)
    return true
  })
}

function isResult (event: Event): event is Extract<Event, { type: 'step.succeeded' | 'step.failed' }> {
  return event.type === 'step.succeeded' || (event.type === 'step.failed' && (event.outputs ?? event.stored?.outputs) !== undefined)
}

/**
 * What a node sends instead of running, if somebody said so. Each item is linked to the one in its place, as far as there
 * are as many.
 */
export function pinnedOutputs ({ pinned }: PartialRun, { id, through }: PlanNode, inputs: readonly Token[]): Outputs | undefined {
  // Ids come from workflows: one may be `constructor`.
  if (pinned === undefined || !Object.hasOwn(pinned, id)) return undefined
  const count = inputs.reduce((sum, { length }) => sum + length, 0)
  return through === undefined ? {} : { [through]: pinned[id]!.map((item, index) => index < count ? { from: index, ...item } : item) }
}

/** 1 for each node of `plan` whose results in an execution of `before` do not hold any more: it, or one before it, is not what it was. */
export function outdated (before: Plan, plan: Plan): Uint8Array {
  if (before === plan) return new Uint8Array(plan.nodes.length)
  return following(plan, plan.nodes.filter(node => {
    const old = before.byId.get(node.id)
    return old === undefined || makeup(before, old) !== makeup(plan, node)
  }))
}

/** What a node's results depend on, apart from what comes in: also the order in which several connections are read. */
function makeup (plan: Plan, { type, written, disabled, onError, incoming, loop, inputs }: PlanNode): string {
  const ends = [...incoming, loop?.back ?? []].map(edges => edges.map(({ from, output }) => [plan.nodes[from]!.id, plan.nodes[from]!.outputs[output]]))
  return JSON.stringify([type.type, written, disabled, onError, inputs, ends])
}

/** 1 for these nodes and all that they lead to, around loops too. */
export function following (plan: Plan, nodes: readonly PlanNode[]): Uint8Array {
  return spread(plan, nodes, node => node.outgoing.flatMap(edges => edges.map(({ to }) => to)))
}

/** 1 for these nodes and all that lead to them. */
export function preceding (plan: Plan, nodes: readonly PlanNode[]): Uint8Array {
  const sources = plan.nodes.map((): number[] => [])
  for (const { from, to } of plan.edges) sources[to]!.push(from)
  return spread(plan, nodes, node => sources[node.index]!)
}

function spread (plan: Plan, nodes: readonly PlanNode[], next: (node: PlanNode) => readonly number[]): Uint8Array {
  const marks = new Uint8Array(plan.nodes.length)
  const open = [...nodes]
  for (const { index } of nodes) marks[index] = 1
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const index of next(node)) {
      if (marks[index] === 1) continue
      marks[index] = 1
      open.push(plan.nodes[index]!)
    }
  }
  return marks
}
