import type { Event } from '../../engine/events.ts'

/** Synchronous work between two turns of the event loop, milliseconds. */
const SLICE = 10
const DECISIONS_BETWEEN_LOOKS = 16
/** Events and items in one segment, before it is written without being asked for. */
const SEGMENT_WEIGHT = 10_000

/** Decisions in a row. Short runs never look at the clock. */
export class Slice {
  #decisions = 0
  #end = Infinity

  /** Counts a decision; whether it is time to look at how long this goes on. */
  isLookDue (): boolean {
    return ++this.#decisions % DECISIONS_BETWEEN_LOOKS === 0
  }

  isOver (): boolean {
    const time = performance.now()
    if (this.#end === Infinity) this.#end = time + SLICE
    return time > this.#end
  }
}

export function isHeavy (weight: number): boolean {
  return weight > SEGMENT_WEIGHT
}

/** Events from `first` on, and the items that they tell of. */
export function weigh (events: readonly Event[], first: number): number {
  let weight = events.length - first
  for (let index = first; index < events.length; index++) {
    const event = events[index]!
    if ('outputs' in event && event.outputs !== undefined) for (const items of Object.values(event.outputs)) weight += items.length
  }
  return weight
}
