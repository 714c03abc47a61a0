import { LOOP } from './loop-structure.ts'
import type { Item, OutputItem } from './item.ts'
import type { Outputs } from './events.ts'
import type { PlanLoop } from './plan.ts'
import { NONE } from './short-list.ts'
import type { State, Token } from './state.ts'

/**
 * A loop goes around from the list that it took until all of it went into its body and the last iteration ended.
 * An iteration ends when nothing in the body can move any more, whatever came of it.
 */
export interface LoopState {
  /** What goes around; undefined between lists. */
  items: Token | undefined
  /** How many of them have gone into the body. */
  given: number
  /** How many go at a time: as many as the node sent first. */
  batchSize: number
  /** What came back, iteration after iteration. */
  returned: Item[]
  /** Nodes of the body that are not finished in this iteration. */
  open: number
}

export function initialLoop (): LoopState {
  return { items: undefined, given: 0, batchSize: 0, returned: [], open: 0 }
}

/** Whether the loop is in the middle of a list, and its iteration is over: it is to go on by itself. */
export function isTurning (loop: LoopState | undefined): loop is LoopState & { items: Token } {
  return loop?.items !== undefined
}

/** What came back in the iteration that is over, in plan order of the connections that end the body. */
export function takeReturned (state: State, loop: LoopState, { back }: PlanLoop): readonly Token[] {
  const returned = back.flatMap(({ index }) => state.edges[index]!.tokens).flat()
  for (const item of returned) loop.returned.push(item)
  return [returned]
}

/** What a loop sends when an iteration is over: the next batch, or, behind the last, all that came back. */
export function nextOutputs ({ items, given, batchSize, returned }: LoopState & { items: Token }): Outputs {
  const left = Math.min(batchSize, items.length - given)
  return left > 0 ? { [LOOP.body]: range(given, left) } : { [LOOP.done]: range(0, returned.length) }
}

function range (first: number, count: number): OutputItem[] {
  return Array.from({ length: count }, (_, index) => ({ from: first + index }))
}

/** What the positions in an outcome of the loop refer to. */
export function loopSources (loop: LoopState, output: string, inputs: readonly Token[]): Token {
  if (loop.items === undefined) return inputs[0] ?? []
  return output === LOOP.done ? loop.returned : loop.items
}

/**
 * The loop begins an iteration, if it sends something into its body, or is done with its list. Called before the items
 * are on their way: the body is made as new, and what nobody wanted of the last iteration is gone.
 */
export function turn (state: State, plan: PlanLoop, loop: LoopState, inputs: readonly Token[], outputs: Outputs): void {
  const batch = outputs[LOOP.body]?.length ?? 0
  if (batch === 0) return
  if (loop.items === undefined) {
    loop.items = inputs[0] ?? []
    loop.batchSize = batch
  }
  loop.given += batch
  loop.open = plan.members.length
  for (const { index } of plan.edges) {
    const edge = state.edges[index]!
    edge.tokens = NONE
    edge.taken = 0
    edge.closed = false
  }
  for (const { index } of plan.members) {
    const member = state.nodes[index]!
    member.finished = false
    member.runsBefore = member.runs
    // No need to say which is the first: the loop is before them in plan order, and is marked itself.
    member.dirty = true
  }
  for (const { index } of plan.entries) state.edges[index]!.closed = true
}

/** Behind `turn` and the sending: nothing went into the body, so the list is done with. */
export function endList (loop: LoopState): void {
  loop.items = undefined
  loop.given = 0
  loop.returned = []
}
