/** The node type that closes cycles, and its outputs. */
export const LOOP = { type: 'loop', body: 'loop', done: 'done' } as const

/** A connection as loops see it; the ends are places in the definition. */
export interface FlowEdge {
  readonly from: number
  readonly to: number
  /** Whether it leaves a loop node by its output `loop`. */
  readonly entersBody: boolean
}

/** Which nodes run in the body of which loop. */
export interface LoopStructure {
  /** For each node the loop node whose body it is in, the innermost; -1 for none. */
  readonly scopes: Int32Array
  /** For each edge: 1 where it leads from a loop's body back to the loop. */
  readonly back: Uint8Array
  /** For each edge: 1 where nothing can ever come along it, since it starts in a cycle to which nothing leads. */
  readonly dead: Uint8Array
  /** Edges that close a cycle without being the end of a loop's body. None in a definition that passed validation. */
  readonly improper: readonly number[]
}

/**
 * A loop's body is what can be reached through its output `loop` only: the nodes that this output dominates. Whatever
 * leads back from there to the loop ends an iteration. Takes E·log V; nothing here recurses.
 *
 * Dominators are found without the edges that a depth-first search finds to lead back. That is no restriction where
 * each of them turns out to lead from a body to its loop, and where one does not, it is reported.
 */
export function loopStructure (nodeCount: number, edges: readonly FlowEdge[], loops: readonly number[]): LoopStructure {
  // The output `loop` of the loop at `loops[i]` is a vertex of its own, nodeCount + i; the last vertex leads to all nodes that nothing leads to.
  const body = new Map(loops.map((node, index) => [node, nodeCount + index]))
  const root = nodeCount + loops.length
  const arcs: Arc[] = edges.map(({ from, to, entersBody }) => ({ from: entersBody ? body.get(from)! : from, to }))
  for (const [node, vertex] of body) arcs.push({ from: node, to: vertex })
  const entered = new Uint8Array(root)
  for (const { to } of arcs) entered[to] = 1
  for (let node = 0; node < nodeCount; node++) if (entered[node] === 0) arcs.push({ from: root, to: node })

  const { order, retreating } = search(root + 1, arcs, root)
  const tree = new DominatorTree(root + 1, arcs, order, retreating)
  const back = new Uint8Array(edges.length)
  const improper: number[] = []
  for (const index of retreating) {
    const { from, to } = arcs[index]!
    const vertex = body.get(to)
    if (vertex !== undefined && tree.dominates(vertex, from)) back[index] = 1
    else improper.push(index)
  }
  return {
    scopes: scopesOf(nodeCount, loops, order, tree),
    back,
    dead: Uint8Array.from(edges, ({ from }) => tree.isReached(from) ? 0 : 1),
    improper: improper.sort((a, b) => a - b)
  }
}

function scopesOf (nodeCount: number, loops: readonly number[], order: readonly number[], tree: DominatorTree): Int32Array {
  const innermost = new Int32Array(nodeCount + loops.length + 1).fill(-1)
  for (const vertex of order) {
    const parent = tree.parents[vertex]!
    if (parent >= 0) innermost[vertex] = parent >= nodeCount && parent < nodeCount + loops.length ? loops[parent - nodeCount]! : innermost[parent]!
  }
  return innermost.slice(0, nodeCount)
}

interface Arc {
  readonly from: number
  readonly to: number
}

/** Depth first: the vertices in an order in which each comes before those it leads to, and the arcs for which that cannot be. */
function search (count: number, arcs: readonly Arc[], root: number): { order: number[], retreating: Set<number> } {
  const leaving: number[][] = Array.from({ length: count }, () => [])
  arcs.forEach(({ from }, index) => { leaving[from]!.push(index) })
  const next = new Uint32Array(count)
  const state = new Uint8Array(count)
  const retreating = new Set<number>()
  const done: number[] = []
  const path = [root]
  state[root] = 1
  for (let vertex = path.at(-1); vertex !== undefined; vertex = path.at(-1)) {
    const index = leaving[vertex]![next[vertex]!]
    if (index === undefined) {
      state[vertex] = 2
      done.push(vertex)
      path.pop()
      continue
    }
    next[vertex]! += 1
    const { to } = arcs[index]!
    if (state[to] === 0) {
      state[to] = 1
      path.push(to)
    } else if (state[to] === 1) {
      retreating.add(index)
    }
  }
  return { order: done.reverse(), retreating }
}

/** Of an acyclic graph: each vertex hangs below the nearest one that every way to it passes. */
class DominatorTree {
  /** -1 for the root, and for what nothing leads to. */
  readonly parents: Int32Array
  readonly #depths: Int32Array
  /** An ancestor some way up, so that climbing takes logarithmic time. */
  readonly #jumps: Int32Array

  constructor (count: number, arcs: readonly Arc[], order: readonly number[], left: ReadonlySet<number>) {
    this.parents = new Int32Array(count).fill(-1)
    this.#depths = new Int32Array(count).fill(-1)
    this.#jumps = new Int32Array(count)
    const entering: number[][] = Array.from({ length: count }, () => [])
    arcs.forEach(({ from, to }, index) => { if (!left.has(index)) entering[to]!.push(from) })
    for (const vertex of order) {
      let parent = -1
      for (const from of entering[vertex]!) {
        if (this.#depths[from] === -1) continue
        parent = parent === -1 ? from : this.#common(parent, from)
      }
      this.#hang(vertex, parent)
    }
  }

  isReached (vertex: number): boolean {
    return this.#depths[vertex] !== -1
  }

  dominates (above: number, below: number): boolean {
    return this.isReached(above) && this.isReached(below) && this.#common(above, below) === above
  }

  #hang (vertex: number, parent: number): void {
    this.parents[vertex] = parent
    if (parent === -1) {
      this.#depths[vertex] = 0
      this.#jumps[vertex] = vertex
      return
    }
    const far = this.#jumps[parent]!
    const farther = this.#jumps[far]!
    this.#depths[vertex] = this.#depths[parent]! + 1
    this.#jumps[vertex] = this.#depths[parent]! - this.#depths[far]! === this.#depths[far]! - this.#depths[farther]! ? farther : parent
  }

  /** The lowest vertex that stands above both, or is one of them. */
  #common (a: number, b: number): number {
    const depths = this.#depths
    let [low, high] = depths[a]! > depths[b]! ? [a, b] : [b, a]
    while (depths[low]! > depths[high]!) low = depths[this.#jumps[low]!]! >= depths[high]! ? this.#jumps[low]! : this.parents[low]!
    while (low !== high) {
      const apart = this.#jumps[low] !== this.#jumps[high]
      low = apart ? this.#jumps[low]! : this.parents[low]!
      high = apart ? this.#jumps[high]! : this.parents[high]!
    }
    return low
  }
}
