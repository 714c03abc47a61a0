/** What can be written to: a WebSocket or a response. */
export interface Outlet {
  write (text: string): void
  /** Bytes that the reader has not taken yet. */
  readonly buffered: number
}

/** A reader that leaves more than this lying, in bytes, is cut. */
export const MAX_BUFFERED = 1024 * 1024
/** Reading history waits above this. */
const HIGH_WATER = 256 * 1024
const LOOK_INTERVAL = 20
/** A reader of history that takes nothing for so long, in milliseconds, is cut too. */
const STALLED_AFTER = 10_000

/** Writes, watches how fast the reader takes it, and tells when that is too slow. */
export class Outbox {
  readonly #outlet: Outlet
  readonly #onLagging: () => void
  #waiting: Array<() => void> = []
  #timer: NodeJS.Timeout | undefined
  #least = 0
  #leastAt = 0
  #over = false

  constructor (outlet: Outlet, onLagging: () => void) {
    this.#outlet = outlet
    this.#onLagging = onLagging
  }

  get congested (): boolean {
    return this.#outlet.buffered > HIGH_WATER
  }

  write (text: string): void {
    if (this.#over) return
    this.#outlet.write(text)
    if (this.#outlet.buffered > MAX_BUFFERED) this.#cut()
  }

  async drained (): Promise<void> {
    if (!this.congested || this.#over) return
    await new Promise<void>(resolve => {
      this.#waiting.push(resolve)
      if (this.#timer !== undefined) return
      this.#least = this.#outlet.buffered
      this.#leastAt = performance.now()
      this.#timer = setInterval(() => { this.#look() }, LOOK_INTERVAL)
    })
  }

  close (): void {
    this.#over = true
    this.#release()
  }

  #look (): void {
    const { buffered } = this.#outlet
    if (buffered < this.#least) {
      this.#least = buffered
      this.#leastAt = performance.now()
    }
    if (!this.congested) this.#release()
    else if (performance.now() - this.#leastAt > STALLED_AFTER) this.#cut()
  }

  #cut (): void {
    if (this.#over) return
    this.#onLagging()
    this.close()
  }

  #release (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
