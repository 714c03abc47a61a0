/** What data says by null, and expressions by undefined. */
export function isMissing (value: unknown): value is null | undefined {
  return value === null || value === undefined
}

export function strictNumberOf (value: unknown): number | null {
  return typeof value === 'number' && !Number.isNaN(value) ? value : null
}

/** Also of text that is a number. */
export function numberOf (value: unknown): number | null {
  if (typeof value !== 'string') return strictNumberOf(value)
  return value.trim() === '' ? null : strictNumberOf(Number(value))
}

/** Also of the texts true, false, 1 and 0, and of those numbers. */
export function booleanOf (value: unknown): boolean | null {
  if (typeof value === 'boolean') return value
  const text = String(typeof value === 'object' ? '' : value).trim().toLowerCase()
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : null
}

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** Milliseconds since the epoch of a date, a date-time object or ISO 8601 text (UTC where it names no offset). */
export function timeOf (value: unknown): number | null {
  if (typeof value === 'string') {
    const offset = /T/.test(value) && !/(Z|[+-]\d{2}:?\d{2})$/.test(value) ? 'Z' : ''
    return DATE.test(value) ? strictNumberOf(Date.parse(value + offset)) : null
  }
  if (value instanceof Date) return strictNumberOf(value.getTime())
  if (typeof value !== 'object' || value === null || !('toMillis' in value)) return null
  return typeof value.toMillis === 'function' ? strictNumberOf(value.toMillis()) : null
}
