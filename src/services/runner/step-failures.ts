import { NodeError, type StepError } from '../../engine/node-error.ts'
import type { PlanNode } from '../../engine/plan.ts'

/** Longer timers fire at once. */
export const LONGEST_TIMER = 2 ** 31 - 1

/** Aborts an attempt after its node's timeout, milliseconds. */
export function limitStep (timeout: number, limit: AbortController, expired: (error: NodeError) => void): NodeJS.Timeout | undefined {
  if (timeout > LONGEST_TIMER) return undefined
  return setTimeout(() => {
    const error = new NodeError('WC_STEP_TIMEOUT', `The step took longer than its timeout of ${timeout} ms`, { retryable: true })
    limit.abort(error)
    expired(error)
  }, timeout)
}

export function toStepError (node: PlanNode, error: unknown, fault: (error: unknown) => void): StepError {
  if (error instanceof NodeError) return error.toStepError()
  // The text of a fault may hold anything; it goes to the operators' log and not to the tenant.
  fault(error)
  return { code: 'WC_NODE_FAULT', message: `The node type ${node.type.type} failed in a way that it should not. The operator's log has the cause.` }
}
