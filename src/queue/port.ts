import type { Priority } from '../lib/execution-origin.ts'
import type { QueuedExecution } from '../lib/queued-execution.ts'

/** Executions of one organization and one priority, on their way to a worker together. */
export interface Batch {
  readonly organizationId: string
  /** Among the batches of its organization; normal unless said otherwise. */
  readonly priority?: Priority
  readonly executions: readonly QueuedExecution[]
}

/**
 * What a worker is handed. Ids without their rows are read from the database. A batch that was handed out
 * before may be what killed its worker.
 */
export type Delivery =
  | { readonly kind: 'rows', /** The worker's: it takes them out. */ readonly executions: QueuedExecution[] }
  | { readonly kind: 'ids', readonly ids: readonly string[] }
  | { readonly kind: 'redelivered', readonly ids: readonly string[] }

/** Carries batches to workers. Losing any of them loses time only: the sweeper finds what did not arrive. */
export interface Queue {
  dispatch (batch: Batch): Promise<void>
  /** Executions that were dispatched and not yet taken by a worker, as far as known. */
  depth (): number
  /** Hands batches to this process; called once. The batch is done when the promise settles. */
  consume (work: (delivery: Delivery) => Promise<void>): void
  /** Throws where the queue cannot be reached. */
  ping (): Promise<void>
  /** Stops handing out batches and waits for those handed out, at most that long. */
  close (graceMilliseconds: number): Promise<void>
}
