import { terminalStatusOf, type Event, type ExecutionError } from '../../engine/events.ts'
import { createdAt } from '../../db/queries/executions.ts'
import type { RunIdentity } from './run-identity.ts'

/** Characters of what an error carries beside its message. */
const MOST_DATA = 64 * 1024

/** What is told of an execution that has ended to what starts because of that. */
export function executionFacts ({ id, trigger, retryOf, parent }: RunIdentity, event: Event, url: string): Record<string, unknown> {
  const error = 'error' in event ? withoutBulk(event.error) : null
  return {
    id,
    url,
    status: terminalStatusOf(event),
    trigger,
    createdAt: createdAt(id),
    finishedAt: new Date(event.at).toISOString(),
    retryOf: retryOf ?? null,
    parentExecutionId: parent?.id ?? null,
    error,
    failedNode: error?.nodeId ?? null
  }
}

function withoutBulk (error: ExecutionError): ExecutionError {
  if (error.data === undefined || JSON.stringify(error.data).length <= MOST_DATA) return error
  const { data: _data, ...rest } = error
  return rest
}
