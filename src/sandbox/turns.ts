/**
 * Who is next for a free process: organizations in turn, each in its own order, and none beyond its share of what runs.
 */
export class Turns<T> {
  readonly #waiting = new Map<string, T[]>()
  readonly #running = new Map<string, number>()
  readonly #share: number
  #size = 0

  /** @param share what one organization may have running at once */
  constructor (share: number) {
    this.#share = share
  }

  /** How many wait. */
  get size (): number { return this.#size }

  add (organizationId: string, entry: T): void {
    const line = this.#waiting.get(organizationId)
    if (line === undefined) this.#waiting.set(organizationId, [entry])
    else line.push(entry)
    this.#size++
  }

  /** The next entry that may run, which counts as running from now on. */
  take (): { readonly organizationId: string, readonly entry: T } | undefined {
    for (const [organizationId, line] of this.#waiting) {
      const running = this.#running.get(organizationId) ?? 0
      if (running >= this.#share) continue
      const entry = line.shift()!
      // To the end of the round.
      this.#waiting.delete(organizationId)
      if (line.length > 0) this.#waiting.set(organizationId, line)
      this.#running.set(organizationId, running + 1)
      this.#size--
      return { organizationId, entry }
    }
    return undefined
  }

  /** One of the organization's has ended. */
  release (organizationId: string): void {
    const left = (this.#running.get(organizationId) ?? 1) - 1
    if (left > 0) this.#running.set(organizationId, left)
    else this.#running.delete(organizationId)
  }

  /** Everything that waits, which nobody will run. */
  drain (): T[] {
    const entries = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    this.#size = 0
    return entries
  }

  /** Takes back one that waits. Whether it still did. */
  remove (organizationId: string, entry: T): boolean {
    const line = this.#waiting.get(organizationId)
    const at = line?.indexOf(entry) ?? -1
    if (line === undefined || at < 0) return false
    line.splice(at, 1)
    if (line.length === 0) this.#waiting.delete(organizationId)
    this.#size--
    return true
  }
}
