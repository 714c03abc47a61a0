/** How many transactions a read looks at: few at first, more while that is quick, since most may be of other organizations. */
export const FIRST_WINDOW = 500
const LEAST = 100
const MOST = 1_000_000_000
const QUICK = 5
const SLOW = 20

/** @param milliseconds that the last read took */
export function nextWindow (window: number, milliseconds: number, cut: boolean): number {
  if (milliseconds > SLOW) return Math.max(LEAST, Math.floor(window / 4))
  return milliseconds < QUICK && !cut ? Math.min(MOST, window * 4) : window
}
