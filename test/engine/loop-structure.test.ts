import fc from 'fast-check'
import t from 'tap'
import { loopStructure, type FlowEdge } from '../../src/engine/loop-structure.ts'

const graphs = fc.integer({ min: 1, max: 9 }).chain(nodeCount => fc.record({
  nodeCount: fc.constant(nodeCount),
  loops: fc.uniqueArray(fc.nat(nodeCount - 1), { maxLength: 4 }),
  drawn: fc.array(fc.tuple(fc.nat(nodeCount - 1), fc.nat(nodeCount - 1), fc.boolean()), { maxLength: 18 })
}))

/** The nodes that can be reached without what `isClosed` forbids, from those that nothing leads to. */
function reached (nodeCount: number, edges: readonly FlowEdge[], isClosed: (edge: FlowEdge) => boolean): Set<number> {
  const seen = new Set(Array.from({ length: nodeCount }, (_, node) => node).filter(node => !edges.some(({ to }) => to === node)))
  for (let size = -1; size !== seen.size;) {
    size = seen.size
    for (const edge of edges) if (seen.has(edge.from) && !isClosed(edge)) seen.add(edge.to)
  }
  return seen
}

t.test('a body is what only the output of its loop leads to, and what leads back from there ends it', async t => {
  let nested = 0
  fc.assert(fc.property(graphs, ({ nodeCount, loops, drawn }) => {
    const edges = drawn.map(([from, to, body]): FlowEdge => ({ from, to, entersBody: body && loops.includes(from) }))
    const { scopes, back, dead, improper } = loopStructure(nodeCount, edges, loops)
    const all = reached(nodeCount, edges, () => false)
    const bodies = new Map(loops.map(loop => [loop, reached(nodeCount, edges, edge => edge.from === loop && edge.entersBody)]))
    const isIn = (node: number, loop: number): boolean => all.has(node) && !bodies.get(loop)!.has(node)
    const endsBody = ({ from, to, entersBody }: FlowEdge): boolean => all.has(from) && bodies.has(to) && (isIn(from, to) || (from === to && entersBody))
    for (const [index, edge] of edges.entries()) if (dead[index] !== (all.has(edge.from) ? 0 : 1)) return false

    const rest = edges.filter(edge => all.has(edge.from) && !endsBody(edge))
    const acyclic = isAcyclic(nodeCount, rest)
    if (acyclic !== (improper.length === 0)) return false
    if (!acyclic) return true
    for (const [index, edge] of edges.entries()) if (back[index] !== (endsBody(edge) ? 1 : 0)) return false
    for (const node of all) {
      const around = loops.filter(loop => isIn(node, loop))
      const chain: number[] = []
      for (let scope = scopes[node]!; scope !== -1; scope = scopes[scope]!) chain.push(scope)
      if (chain.length > 1) nested++
      if (JSON.stringify(chain.sort()) !== JSON.stringify(around.sort())) return false
    }
    return true
  }), { numRuns: 3000 })
  t.ok(nested > 0, `${nested} nodes in loops in loops`)
})

function isAcyclic (nodeCount: number, edges: readonly FlowEdge[]): boolean {
  let left = edges
  for (let round = 0; round <= nodeCount; round++) left = left.filter(({ from }) => left.some(({ to }) => to === from))
  return left.length === 0
}

t.test('10,000 nodes in bodies, one after the other or in each other', async t => {
  const size = 10_000
  const flat = Array.from({ length: size - 1 }, (_, node): FlowEdge => ({ from: node, to: node + 1, entersBody: node === 0 }))
  const { scopes, back } = loopStructure(size, [...flat, { from: size - 1, to: 0, entersBody: false }, { from: size - 1, to: 1, entersBody: false }], [0])
  t.equal(back.at(-2), 0, 'nothing leads to a cycle that is entered nowhere')
  t.equal(scopes[size - 1], -1)
  const nested = loopStructure(size, [...flat.map(edge => ({ ...edge, entersBody: true })), ...flat.map(({ from, to }) => ({ from: to, to: from, entersBody: false })).slice(1)], flat.map(({ from }) => from))
  t.equal(nested.scopes[size - 1], size - 2)
  t.strictSame(nested.improper, [])
})
