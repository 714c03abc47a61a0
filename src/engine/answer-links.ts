import { choicesOf } from './nodes/approval.ts'
import type { Plan, PlanNode } from './plan.ts'
import type { State } from './state.ts'

/** Makes the address at which a run of a waiting node is answered; `choice` is what an approval's link decides. */
export type AnswerUrl = (nodeId: string, run: number, choice?: string) => string

type Awaited = 'callback' | 'approval'

const found = new WeakMap<PlanNode, Map<Awaited, PlanNode | undefined>>()

/**
 * The node whose wait a link made in `from` answers: itself, or the nearest that its items go to; of several just as near,
 * the first in plan order.
 */
export function nextAwaiting (plan: Plan, from: PlanNode, what: Awaited): PlanNode | undefined {
  let known = found.get(from)
  if (known === undefined) found.set(from, known = new Map())
  if (!known.has(what)) known.set(what, search(plan, from, what))
  return known.get(what)
}

function search (plan: Plan, from: PlanNode, what: Awaited): PlanNode | undefined {
  const seen = new Set([from.index])
  for (let level = [from.index]; level.length > 0;) {
    const nodes = level.sort((a, b) => a - b).map(index => plan.nodes[index]!)
    const hit = nodes.find(node => !node.disabled && node.type.awaits?.(node.written) === what)
    if (hit !== undefined) return hit
    level = []
    for (const { to } of nodes.flatMap(node => node.outgoing.flat())) {
      if (seen.has(to)) continue
      seen.add(to)
      level.push(to)
    }
  }
  return undefined
}

/** The node's run that is to come next; of the asking node itself, the run that asks. */
function runOf (state: State, target: PlanNode, from: PlanNode, run: number): number {
  return target === from ? run : state.nodes[target.index]!.runs
}

/** `$execution.resumeUrl`: undefined where no wait for a callback follows. */
export function resumeUrl (plan: Plan, state: State, from: PlanNode, run: number, url: AnswerUrl): string | undefined {
  const target = nextAwaiting(plan, from, 'callback')
  return target === undefined ? undefined : url(target.id, runOf(state, target, from, run))
}

/** `$execution.approvalUrls`: a link for each choice; undefined where no approval follows. */
export function approvalUrls (plan: Plan, state: State, from: PlanNode, run: number, url: AnswerUrl): Record<string, string> | undefined {
  const target = nextAwaiting(plan, from, 'approval')
  if (target === undefined) return undefined
  const next = runOf(state, target, from, run)
  return Object.fromEntries(choicesOf(target.written).map(choice => [choice, url(target.id, next, choice)]))
}
