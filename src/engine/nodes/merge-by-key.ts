import { assertItemCount } from './item-count.ts'
import type { Group, Source } from './merge-combine.ts'
import { readPath } from './paths.ts'

export type Join = 'inner' | 'left' | 'right' | 'outer'

/** A hash join of the first two inputs: in the order of a, then what is left of b in its order. */
export function mergeByKey (sources: readonly Source[][], keys: readonly [string, string], join: Join): readonly Group[] {
  const [a = [], b = []] = sources
  const keyA = keys[0].split('.')
  const partners = indexByKey(b, keys[1].split('.'))
  const matched = new Set<Source>()
  const groups: Group[] = []
  for (const left of a) {
    const rights = partners.get(keyOf(left, keyA) ?? '') ?? []
    assertItemCount(groups.length + rights.length)
    for (const right of rights) {
      groups.push([left, right])
      matched.add(right)
    }
    if (rights.length === 0 && (join === 'left' || join === 'outer')) groups.push([left, undefined])
  }
  if (join === 'right' || join === 'outer') {
    for (const right of b) if (!matched.has(right)) groups.push([undefined, right])
  }
  assertItemCount(groups.length)
  return groups
}

function indexByKey (sources: readonly Source[], path: readonly string[]): ReadonlyMap<string, readonly Source[]> {
  const index = new Map<string, Source[]>()
  for (const source of sources) {
    const key = keyOf(source, path)
    if (key === null) continue
    const list = index.get(key)
    if (list === undefined) index.set(key, [source])
    else list.push(source)
  }
  return index
}

/** Text that is equal for equal values of one type ("1" and 1 differ). Null and missing equal nothing, as in SQL. */
function keyOf ({ item }: Source, path: readonly string[]): string | null {
  const value = readPath(item.json, path)
  return value === undefined || value === null ? null : JSON.stringify(value)
}
