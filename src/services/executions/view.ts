import type { ExecutionStatus } from '../../engine/events.ts'
import type { StepError } from '../../engine/node-error.ts'
import { decodeEvents } from '../../engine/stored-events.ts'
import { readOrigin } from '../../lib/execution-origin.ts'
import { createdAt, type ExecutionRow, type LogRow } from '../../db/queries/executions.ts'

export interface ExecutionView {
  readonly id: string
  readonly workflowId: string
  readonly version: number
  readonly trigger: string
  readonly status: ExecutionStatus
  readonly createdAt: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly error: StepError | null
  readonly waitingFor: unknown
  readonly retryOf: string | null
  readonly parentExecutionId: string | null
}

export function toExecution (row: ExecutionRow): ExecutionView {
  const origin = readOrigin(row.origin ?? '')
  return {
    id: row.id,
    workflowId: row.workflowId,
    version: row.version,
    trigger: row.trigger,
    // Without a lease it has not run for long enough to need one.
    status: (row.finalStatus ?? row.leaseStatus ?? 'queued') as ExecutionStatus,
    createdAt: createdAt(row.id),
    startedAt: instant(row.startedAt),
    finishedAt: instant(row.finishedAt),
    error: row.lastEvents === null ? null : finalError(row.lastEvents),
    waitingFor: waitingFor(row),
    retryOf: origin.retryOf ?? null,
    parentExecutionId: row.parentId
  }
}

/** Why nothing of it runs now: null for what runs or is over. */
function waitingFor ({ finalStatus, leaseStatus, waitingFor, ownerGone }: ExecutionRow): unknown {
  if (finalStatus !== null) return null
  if (leaseStatus === null) return { type: 'dispatch' }
  if (leaseStatus === 'running') return ownerGone === true ? { type: 'takeOver' } : null
  return waitingFor === null ? { type: 'worker' } : JSON.parse(waitingFor)
}

function finalError (events: string): StepError | null {
  const last = decodeEvents(JSON.parse(events)).at(-1)
  return last !== undefined && 'error' in last ? last.error : null
}

export function instant (milliseconds: string | number | null): string | null {
  return milliseconds === null ? null : new Date(Number(milliseconds)).toISOString()
}

export function toLogLine ({ at, ...line }: LogRow) {
  return { ...line, at: new Date(Number(at)).toISOString() }
}

export type LogLineView = ReturnType<typeof toLogLine>
