import { stronglyConnectedComponents } from '../graph.ts'
import { LOOP, loopStructure, type LoopStructure } from '../loop-structure.ts'
import type { Link } from './connections.ts'
import type { Draft, DraftNode } from './draft.ts'
import { quote, type Report } from './report.ts'

/** Loops in loops in loops; each iteration of the outermost starts all of them over. */
const MAX_DEPTH = 32

/** Bodies that are entered from beside their loop, and what looks like a loop and is none. Every cycle leaves a loop node by `loop`. */
export function checkLoops (draft: Draft, links: readonly Link[], report: Report): void {
  const loops = draft.nodes.filter(({ typeName, disabled }) => typeName === LOOP.type && !disabled)
  if (loops.length === 0) return
  const governing = new Set(loops.map(({ place }) => place))
  const edges = links.map(({ edge: [from, to], output }) => ({ from, to, entersBody: governing.has(from) && output === LOOP.body }))
  const structure = loopStructure(draft.nodes.length, edges, [...governing])
  if (structure.improper.length > 0) return checkEntries(draft, links, structure, governing, report)
  checkDepth(draft, loops, structure, report)
  const closed = new Set(links.filter((_, index) => structure.back[index] === 1).map(({ edge: [, to] }) => to))
  const used = new Set(links.filter(({ output }) => output === LOOP.done).map(({ edge: [from] }) => from))
  for (const { place, id, pointer } of loops) {
    if (closed.has(place) || !used.has(place)) continue
    report.warning(pointer, 'WC_LOOP_OPEN', `nothing leads from the output "${LOOP.body}" of ${quote(id)} back to it, so "${LOOP.done}" sends nothing`)
  }
}

/** Names the connections that enter a cycle at another node than its loop, or else those that lead back to one. */
function checkEntries (draft: Draft, links: readonly Link[], { improper }: LoopStructure, loops: ReadonlySet<number>, report: Report): void {
  const components = stronglyConnectedComponents(draft.nodes.length, links.map(({ edge }) => edge))
  const of = new Uint32Array(draft.nodes.length)
  components.forEach((members, index) => { for (const member of members) of[member] = index })
  const wrong = new Set(improper.map(index => of[links[index]!.edge[1]]!))
  const entered = new Set<number>()
  for (const { edge: [from, to], pointer } of links) {
    const component = of[to]!
    if (!wrong.has(component) || of[from] === component || loops.has(to)) continue
    entered.add(component)
    const loop = components[component]!.find(member => loops.has(member))!
    report.error(`${pointer}/to`, 'WC_LOOP_ENTRY', `enters the body of the loop ${quote(draft.nodes[loop]!.id)} at ${quote(draft.nodes[to]!.id)}; connect ${quote(draft.nodes[from]!.id)} to the loop, and the body's end back to it`)
  }
  for (const index of improper) {
    const { edge: [from, to], pointer } = links[index]!
    if (entered.has(of[to]!)) continue
    report.error(`${pointer}/to`, 'WC_LOOP_ENTRY', `leads back to ${quote(draft.nodes[to]!.id)}, which is not the loop whose body ${quote(draft.nodes[from]!.id)} is in`)
  }
}

function checkDepth (draft: Draft, loops: readonly DraftNode[], { scopes }: LoopStructure, report: Report): void {
  for (const { place, id, pointer } of loops) {
    let depth = 0
    for (let scope = scopes[place]!; scope !== -1 && depth < MAX_DEPTH; scope = scopes[scope]!) depth++
    if (depth === MAX_DEPTH) report.error(pointer, 'WC_LOOP_DEPTH', `${quote(id)} is a loop within ${MAX_DEPTH} loops or more`)
  }
}
