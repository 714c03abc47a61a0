/** Waits until any number of things are over. Lighter than a promise for each: thousands a second are waited for in this way. */
export class Countdown {
  readonly over: Promise<void>
  #left = 1
  #resolve!: () => void

  constructor () {
    this.over = new Promise(resolve => { this.#resolve = resolve })
  }

  /** One more to wait for; what this returns is to be called once, when it is over. */
  add (): () => void {
    this.#left++
    return this.#down
  }

  /** No more are added: `over` resolves with the last of them. */
  close (): void {
    this.#down()
  }

  readonly #down = (): void => {
    if (--this.#left === 0) this.#resolve()
  }
}
