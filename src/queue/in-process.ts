import type { Priority } from '../lib/execution-origin.ts'
import type { QueuedExecution } from '../lib/queued-execution.ts'
import type { Batch, Delivery, Queue } from './port.ts'

/** What an organization has waiting, by priority, the highest first. */
type Lanes = Readonly<Record<Priority, QueuedExecution[]>>

/** Executions handed to the runner at once. */
const CHUNK = 200
/** Chunks under way at once: while one commits, the next computes. */
const CONCURRENCY = 4

/** The queue of a process that is its own worker. Organizations take turns, a chunk each. */
export class InProcessQueue implements Queue {
  readonly #backlog = new Map<string, Lanes>()
  #depth = 0
  #working = 0
  #closed = false
  #work: ((delivery: Delivery) => Promise<void>) | undefined

  async dispatch ({ organizationId, priority = 'normal', executions }: Batch): Promise<void> {
    if (this.#closed) return
    let lanes = this.#backlog.get(organizationId)
    if (lanes === undefined) {
      lanes = { high: [], normal: [], low: [] }
      this.#backlog.set(organizationId, lanes)
    }
    for (const execution of executions) lanes[priority].push(execution)
    this.#depth += executions.length
    this.#pump()
  }

  depth (): number {
    return this.#depth
  }

  consume (work: (delivery: Delivery) => Promise<void>): void {
    this.#work = work
    this.#pump()
  }

  async ping (): Promise<void> {}

  async close (graceMilliseconds: number): Promise<void> {
    this.#closed = true
    this.#backlog.clear()
    const limit = Date.now() + graceMilliseconds
    while (this.#working > 0 && Date.now() < limit) await new Promise(resolve => setTimeout(resolve, 10))
  }

  #pump (): void {
    while (this.#work !== undefined && this.#working < CONCURRENCY) {
      const executions = this.#nextChunk()
      if (executions === undefined) return
      this.#working++
      void this.#work({ kind: 'rows', executions }).catch(() => undefined).finally(() => {
        this.#working--
        this.#pump()
      })
    }
  }

  #nextChunk (): QueuedExecution[] | undefined {
    const first = this.#backlog.entries().next()
    if (first.done === true) return undefined
    const [organizationId, lanes] = first.value
    const chunk: QueuedExecution[] = []
    for (const lane of Object.values(lanes)) {
      if (chunk.length < CHUNK) chunk.push(...lane.splice(0, CHUNK - chunk.length))
    }
    this.#backlog.delete(organizationId)
    // To the end of the line, so that the others come first.
    if (Object.values(lanes).some(lane => lane.length > 0)) this.#backlog.set(organizationId, lanes)
    this.#depth -= chunk.length
    return chunk
  }
}
