/** Which organizations other processes watch, as long as they keep saying so. */
export class Interests {
  readonly #until = new Map<string, number>()
  readonly #lifetime: number

  /** Milliseconds that one announcement counts. */
  constructor (lifetime: number) {
    this.#lifetime = lifetime
  }

  get isEmpty (): boolean {
    return this.#until.size === 0
  }

  has (organizationId: string): boolean {
    const until = this.#until.get(organizationId)
    return until !== undefined && until > performance.now()
  }

  note (organizationIds: readonly string[]): void {
    const until = performance.now() + this.#lifetime
    for (const organizationId of organizationIds) this.#until.set(organizationId, until)
  }

  forgetExpired (): void {
    const time = performance.now()
    for (const [organizationId, until] of this.#until) if (until <= time) this.#until.delete(organizationId)
  }
}
