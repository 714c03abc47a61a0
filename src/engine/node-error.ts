/** Why a step failed: stored in its event, shown by the API, read by `onError` and `retry`. */
export interface StepError {
  readonly code: string
  readonly message: string
  /** Whether another attempt may succeed; `retry` acts on these only. */
  readonly retryable?: boolean
  /** JSON pointer into the node's parameters, where one is to blame. */
  readonly pointer?: string
  /** Offset in the expression's source. */
  readonly position?: number
  /** Which item of the input was being worked on. */
  readonly itemIndex?: number
  /** The far side's wish, in milliseconds (Retry-After). */
  readonly retryAfter?: number
  readonly data?: unknown
}

/** Thrown by nodes for what went wrong with their work; anything else thrown is a fault of ours. */
export class NodeError extends Error {
  readonly code: string
  readonly detail: Omit<StepError, 'code' | 'message'>

  constructor (code: string, message: string, detail: Omit<StepError, 'code' | 'message'> = {}) {
    super(message)
    this.name = 'NodeError'
    this.code = code
    this.detail = detail
  }

  toStepError (): StepError {
    return { code: this.code, message: this.message, ...this.detail }
  }
}

/** Of a step that ran, or waited, longer than its node allows; milliseconds. */
export function stepTimeout (timeout: number | undefined): StepError {
  return { code: 'WC_STEP_TIMEOUT', message: `The step took longer than its timeout of ${timeout ?? 0} ms`, retryable: true }
}
