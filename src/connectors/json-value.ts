const MAX_DEPTH = 64

/** What drivers answer as JSON data: times as RFC 3339, large numbers as text, bytes in base64. */
export function toJsonValue (value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'bigint': return value.toString()
    case 'number': return Number.isFinite(value) ? value : String(value)
    case 'undefined':
    case 'function':
    case 'symbol': return null
    // What a database keeps as text may hold what ours cannot.
    case 'string': return value.includes('\0') ? value.replaceAll('\0', '') : value
    case 'object': break
    default: return value
  }
  if (value === null || depth > MAX_DEPTH) return null
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(entry => toJsonValue(entry, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toJsonValue(member, depth + 1)]))
}
