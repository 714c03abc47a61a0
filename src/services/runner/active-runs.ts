import type { Metrics } from '../metrics.ts'
import type { HeldLease } from '../../db/queries/leases.ts'
import { Dictionary } from '../../lib/dictionary.ts'
import type { ExecutionRun } from './execution-run.ts'

/** The executions that this process runs now, by id. */
export class ActiveRuns {
  readonly #runs = new Dictionary<ExecutionRun>()
  readonly #metrics: Metrics

  constructor (metrics: Metrics) {
    this.#metrics = metrics
  }

  get size (): number { return this.#runs.size }
  has (executionId: string): boolean { return this.#runs.has(executionId) }
  get (executionId: string): ExecutionRun | undefined { return this.#runs.get(executionId) }
  values (): ExecutionRun[] { return this.#runs.values() }

  add (run: ExecutionRun): void {
    this.#runs.set(run.identity.id, run)
    this.#metrics.setRunning(this.#runs.size)
  }

  remove (run: ExecutionRun): void {
    this.#runs.delete(run.identity.id)
    this.#metrics.setRunning(this.#runs.size)
  }
}

/** Sorted, so that statements that touch the leases of many lock them in one order. */
export function leasesOf (runs: Iterable<ExecutionRun>): HeldLease[] {
  return [...runs].map(run => ({ executionId: run.identity.id, writer: run.identity.writerId }))
    .sort((a, b) => a.executionId < b.executionId ? -1 : 1)
}
