import type { Instant } from './events.ts'
import type { RunState, State } from './state.ts'
import { LAST_INSTANT } from './wait.ts'

/** When a run that waits goes on by itself; infinite where it never does. */
export function dueAt (current: RunState): Instant {
  switch (current.status) {
    case 'running': return Infinity
    case 'waiting': return current.until
    case 'suspended': return Math.min(current.wait.until ?? Infinity, current.expires ?? Infinity)
  }
}

/** The earliest moment at which something goes on by itself. */
export function earliestDue (state: State): Instant {
  let earliest: Instant = LAST_INSTANT
  for (const { current } of state.nodes) {
    if (current !== undefined) earliest = Math.min(earliest, dueAt(current))
  }
  return earliest
}
