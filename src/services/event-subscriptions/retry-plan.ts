/** Seconds between one attempt and the next: dense at first, and a day in all. */
const PAUSES = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800]
const JITTER = 0.1

/**
 * Seconds until the attempt behind this one (the first is 1); undefined where there is none.
 * @param random from 0 to 1
 */
export function pauseAfter (attempt: number, random: number): number | undefined {
  const pause = PAUSES[attempt - 1]
  return pause === undefined ? undefined : Math.round(pause * (1 + JITTER * (2 * random - 1)))
}
