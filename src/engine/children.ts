import { createHash } from 'node:crypto'
import type { TerminalStatus, Instant } from './events.ts'
import type { Priority } from '../lib/execution-origin.ts'
import { uuidOf } from '../lib/ids.ts'
import type { GivenItem } from './item.ts'
import type { StepError } from './node-error.ts'
import { firstSent } from './outputs-by-name.ts'
import type { Plan } from './plan.ts'
import type { State } from './state.ts'

/** The trigger at which a published workflow starts as a part of another. */
export interface ChildTarget {
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  /** That its own settings ask for; absent where they ask for none. */
  readonly priority?: Priority
}

/** An execution to be started by a step, in the statement that records the step. */
export interface ChildStart extends ChildTarget {
  readonly id: string
  /** Which of the step's items it is for. */
  readonly index: number
  /** Of its trigger. */
  readonly item: GivenItem
  /** Whether the step waits for it. */
  readonly awaited: boolean
}

/** How an execution ended that a step had started. */
export interface ChildEnd {
  readonly index: number
  /** Of an item for which none could be started there is none. */
  readonly executionId?: string
  readonly status: TerminalStatus
  /** What it has to show for it, if it succeeded. */
  readonly items?: readonly GivenItem[]
  readonly error?: StepError
}

/** What a step knows of the executions that it waits for. */
export interface Children {
  /** Ids of those that have not ended, by the position of their item. */
  readonly open: Map<number, string>
  /** The others, by the position of their item. */
  readonly ended: Map<number, ChildEnd>
  /** The workflows that they are executions of, by id, as they were when the step began. */
  readonly targets: Readonly<Record<string, ChildTarget>>
}

/** What happened with the children of a step since its event before. */
export interface ChildrenChange {
  readonly started: ReadonlyArray<{ readonly index: number, readonly id: string }>
  readonly ended: readonly ChildEnd[]
  /** With the first. */
  readonly targets?: Readonly<Record<string, ChildTarget>>
}

export function applyChildren (before: Children | undefined, { started, ended, targets = {} }: ChildrenChange): Children {
  const children = before ?? { open: new Map<number, string>(), ended: new Map<number, ChildEnd>(), targets }
  for (const { index, id } of started) children.open.set(index, id)
  for (const end of ended) {
    children.open.delete(end.index)
    children.ended.set(end.index, end)
  }
  return children
}

/**
 * The id of the execution that an attempt of a step starts for one of its items, at that time: a UUIDv7, so that it finds its
 * partition, and always the same, so that nothing that is repeated starts another one.
 */
export function childId (executionId: string, { nodeId, run, attempt }: { readonly nodeId: string, readonly run: number, readonly attempt: number }, index: number, at: Instant): string {
  return uuidOf(at, createHash('sha256').update(JSON.stringify([executionId, nodeId, run, attempt, index])).digest())
}

/**
 * What an execution that succeeded hands to the step that waits for it: what its `respond` node said, else the items of its last step,
 * which is that of the last node in plan order that ran.
 */
export function resultOf (plan: Plan, { answer, nodes }: Pick<State, 'answer' | 'nodes'>): GivenItem[] {
  if (answer !== undefined) return itemsOf(answer.body)
  for (let index = plan.nodes.length - 1; index >= 0; index--) {
    const last = nodes[index]!.results.at(-1)
    if (last === undefined) continue
    return (firstSent(plan.nodes[index]!, last) ?? []).map(({ json, binary }) => binary === undefined ? { json } : { json, binary })
  }
  return []
}

/** A list is an item each. */
function itemsOf (body: unknown): GivenItem[] {
  const all = Array.isArray(body) ? body : [body]
  return all.map(value => ({ json: isObject(value) ? value : { value } }))
}

export function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
