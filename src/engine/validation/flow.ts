import { cycles, reachable, wayAround, type Edge } from '../graph.ts'
import type { Link } from './connections.ts'
import { LOOP } from '../loop-structure.ts'
import type { Draft } from './draft.ts'
import { checkLoops } from './loops.ts'
import { quote, type Report } from './report.ts'

const NAMED_IN_CYCLE = 10

/** Cycles that no loop node governs, and nodes that nothing leads to. */
export function checkFlow (draft: Draft, links: readonly Link[], report: Report): void {
  const edges = links.map(({ edge }) => edge)
  if (checkCycles(draft, links, report)) checkLoops(draft, links, report)
  const triggers = draft.nodes.filter(({ type, disabled }) => type?.trigger === true && !disabled)
  if (triggers.length === 0) return
  const marks = reachable(draft.nodes.length, edges, triggers.map(({ place }) => place))
  for (const node of draft.nodes) {
    if (marks[node.place] === 1 || node.type?.trigger === true) continue
    report.warning(node.pointer, 'WC_NODE_UNREACHABLE', `no enabled trigger leads to ${quote(node.id)}: it never runs`)
  }
}

/** A way around is fine only through the body of a loop: the `loop` output of an enabled node of that type. Answers whether all are. */
function checkCycles (draft: Draft, links: readonly Link[], report: Report): boolean {
  const free = links.filter(({ edge: [from], output }) => {
    const source = draft.nodes[from]!
    return source.typeName !== LOOP.type || source.disabled || output !== LOOP.body
  }).map(({ edge }): Edge => edge)
  const found = cycles(draft.nodes.length, free)
  for (const component of found) {
    const way = wayAround(draft.nodes.length, free, component)
    const named = way.slice(0, NAMED_IN_CYCLE).map(place => quote(draft.nodes[place]!.id))
    const rest = way.length > named.length ? ` → … (${way.length} nodes)` : ` → ${named[0]!}`
    report.error(draft.nodes[way[0]!]!.pointer, 'WC_CYCLE', `is part of a cycle, which only a loop node may close: ${named.join(' → ')}${rest}`)
  }
  return found.length === 0
}
