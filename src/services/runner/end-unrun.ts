import type { Event, ExecutionError, Instant } from '../../engine/events.ts'
import { decodeEvents } from '../../engine/stored-events.ts'
import type { StoredSegment } from '../../db/queries/load-executions.ts'
import type { AppendResult } from './event-writer.ts'
import type { RunIdentity } from './run-identity.ts'
import { endingOf } from './ending.ts'
import { Outgoing } from './outgoing.ts'
import type { RunHost } from './run-host.ts'
import { toSegment } from './to-segment.ts'

/** Ends an execution without running any of it: its state may be what kills its workers, or it cannot be rebuilt. */
export async function endUnrun (host: RunHost, identity: RunIdentity, segments: readonly StoredSegment[], event: Event): Promise<AppendResult> {
  const seq = (segments.at(-1)?.lastSeq ?? 1) + 1
  const outgoing = new Outgoing(identity)
  const ending = endingOf(host, identity, event, undefined)
  if (ending !== undefined) outgoing.end(ending)
  return await host.writer.append(toSegment(identity, [event], seq, { kind: 'drop' }, await outgoing.consequences(host)))
}

/** The failure of an execution whose workers died, with the step that they died in where its start is on record. */
export function crashed (segments: readonly StoredSegment[], takeovers: number, at: Instant): Event {
  const last = segments.at(-1)
  const running = last === undefined ? undefined : decodeEvents(JSON.parse(last.events)).findLast(event => event.type === 'step.started')
  const error: ExecutionError = { code: 'WC_EXECUTION_CRASHED', message: `The worker died ${takeovers} times while it ran this execution` }
  return { type: 'execution.failed', at, error: running === undefined ? error : { ...error, nodeId: running.nodeId } }
}
