import type { Problem } from '../../lib/problem.ts'
import type { TailEvent } from './segment.ts'

/** A reader. Calls come in order: `open` once, events, then at most one of `end` and `fail` (which may come without `open`). */
export interface TailSink {
  /** What it asked for exists; events follow. */
  open (): void
  event (event: TailEvent): void
  /** The execution's last event was delivered. */
  end (): void
  fail (problem: Problem): void
  /** Whether reading from the table should wait. What happens live is delivered all the same: the sink cuts itself when that is too much. */
  readonly congested: boolean
  /** Resolves when it is no longer congested; may stay pending once it was closed. */
  drained (): Promise<void>
}

export interface Subscription {
  /** What to send as `after` to go on behind what the sink got. */
  readonly position: number | string | null
  close (): void
}
