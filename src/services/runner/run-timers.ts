import type { Signal } from '../../engine/decide.ts'
import type { Event, Instant } from '../../engine/events.ts'
import type { State } from '../../engine/state.ts'
import { LAST_INSTANT } from '../../engine/wait.ts'
import { LONGEST_TIMER } from './step-failures.ts'

/** After these the time that is left to the execution is worked out anew. */
const REARMING: ReadonlySet<Signal['type']> = new Set(['begin', 'resume', 'timerDue'])

/** When a run is to look again: its next wait, and the timeout of its workflow. */
export class RunTimers {
  readonly #now: () => Instant
  readonly #due: () => void
  #deadline: NodeJS.Timeout | undefined
  #wake: NodeJS.Timeout | undefined
  #wakesAt: Instant = LAST_INSTANT

  constructor (now: () => Instant, due: () => void) {
    this.#now = now
    this.#due = due
  }

  /** The earliest moment that something of it waits for. */
  get wakesAt (): Instant { return this.#wakesAt }

  wakeAt (at: Instant): void {
    this.#wakesAt = at
    this.#wake = this.#arm(this.#wake, at)
  }

  /** Keeps an eye on the timeout of the workflow, milliseconds that are not spent waiting. */
  follow (timeout: number, { startedAt, waitedFor, waitingSince }: State, signal: Signal, events: readonly Event[]): void {
    if (startedAt === undefined || waitingSince !== undefined) return
    if (!REARMING.has(signal.type) && !events.some(event => event.type === 'execution.resumed')) return
    this.#deadline = this.#arm(this.#deadline, startedAt + waitedFor + timeout)
  }

  /** Comes at that time, or earlier: then it is armed again. */
  #arm (timer: NodeJS.Timeout | undefined, at: Instant): NodeJS.Timeout {
    clearTimeout(timer)
    return setTimeout(this.#due, Math.min(Math.max(1, at - this.#now() + 1), LONGEST_TIMER))
  }

  clear (): void {
    clearTimeout(this.#deadline)
    clearTimeout(this.#wake)
  }
}
