/** How a statement that failed is to be gone on with. */
export type FailureKind =
  /** The outcome is unknown or nothing happened: repeat the same statement. */
  | 'repeat'
  /** Some row is at fault: split the batch until only that row fails. */
  | 'split'
  | 'fail'

export interface GroupCommitOptions<T, R> {
  /** Commits the rows in one statement; answers with a result for each row, in order. */
  readonly commit: (rows: readonly T[]) => Promise<readonly R[]>
  readonly classify: (error: unknown) => FailureKind
  /** Bytes that a row weighs. */
  readonly sizeOf: (row: T) => number
  /** Rows are sorted by it, so that two writers never lock in opposite order. */
  readonly keyOf: (row: T) => string
  readonly maxRows?: number
  /** Bytes of one statement; a larger row goes alone. */
  readonly maxBytes?: number
  /** Statements at once. */
  readonly maxInFlight?: number
  /** Milliseconds for which rows wait to become half as many as those in flight: longer than a statement usually takes. */
  readonly gather?: number
  /** milliseconds that a statement is repeated for while the database is away */
  readonly patience: number
}

interface Entry<T, R> {
  readonly row: T
  readonly size: number
  readonly since: number
  readonly resolve: (result: R) => void
  readonly reject: (error: unknown) => void
}

const FIRST_PAUSE = 25
const LONGEST_PAUSE = 500

/**
 * Rows that arrive while a statement is in flight go into the next one. No timer: at low load a row is committed at once;
 * under load the batches grow by themselves. A statement beside others begins with half as many rows as those have: with
 * the first that comes it would be small, and cost nearly as much. Others may hang or be repeated, so that wait is bounded.
 */
export class GroupCommit<T, R> {
  readonly #options: Required<GroupCommitOptions<T, R>>
  readonly #waiting: Array<Entry<T, R>> = []
  #waitingBytes = 0
  #inFlight = 0
  #rowsInFlight = 0
  #scheduled = false
  #late: NodeJS.Timeout | undefined
  #idle: Array<() => void> = []

  constructor (options: GroupCommitOptions<T, R>) {
    this.#options = { maxRows: 500, maxBytes: 1024 * 1024, maxInFlight: 1, gather: 20, ...options }
  }

  /** Rows and bytes that have not been handed to the database yet. */
  get backlog (): { rows: number, bytes: number } {
    return { rows: this.#waiting.length, bytes: this.#waitingBytes }
  }

  // Not `async`: it would be a second promise for each of thousands of rows.
  add (row: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const size = this.#options.sizeOf(row)
      this.#waiting.push({ row, size, since: Date.now(), resolve, reject })
      this.#waitingBytes += size
      if (this.#scheduled || this.#isFull) return
      if (!this.#mayBegin) return this.#gather()
      // The rest of this turn of the event loop may bring more rows.
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.#pump()
      })
    })
  }

  /** Resolves once nothing waits and nothing is in flight. */
  async drained (): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlight === 0) return
    await new Promise<void>(resolve => { this.#idle.push(resolve) })
  }

  get #isFull (): boolean { return this.#inFlight >= this.#options.maxInFlight }

  get #mayBegin (): boolean {
    const [first] = this.#waiting
    if (first === undefined || this.#isFull) return false
    return this.#waiting.length * 2 >= this.#rowsInFlight || Date.now() - first.since >= this.#options.gather
  }

  /** Looks again later: what is in flight may hang, or be repeated. */
  #gather (): void {
    this.#late ??= setTimeout(() => {
      this.#late = undefined
      this.#pump()
    }, this.#options.gather)
  }

  #pump (): void {
    while (this.#mayBegin) {
      const batch = this.#nextBatch()
      this.#inFlight++
      this.#rowsInFlight += batch.length
      void this.#commit(batch).finally(() => {
        this.#inFlight--
        this.#rowsInFlight -= batch.length
        this.#pump()
        if (this.#inFlight === 0 && this.#waiting.length === 0) {
          for (const resolve of this.#idle.splice(0)) resolve()
        }
      })
    }
    if (this.#waiting.length === 0) {
      clearTimeout(this.#late)
      this.#late = undefined
    } else if (!this.#isFull) this.#gather()
  }

  #nextBatch (): Array<Entry<T, R>> {
    const { maxRows, maxBytes } = this.#options
    let bytes = 0
    let count = 0
    for (const { size } of this.#waiting) {
      if (count === maxRows || (count > 0 && bytes + size > maxBytes)) break
      bytes += size
      count++
    }
    this.#waitingBytes -= bytes
    const { keyOf } = this.#options
    return this.#waiting.splice(0, count).sort((a, b) => keyOf(a.row) < keyOf(b.row) ? -1 : 1)
  }

  async #commit (batch: Array<Entry<T, R>>): Promise<void> {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
      try {
        const results = await this.#options.commit(batch.map(entry => entry.row))
        batch.forEach((entry, index) => { entry.resolve(results[index]!) })
        return
      } catch (error) {
        const kind = this.#options.classify(error)
        if (kind === 'repeat' && Date.now() - batch[0]!.since < this.#options.patience) {
          await new Promise(resolve => setTimeout(resolve, pause))
          continue
        }
        if (kind !== 'split' || batch.length === 1) {
          for (const entry of batch) entry.reject(error)
          return
        }
        const middle = batch.length >> 1
        await this.#commit(batch.slice(0, middle))
        return await this.#commit(batch.slice(middle))
      }
    }
  }
}
