import type { Priority } from '../lib/execution-origin.ts'

/** The largest priority that BullMQ takes. */
const LAST = 2 ** 21 - 1
/** Later batches of the same organization that go before one of low priority. */
const LOW_DELAY = 50

/**
 * Gives each batch its turn, as start-time fair queueing does: an organization's next batch comes one turn after its
 * last one, but not before the turn that is being served. One that sends a thousand batches takes a thousand turns;
 * one that sends its first is next. Turns are BullMQ priorities: the lowest is served first, equal ones in order.
 */
export class FairTurns {
  readonly #last = new Map<string, number>()
  #served = 0

  /**
   * A batch of high priority takes the organization's next turn at once and moves its others back by one, so that it overtakes
   * its own kind and takes nothing from others. One of low priority lets the organization's next ones pass.
   */
  next (organizationId: string, priority: Priority = 'normal'): number {
    const turn = Math.min(Math.max(this.#served, this.#last.get(organizationId) ?? 0) + 1, LAST)
    if (priority === 'low') return Math.min(turn + LOW_DELAY, LAST)
    this.#last.set(organizationId, turn)
    return priority === 'high' ? this.#served + 1 : turn
  }

  /** The lowest turn that still waits in the queue, whoever dispatched it; undefined where nothing waits. */
  observe (lowest: number | undefined): void {
    if (lowest === undefined) {
      this.#served = 0
      this.#last.clear()
      return
    }
    this.#served = lowest - 1
    for (const [organizationId, turn] of this.#last) if (turn <= this.#served) this.#last.delete(organizationId)
  }
}
