/** What a runner needs to begin an execution: its acceptance row. */
export interface QueuedExecution {
  readonly id: string
  readonly organizationId: string
  readonly workflowId: string
  readonly version: number
  readonly nodeId: string
  readonly trigger: string
  /** The trigger's item, JSON text */
  readonly payload: string
  /** What only few executions have, JSON text, or empty */
  readonly origin: string
}
