/** Unique and foreign keys, and checks. */
const VIOLATIONS: ReadonlySet<unknown> = new Set(['23505', '23503', '23514'])

/** The name of the unique key, foreign key or check that refused a change, if that is what the error, or what it wraps, says. */
export function violatedConstraint (error: unknown): string | undefined {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { code, constraint_name: constraint } = at as { code?: unknown, constraint_name?: unknown }
    if (VIOLATIONS.has(code)) return typeof constraint === 'string' ? constraint : undefined
  }
  return undefined
}
