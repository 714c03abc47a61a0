import type { JsonObject, OutputItem } from '../../src/engine/item.ts'
import type { DirectNodeType } from '../../src/engine/nodes/node-type.ts'
import { nodeContext } from './node-context.ts'
import type { NodeContextOptions } from './node-context.ts'

interface Emitted {
  readonly json: JsonObject
  readonly from: readonly number[]
}

/** Runs a node on evaluated parameters: what it emits, by output, as the items that the engine would make of it. */
export async function runNode (type: DirectNodeType, options: NodeContextOptions<object>): Promise<Record<string, Emitted[]>> {
  const context = nodeContext(options)
  const sources = Object.values(context.inputs).flat()
  const { outputs } = await type.run(context as never)
  return Object.fromEntries(Object.entries(outputs).map(([name, items]) => [name, items.map(described => emitted(described, sources))]))
}

function emitted ({ from = [], json, patch }: OutputItem, sources: readonly { json: JsonObject }[]): Emitted {
  const places = typeof from === 'number' ? [from] : from
  const first = sources[places[0] ?? -1]?.json ?? {}
  return { json: json ?? (patch === undefined ? first : { ...first, ...patch }), from: places }
}

/** The items of the output `main`, without their origin. */
export async function mainOf (type: DirectNodeType, items: readonly JsonObject[], parameters: object | ((index: number) => object)): Promise<JsonObject[]> {
  return ((await runNode(type, { items, parameters })).main ?? []).map(({ json }) => json)
}
