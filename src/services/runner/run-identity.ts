import type { ExecutionFacts } from '../../engine/step-context.ts'
import { readOrigin, type ParentStep } from '../../lib/execution-origin.ts'
import type { QueuedExecution } from '../../lib/queued-execution.ts'

export interface RunIdentity extends ExecutionFacts {
  readonly organizationId: string
  readonly workflowId: string
  readonly retryOf: string | undefined
  /** The step that started it. */
  readonly parent: ParentStep | undefined
  /** How many executions it is a part of, and how many ends of executions led to it. */
  readonly depth: number
  readonly hops: number
  /** Of this attempt to run it: the fence knows it by this. */
  readonly writerId: string
}

/** The execution as it runs under this writer. */
export function identify (execution: QueuedExecution, writerId: string): RunIdentity {
  const { id, trigger, organizationId, workflowId, origin } = execution
  const { rootId = id, retryOf, parent, depth = 0, hops = 0 } = readOrigin(origin)
  return { id, rootId, trigger, organizationId, workflowId, retryOf, parent, depth, hops, writerId }
}
