import { isTurning } from './loop-state.ts'
import type { PlanNode } from './plan.ts'
import type { NodeState, State } from './state.ts'

/**
 * What a node that is not running can do. Every input is read in a fixed order, each connection to its end before
 * the next, so what a run gets depends on the workflow and its data and never on which branch was faster.
 * (`wait` for fewer than all inputs is the one exception that a workflow may ask for.)
 */
export function nextMove (state: State, node: PlanNode, at: NodeState): 'start' | 'blocked' | 'finish' {
  // First: an execution may start at a loop.
  if (isTurning(at.loop)) return at.loop.open === 0 ? 'start' : 'blocked'
  if (node.incoming.length === 0 || node.index === state.trigger) {
    return node.index === state.trigger && at.runs === 0 ? 'start' : 'finish'
  }
  // A node that waits for fewer than all of its inputs runs once, in a loop once an iteration: later arrivals find it done.
  if (node.inputsNeeded !== 'all' && at.runs > at.runsBefore) return 'finish'
  let ready = 0
  let blocked = 0
  for (const edges of node.incoming) {
    const input = inputState(state, edges)
    if (input === 'ready') ready++
    else if (input === 'blocked') blocked++
  }
  if (ready > 0 && (blocked === 0 || (node.inputsNeeded !== 'all' && ready >= node.inputsNeeded))) return 'start'
  return blocked > 0 ? 'blocked' : 'finish'
}

function inputState (state: State, edges: PlanNode['incoming'][number]): 'ready' | 'blocked' | 'exhausted' {
  for (const { index } of edges) {
    const edge = state.edges[index]!
    if (edge.taken < edge.tokens.length) return 'ready'
    if (!edge.closed) return 'blocked'
  }
  return 'exhausted'
}
