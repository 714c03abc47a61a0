import type { JsonObject } from '../../item.ts'

/** Names for the columns of a table: those without one, and the second of two, get one. */
export function columnNames (header: readonly unknown[]): string[] {
  const taken = new Set<string>()
  return header.map((given, index) => {
    const own = String(given ?? '').trim()
    const base = own === '' ? `column_${index + 1}` : own
    let name = base
    for (let count = 2; taken.has(name); count++) name = `${base}_${count}`
    taken.add(name)
    return name
  })
}

/** Entries beyond the header get names too; `fromEntries`, since a column may be called `__proto__`. */
export function record (names: readonly string[], values: Iterable<readonly [column: number, value: unknown]>): JsonObject {
  const entries: Array<[string, unknown]> = []
  for (const [column, value] of values) entries.push([names[column] ?? `column_${column + 1}`, value])
  return Object.fromEntries(entries)
}
