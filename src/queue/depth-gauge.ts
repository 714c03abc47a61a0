import type { RedisLink } from './redis.ts'

export interface QueueKeys {
  readonly wait: string
  readonly active: string
  readonly prioritized: string
}

export interface DepthGaugeOptions {
  readonly link: RedisLink
  readonly keys: QueueKeys
  /** Hears the lowest priority that waits, after each look. */
  readonly observe: (lowestPriority: number | undefined) => void
}

const INTERVAL = 250
/** Where nothing was sent or received this long and nothing is left, looking stops. */
const RECENT = 5000
/** A worker looks in any case: its sweeper wants to know. In intervals. */
const IDLE_INTERVALS = 4
/** BullMQ keeps the priority above the 32 bits that keep the order of arrival. */
const PRIORITY_UNIT = 2 ** 32
/** Weight of the newest batch in the average size. */
const WEIGHT = 0.2

/** How many executions are in the queue, from counting its jobs a few times a second. */
export class DepthGauge {
  readonly #options: DepthGaugeOptions
  readonly #timer: NodeJS.Timeout
  #watching = false
  #looking = false
  #ticks = 0
  #lastUse = -Infinity
  #counted = 0
  /** Dispatched since the last look. */
  #since = 0
  #averageSize = 0

  constructor (options: DepthGaugeOptions) {
    this.#options = options
    this.#timer = setInterval(() => { this.#tick() }, INTERVAL)
    this.#timer.unref()
  }

  get depth (): number {
    return this.#counted + this.#since
  }

  sent (executions: number): void {
    this.#since += executions
    this.#learn(executions)
  }

  /** Those did not get into the queue after all. */
  unsent (executions: number): void {
    this.#since = Math.max(0, this.#since - executions)
  }

  received (executions: number): void {
    this.#learn(executions)
  }

  /** Looks even when this process uses the queue no more. */
  keepWatching (): void {
    this.#watching = true
  }

  close (): void {
    clearInterval(this.#timer)
  }

  #learn (size: number): void {
    this.#lastUse = performance.now()
    this.#averageSize = this.#averageSize === 0 ? size : this.#averageSize + WEIGHT * (size - this.#averageSize)
  }

  #tick (): void {
    this.#ticks++
    const inUse = this.depth > 0 || performance.now() - this.#lastUse < RECENT
    if (this.#looking || (!inUse && !(this.#watching && this.#ticks % IDLE_INTERVALS === 0))) return
    this.#looking = true
    // Away: the last count stands. Nothing can be dispatched meanwhile.
    void this.#look().catch(() => undefined).finally(() => { this.#looking = false })
  }

  async #look (): Promise<void> {
    const { link, keys, observe } = this.#options
    const before = this.#since
    const [waiting, active, prioritized, first] = await link.run(async client => await Promise.all([
      client.llen(keys.wait), client.llen(keys.active), client.zcard(keys.prioritized), client.zrange(keys.prioritized, '0', '0', 'WITHSCORES')
    ]))
    const jobs = waiting + active + prioritized
    this.#since = Math.max(0, this.#since - before)
    this.#counted = Math.round(jobs * Math.max(1, this.#averageSize))
    const score = first[1]
    observe(score === undefined ? undefined : Math.floor(Number(score) / PRIORITY_UNIT))
  }
}
