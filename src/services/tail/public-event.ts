import { itemCounts, type Event, type Instant } from '../../engine/events.ts'
import type { Wait } from '../../engine/wait.ts'
import { waitView } from '../../engine/waiting-for.ts'

/** Event 1 of each execution: its acceptance. */
export interface QueuedEvent {
  readonly type: 'execution.queued'
  readonly at: Instant
  readonly workflowId: string
  readonly version: number
  readonly trigger: string
}

export type RecordedEvent = QueuedEvent | Event

/**
 * What clients see of an event: not the items (GET …/steps has them), only how many; not the answer; not the variables.
 */
export function publicEvent (event: RecordedEvent): Record<string, unknown> {
  switch (event.type) {
    case 'execution.queued': return { type: event.type, workflowId: event.workflowId, version: event.version, trigger: event.trigger }
    case 'execution.started':
    case 'execution.waiting':
    case 'execution.resumed':
    case 'execution.succeeded': return { type: event.type }
    case 'execution.failed':
    case 'execution.timedOut': return { type: event.type, error: event.error }
    case 'execution.cancelled': return { type: event.type, ...defined('reason', event.reason) }
    case 'step.started':
    case 'step.skipped': return step(event)
    case 'step.succeeded': return { ...step(event), ...counts(event) }
    case 'step.failed': return { ...step(event), error: event.error, ...counts(event) }
    case 'step.waiting': return { ...step(event), waitingFor: { ...waitView(event.wait), ...until(event.wait) } }
    case 'step.retrying': return { ...step(event), error: event.error, until: instantText(event.until) }
    case 'log': return { type: event.type, level: event.level, message: event.message, ...defined('nodeId', event.nodeId), ...defined('run', event.run), ...defined('data', event.data) }
    // A process of an older version reads what a newer one wrote: its kind, and nothing that may not be shown.
    default: return { type: (event as { type: string }).type }
  }
}

function until ({ until: at }: Wait): { until?: string } {
  return at === undefined ? {} : { until: instantText(at) }
}

/** RFC 3339, UTC. */
export function instantText (at: Instant): string {
  return new Date(at).toISOString()
}

function step ({ type, nodeId, run, attempt }: Extract<Event, { type: `step.${string}` }>) {
  return { type, nodeId, run, attempt }
}

/** What is stored outside of its event is counted in it. */
function counts ({ outputs, stored }: Extract<Event, { type: 'step.succeeded' | 'step.failed' }>): { itemCounts?: Readonly<Record<string, number>> } {
  if (stored?.outputs !== undefined) return { itemCounts: stored.outputs.counts }
  return outputs === undefined ? {} : { itemCounts: itemCounts(outputs) }
}

function defined (name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [name]: value }
}
