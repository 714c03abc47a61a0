import type { Item, OutputItem } from './item.ts'

const NO_PARENTS: readonly Item[] = []

/** The item that a node described: what it came from with what was changed. */
export function materialize (described: OutputItem, sources: readonly Item[], nodeId: string, run: number): Item {
  const parents = parentsOf(described.from, sources)
  const first = parents[0]
  const json = described.json ?? (described.patch === undefined ? first?.json ?? {} : { ...first?.json, ...described.patch })
  const binary = described.binary ?? first?.binary
  return binary === undefined ? { json, parents, nodeId, run } : { json, binary, parents, nodeId, run }
}

/** Long lists make many of these: no list is made that is not kept. */
function parentsOf (from: OutputItem['from'], sources: readonly Item[]): readonly Item[] {
  if (typeof from !== 'number') return from === undefined ? NO_PARENTS : from.map(index => sources[index]).filter(parent => parent !== undefined)
  const parent = sources[from]
  return parent === undefined ? NO_PARENTS : [parent]
}
