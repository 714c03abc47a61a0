import type { NodeType } from './node-type.ts'

/** The node types that workflows may use, by name. */
export class NodeRegistry {
  readonly #types: ReadonlyMap<string, NodeType>

  /** Throws where two types share a name. */
  constructor (types: readonly NodeType[]) {
    const byName = new Map<string, NodeType>()
    for (const nodeType of types) {
      if (byName.has(nodeType.type)) throw new Error(`Two node types are called ${nodeType.type}`)
      byName.set(nodeType.type, nodeType)
    }
    this.#types = byName
  }

  get (type: string): NodeType | undefined {
    return this.#types.get(type)
  }

  list (): readonly NodeType[] {
    return [...this.#types.values()]
  }
}
