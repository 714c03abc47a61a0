import { dueAt } from './due.ts'
import type { Plan } from './plan.ts'
import type { Children } from './children.ts'
import type { RunState, State } from './state.ts'
import { LAST_INSTANT, type Wait } from './wait.ts'

interface WaitKindView {
  readonly type: 'retry' | Wait['kind']
  /** Of an approval. */
  readonly choices?: readonly string[]
  readonly message?: string
  /** Of executions that it started: how many have not ended, how many have, and ids of some that have not. */
  readonly open?: number
  readonly ended?: number
  readonly executionIds?: readonly string[]
}

/** What a waiting step waits for, in words for clients. */
export interface WaitView extends WaitKindView {
  readonly nodeId: string
  readonly run: number
  /** When it goes on whatever happens; RFC 3339. */
  readonly until?: string
}

/** Of an execution: its next wait, and the others. */
export interface WaitingFor extends WaitView {
  readonly others?: readonly WaitView[]
}

const MAX_OTHERS = 50

/** Why an execution of which nothing runs does not go on: what is due first comes first. */
export function waitingFor (plan: Plan, state: State): WaitingFor | undefined {
  const waits = plan.nodes.flatMap(node => {
    const { current } = state.nodes[node.index]!
    return current === undefined || current.status === 'running' ? [] : [{ due: dueAt(current), view: viewOf(node.id, current) }]
  })
  // Stable: where none is due sooner, plan order decides.
  const [first, ...rest] = waits.sort((a, b) => a.due === b.due ? 0 : a.due - b.due).map(({ view }) => view)
  if (first === undefined) return undefined
  return rest.length === 0 ? first : { ...first, others: rest.slice(0, MAX_OTHERS) }
}

function viewOf (nodeId: string, current: Exclude<RunState, { status: 'running' }>): WaitView {
  const place = { nodeId, run: current.run }
  const due = dueAt(current)
  const until = due >= LAST_INSTANT ? {} : { until: new Date(due).toISOString() }
  return current.status === 'waiting' ? { type: 'retry', ...place, ...until } : { ...waitView(current.wait), ...childrenView(current.children), ...place, ...until }
}

const MAX_IDS = 10

function childrenView (children: Children | undefined): Partial<WaitKindView> {
  if (children === undefined) return {}
  return { open: children.open.size, ended: children.ended.size, executionIds: [...children.open.values()].slice(0, MAX_IDS) }
}

/** What is told of a wait beside its place and its time. */
export function waitView (wait: Wait): WaitKindView {
  if (wait.kind !== 'approval') return { type: wait.kind }
  return { type: wait.kind, choices: wait.choices, ...(wait.message === undefined ? {} : { message: wait.message }) }
}
