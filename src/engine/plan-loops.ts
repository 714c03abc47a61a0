import type { Connection, WorkflowDefinition } from './definition.ts'
import { LOOP, loopStructure } from './loop-structure.ts'
import type { DraftNode, PlanEdge, PlanLoop } from './plan.ts'

export interface DraftLoop extends PlanLoop {
  readonly members: DraftNode[]
  readonly descendants: DraftNode[]
  readonly edges: PlanEdge[]
  readonly back: PlanEdge[]
  readonly entries: PlanEdge[]
}

export interface Bodies {
  /** Without those along which nothing can ever come. */
  readonly connections: readonly Connection[]
  /** By place in the definition: the loop, by place, in whose body a node is; undefined where there are no loops. */
  readonly scopes: Int32Array | undefined
  isBack (connection: Connection): boolean
}

/** Which connections end the body of a loop, and what is in it. */
export function findBodies ({ nodes, connections }: WorkflowDefinition, place: (id: string) => number): Bodies {
  const loops = nodes.flatMap((node, index) => isLoop(node) ? [index] : [])
  if (loops.length === 0) return { connections, scopes: undefined, isBack: () => false }
  const looping = new Set(loops)
  const { scopes, back, dead } = loopStructure(nodes.length, connections.map(({ from, to, output }) => ({
    from: place(from), to: place(to), entersBody: looping.has(place(from)) && (output ?? LOOP.body) === LOOP.body
  })), loops)
  const ends = new Set(connections.filter((_, index) => back[index] === 1))
  return { connections: connections.filter((_, index) => dead[index] === 0), scopes, isBack: connection => ends.has(connection) }
}

/** A disabled loop is a node that passes its items on. */
export function isLoop ({ type, disabled }: { readonly type: string, readonly disabled?: boolean | undefined }): boolean {
  return type === LOOP.type && disabled !== true
}

/**
 * Tells each node which loop it is in, each loop what its body is, and who closes which connection: the node at its
 * start, or, where it leaves bodies, the outermost loop that it leaves: until that loop ends another iteration may send more.
 * @param scopes by place in plan order: the loop in whose body the node is, by place in the definition
 * @param order the places in the definition, in plan order
 */
export function layBodies (nodes: readonly DraftNode[], edges: readonly PlanEdge[], scopes: readonly number[], order: readonly number[]): void {
  const planned = new Map(order.map((position, index) => [position, index]))
  nodes.forEach((node, index) => {
    node.scope = scopes[index] === -1 ? -1 : planned.get(scopes[index]!)!
    if (isLoop({ type: node.type.type, disabled: node.disabled })) node.loop = { members: [], descendants: [], edges: [], back: [], entries: [] }
  })
  // A loop stands before its body in plan order.
  for (const node of nodes) {
    if (node.scope === -1) continue
    const scope = nodes[node.scope]!
    node.outermost = scope.scope === -1 ? scope.index : scope.outermost
    scope.loop!.members.push(node)
    nodes[node.outermost]!.loop!.descendants.push(node)
  }
  for (const edge of edges) {
    const target = nodes[edge.to]!
    const level = edge.back ? edge.to : target.scope
    if (level !== -1) nodes[level]!.loop!.edges.push(edge)
    if (edge.back) target.loop!.back.push(edge)
    layEdge(nodes, edge, level)
  }
}

function layEdge (nodes: readonly DraftNode[], edge: PlanEdge, level: number): void {
  const source = nodes[edge.from]!
  if (source.loop !== undefined && source.outputs[edge.output] === LOOP.body && level === source.index) {
    source.loop.entries.push(edge)
    return
  }
  if (edge.back) return
  let closer = source
  while (closer.scope !== level) closer = nodes[closer.scope]!
  closer.closes.push(edge)
}
