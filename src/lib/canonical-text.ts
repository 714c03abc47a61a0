/**
 * Text that is equal for equal data and for nothing else: as JSON, with the properties of objects in one order.
 * `"1"` and `1` differ; missing is the empty text, which no JSON is.
 */
export function canonicalText (value: unknown): string {
  return JSON.stringify(value, sorted) ?? ''
}

function sorted (_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const names = Object.keys(value)
  if (names.length < 2) return value
  // As entries, which make own properties also of names such as __proto__.
  return Object.fromEntries(names.sort().map(name => [name, (value as Record<string, unknown>)[name]]))
}
