/** Counts what runs at once, in all and for each organization. */
export class SlotPool {
  readonly #size: number
  readonly #share: number
  #taken = 0
  readonly #byOrganization = new Map<string, number>()
  readonly #waiting: Array<() => void> = []

  /** @param share how many one organization may hold while others could want some */
  constructor (size: number, share: number) {
    this.#size = size
    this.#share = share
  }

  get free (): number {
    return Math.max(0, this.#size - this.#taken)
  }

  isOverShare (organizationId: string): boolean {
    return (this.#byOrganization.get(organizationId) ?? 0) >= this.#share
  }

  take (organizationId: string): void {
    this.#taken++
    this.#byOrganization.set(organizationId, (this.#byOrganization.get(organizationId) ?? 0) + 1)
  }

  release (organizationId: string): void {
    this.#taken--
    const left = (this.#byOrganization.get(organizationId) ?? 1) - 1
    if (left === 0) this.#byOrganization.delete(organizationId)
    else this.#byOrganization.set(organizationId, left)
    // All of them look again: the first may have no use for the slot.
    if (this.#taken < this.#size) for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Resolves when a slot is free. */
  async available (): Promise<void> {
    while (this.#taken >= this.#size) await new Promise<void>(resolve => { this.#waiting.push(resolve) })
  }
}
