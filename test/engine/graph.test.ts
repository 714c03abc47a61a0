import fc from 'fast-check'
import t from 'tap'
import { ancestry, cycles, reachable, stronglyConnectedComponents, topologicalOrder, wayAround, type Edge } from '../../src/engine/graph.ts'

const graphs = fc.integer({ min: 1, max: 14 }).chain(nodeCount => fc.record({
  nodeCount: fc.constant(nodeCount),
  edges: fc.array(fc.tuple(fc.nat(nodeCount - 1), fc.nat(nodeCount - 1)), { maxLength: 40 })
}))

/** The closure by brute force: does `from` lead to `to` over at least one edge? */
function leads (edges: readonly Edge[], from: number, to: number): boolean {
  const seen = new Set<number>()
  const queue = [from]
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    for (const [a, b] of edges) {
      if (a !== node) continue
      if (b === to) return true
      if (!seen.has(b)) {
        seen.add(b)
        queue.push(b)
      }
    }
  }
  return false
}

/** Milliseconds of processor time from now on: what else runs on the machine does not count. */
function cpuClock (): () => number {
  const start = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1000
  }
}

t.test('ties are broken by the definition\'s order', async t => {
  t.strictSame(topologicalOrder(5, []).order, [0, 1, 2, 3, 4])
  t.strictSame(topologicalOrder(5, [[4, 0], [2, 1]]), { order: [2, 1, 3, 4, 0], cyclic: [] })
  t.strictSame(topologicalOrder(0, []), { order: [], cyclic: [] })
})

t.test('what lies on a cycle or behind one has no place in the order', async t => {
  t.strictSame(topologicalOrder(5, [[0, 1], [1, 2], [2, 1], [2, 3]]), { order: [0, 4], cyclic: [1, 2, 3] })
  t.strictSame(topologicalOrder(1, [[0, 0]]), { order: [], cyclic: [0] })
})

t.test('an order puts each node after all that lead to it', async () => {
  fc.assert(fc.property(graphs, ({ nodeCount, edges }) => {
    const { order, cyclic } = topologicalOrder(nodeCount, edges)
    const place = new Map(order.map((node, index) => [node, index]))
    const complete = new Set([...order, ...cyclic]).size === nodeCount && order.length + cyclic.length === nodeCount
    const sorted = edges.every(([from, to]) => !place.has(to) || place.get(from)! < place.get(to)!)
    const blocked = cyclic.every(node => Array.from({ length: nodeCount }, (_, other) => other)
      .some(other => leads(edges, other, other) && (other === node || leads(edges, other, node))))
    return complete && sorted && blocked
  }))
})

t.test('two nodes share a component when each leads to the other', async () => {
  fc.assert(fc.property(graphs, ({ nodeCount, edges }) => {
    const components = stronglyConnectedComponents(nodeCount, edges)
    const of = new Map(components.flatMap((members, index) => members.map(member => [member, index] as const)))
    for (let a = 0; a < nodeCount; a++) {
      for (let b = 0; b < nodeCount; b++) {
        if (a !== b && (of.get(a) === of.get(b)) !== (leads(edges, a, b) && leads(edges, b, a))) return false
      }
    }
    return edges.every(([from, to]) => of.get(from)! >= of.get(to)!)
  }))
})

t.test('cycles are found, and a way around each is closed', async () => {
  fc.assert(fc.property(graphs, ({ nodeCount, edges }) => {
    const found = cycles(nodeCount, edges)
    const members = new Set(found.flat())
    for (let node = 0; node < nodeCount; node++) if (members.has(node) !== leads(edges, node, node)) return false
    return found.every(component => {
      const way = wayAround(nodeCount, edges, component)
      return way.every((node, index) => edges.some(([from, to]) => from === node && to === way[(index + 1) % way.length]))
    })
  }))
})

t.test('reachability and ancestry agree with a search', async () => {
  fc.assert(fc.property(graphs, fc.nat(13), ({ nodeCount, edges }, pick) => {
    const root = pick % nodeCount
    const marks = reachable(nodeCount, edges, [root])
    const isAncestor = ancestry(nodeCount, edges, Array.from({ length: nodeCount }, (_, node) => node))
    for (let node = 0; node < nodeCount; node++) {
      if ((marks[node] === 1) !== (node === root || leads(edges, root, node))) return false
      if (isAncestor(root, node) !== leads(edges, root, node)) return false
    }
    return true
  }))
})

t.test('graphs of the largest size take less than a second and no stack', async t => {
  const nodeCount = 10_000
  const chain = Array.from({ length: nodeCount - 1 }, (_, node): Edge => [node, node + 1])
  const ring = Array.from({ length: nodeCount }, (_, node): Edge => [node, (node + 1) % nodeCount])
  const dense = Array.from({ length: 50_000 }, (_, index): Edge => {
    const from = (index * 7919) % (nodeCount - 1)
    return [from, from + 1 + (index * 104_729) % (nodeCount - 1 - from)]
  })
  const all = Array.from({ length: nodeCount }, (_, node) => node)
  const cpu = cpuClock()
  t.equal(topologicalOrder(nodeCount, chain).order.at(-1), nodeCount - 1)
  t.equal(cycles(nodeCount, ring)[0]?.length, nodeCount)
  t.equal(wayAround(nodeCount, ring, all).length, nodeCount)
  t.equal(cycles(nodeCount, dense).length, 0)
  t.equal(reachable(nodeCount, chain, [0]).every(mark => mark === 1), true)
  const isAncestor = ancestry(nodeCount, [...chain, ...dense], all)
  t.equal(isAncestor(0, nodeCount - 1), true)
  t.equal(isAncestor(nodeCount - 1, 0), false)
  t.ok(cpu() < 1000, `took ${Math.round(cpu())} ms`)
})
