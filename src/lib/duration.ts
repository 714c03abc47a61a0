/** `"250ms"`, `"10s"`, `"5m"`, `"2h"`, `"7d"`: a whole number and one unit. */
export const DURATION_PATTERN = '^[0-9]{1,9}(ms|s|m|h|d)$'

const FORMAT = new RegExp(DURATION_PATTERN)
const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000], ['d', 86_400_000]
])

/** Milliseconds. Throws RangeError, with a message for people, for anything that is not a duration. */
export function parseDuration (text: string): number {
  const unit = FORMAT.exec(text)?.[1]
  const factor = unit === undefined ? undefined : UNITS.get(unit)
  if (factor === undefined) {
    throw new RangeError(`${JSON.stringify(text.slice(0, 40))} is not a duration such as "250ms", "10s", "5m", "2h" or "7d"`)
  }
  return Number.parseInt(text, 10) * factor
}
