/** From one node to another, both by their place in the definition. */
export type Edge = readonly [from: number, to: number]

/**
 * Who follows whom, in two flat arrays: the followers of node n are `targets[starts[n]]` up to, not
 * including, `targets[starts[n + 1]]`. Nothing here recurses: definitions have up to 10,000 nodes in a row.
 */
interface Adjacency {
  readonly starts: Uint32Array
  readonly targets: Uint32Array
}

export interface TopologicalOrder {
  /** What a node depends on comes before it; where that leaves a choice, the definition's order decides. */
  readonly order: number[]
  /** The nodes that have no place in it, since they lie on a cycle or behind one. Ascending. */
  readonly cyclic: number[]
}

export function topologicalOrder (nodeCount: number, edges: readonly Edge[]): TopologicalOrder {
  const { starts, targets } = adjacency(nodeCount, edges)
  const blockers = new Uint32Array(nodeCount)
  for (const target of targets) blockers[target]! += 1
  const ready = new MinHeap()
  for (let node = 0; node < nodeCount; node++) if (blockers[node] === 0) ready.push(node)
  const order: number[] = []
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    order.push(node)
    for (let at = starts[node]!; at < starts[node + 1]!; at++) {
      const target = targets[at]!
      blockers[target]! -= 1
      if (blockers[target] === 0) ready.push(target)
    }
  }
  const cyclic: number[] = []
  for (let node = 0; node < nodeCount; node++) if (blockers[node]! > 0) cyclic.push(node)
  return { order, cyclic }
}

/** The groups of nodes that all lead to each other (Tarjan); a component comes after those that it leads to. */
export function stronglyConnectedComponents (nodeCount: number, edges: readonly Edge[]): number[][] {
  const { starts, targets } = adjacency(nodeCount, edges)
  const visited = new Uint32Array(nodeCount)
  const low = new Uint32Array(nodeCount)
  const next = starts.slice(0, nodeCount)
  const open: number[] = []
  const isOpen = new Uint8Array(nodeCount)
  const components: number[][] = []
  let visits = 0

  function enter (node: number, path: number[]): void {
    visited[node] = low[node] = ++visits
    isOpen[node] = 1
    open.push(node)
    path.push(node)
  }

  function leave (node: number, path: number[]): void {
    path.pop()
    const parent = path.at(-1)
    if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!)
    if (low[node] !== visited[node]) return
    const component = open.splice(open.lastIndexOf(node))
    for (const member of component) isOpen[member] = 0
    components.push(component.sort((a, b) => a - b))
  }

  for (let root = 0; root < nodeCount; root++) {
    if (visited[root] !== 0) continue
    const path: number[] = []
    enter(root, path)
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      if (next[node]! === starts[node + 1]!) {
        leave(node, path)
        continue
      }
      const target = targets[next[node]!]!
      next[node]! += 1
      if (visited[target] === 0) enter(target, path)
      else if (isOpen[target] === 1) low[node] = Math.min(low[node]!, visited[target]!)
    }
  }
  return components
}

/** The components that hold a cycle: more than one node, or one that leads to itself. */
export function cycles (nodeCount: number, edges: readonly Edge[]): number[][] {
  const loops = new Set(edges.filter(([from, to]) => from === to).map(([from]) => from))
  return stronglyConnectedComponents(nodeCount, edges).filter(component => component.length > 1 || loops.has(component[0]!))
}

/** One shortest way around within a cyclic component, from its first node; in the order of the edges. */
export function wayAround (nodeCount: number, edges: readonly Edge[], component: readonly number[]): number[] {
  const members = new Set(component)
  const { starts, targets } = adjacency(nodeCount, edges.filter(([from, to]) => members.has(from) && members.has(to)))
  const first = component[0]!
  const cameFrom = new Map<number, number>()
  const queue = [first]
  for (let head = 0; head < queue.length; head++) {
    const node = queue[head]!
    for (let at = starts[node]!; at < starts[node + 1]!; at++) {
      const target = targets[at]!
      if (target === first) return pathTo(node, cameFrom)
      if (cameFrom.has(target)) continue
      cameFrom.set(target, node)
      queue.push(target)
    }
  }
  return [...component]
}

/** 1 for each node that can be reached from `roots`, the roots included. */
export function reachable (nodeCount: number, edges: readonly Edge[], roots: Iterable<number>): Uint8Array {
  const { starts, targets } = adjacency(nodeCount, edges)
  const marks = new Uint8Array(nodeCount)
  const queue = [...roots]
  for (const root of queue) marks[root] = 1
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    for (let at = starts[node]!; at < starts[node + 1]!; at++) {
      const target = targets[at]!
      if (marks[target] === 1) continue
      marks[target] = 1
      queue.push(target)
    }
  }
  return marks
}

/**
 * Answers whether one of `candidates` leads to a node over at least one edge. All candidates are carried
 * through the graph at once as bits, so that 10,000 questions cost edges × candidates / 32 steps, not as many searches.
 */
export function ancestry (nodeCount: number, edges: readonly Edge[], candidates: Iterable<number>): (candidate: number, node: number) => boolean {
  const bits = new Map<number, number>()
  for (const candidate of candidates) if (!bits.has(candidate)) bits.set(candidate, bits.size)
  const words = Math.ceil(bits.size / 32)
  const components = stronglyConnectedComponents(nodeCount, edges).reverse()
  const componentOf = new Uint32Array(nodeCount)
  components.forEach((members, index) => { for (const member of members) componentOf[member] = index })
  const { starts, targets } = adjacency(nodeCount, edges)
  const sets = new Uint32Array(components.length * words)

  components.forEach((members, index) => {
    const own = index * words
    const leading = members.filter(member => bits.has(member))
    // Within a cycle each member comes before all of them, itself included.
    const cyclic = members.length > 1 || hasEdge(starts, targets, members[0]!, members[0]!)
    if (cyclic) for (const member of leading) setBit(sets, own, bits.get(member)!)
    for (const member of members) {
      for (let at = starts[member]!; at < starts[member + 1]!; at++) {
        const other = componentOf[targets[at]!]! * words
        if (other === own) continue
        for (let word = 0; word < words; word++) sets[other + word]! |= sets[own + word]!
        if (bits.has(member)) setBit(sets, other, bits.get(member)!)
      }
    }
  })

  return (candidate, node) => {
    const bit = bits.get(candidate)
    return bit !== undefined && (sets[componentOf[node]! * words + (bit >>> 5)]! & (1 << (bit & 31))) !== 0
  }
}

function setBit (sets: Uint32Array, offset: number, bit: number): void {
  sets[offset + (bit >>> 5)]! |= 1 << (bit & 31)
}

function hasEdge (starts: Uint32Array, targets: Uint32Array, from: number, to: number): boolean {
  return targets.subarray(starts[from], starts[from + 1]).includes(to)
}

function pathTo (last: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const path = [last]
  for (let node = cameFrom.get(last); node !== undefined; node = cameFrom.get(node)) path.push(node)
  return path.reverse()
}

function adjacency (nodeCount: number, edges: readonly Edge[]): Adjacency {
  const starts = new Uint32Array(nodeCount + 1)
  for (const [from] of edges) starts[from + 1]! += 1
  for (let node = 0; node < nodeCount; node++) starts[node + 1]! += starts[node]!
  const next = starts.slice()
  const targets = new Uint32Array(edges.length)
  for (const [from, to] of edges) {
    targets[next[from]!] = to
    next[from]! += 1
  }
  return { starts, targets }
}

class MinHeap {
  readonly #values: number[] = []

  push (value: number): void {
    const values = this.#values
    let at = values.push(value) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (values[parent]! <= value) break
      values[at] = values[parent]!
      at = parent
    }
    values[at] = value
  }

  pop (): number | undefined {
    const values = this.#values
    const least = values[0]
    const last = values.pop()
    if (values.length === 0 || last === undefined) return least
    let at = 0
    for (let child = 1; child < values.length; child = 2 * at + 1) {
      if (child + 1 < values.length && values[child + 1]! < values[child]!) child++
      if (values[child]! >= last) break
      values[at] = values[child]!
      at = child
    }
    values[at] = last
    return least
  }
}
