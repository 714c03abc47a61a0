/** After the first failure in a row, and at most, milliseconds. */
const FIRST = 15_000
const LONGEST = 3_600_000

/**
 * Milliseconds until a poll that failed is tried again, whatever its schedule says: twice as long after each failure, and no
 * sooner than the far side asked for.
 * @param failures in a row, this one included
 */
export function pollRetryDelay (failures: number, retryAfter = 0): number {
  return Math.max(retryAfter, Math.min(LONGEST, FIRST * 2 ** (failures - 1)))
}
