import { terminalStatusOf, type Event, type Instant } from '../../engine/events.ts'
import type { Plan } from '../../engine/plan.ts'
import type { State } from '../../engine/state.ts'
import { appended, NONE } from '../../engine/short-list.ts'
import { encodeEvents } from '../../engine/stored-events.ts'
import type { ValueStore } from '../../engine/stored-values.ts'
import { waitingFor } from '../../engine/waiting-for.ts'
import type { Consequences, LeaseChange, LogLine, Segment } from '../../db/queries/append-events.ts'
import type { Mailbox } from './mailbox.ts'
import type { RunIdentity } from './run-identity.ts'

/** The row that records these events, the last of which has seq `lastSeq`. What is too large for it goes to `values`. */
export function toSegment ({ id, organizationId, workflowId, writerId }: RunIdentity, events: readonly Event[], lastSeq: number, lease: LeaseChange, consequences?: Consequences, values?: ValueStore): Segment {
  const seq = lastSeq - events.length + 1
  const last = events.at(-1)!
  return {
    executionId: id,
    seq,
    lastSeq,
    organizationId,
    workflowId,
    writer: writerId,
    firstAt: events[0]!.at,
    lastAt: last.at,
    status: terminalStatusOf(last) ?? '',
    events: encodeEvents(events, values),
    lease,
    logs: logLines(events, seq),
    consequences
  }
}

/** The writer's. `progress`: a step has ended. */
export function holding (progress: boolean): LeaseChange {
  return { kind: 'hold', progress }
}

export function leaseAtEnd (leased: boolean): LeaseChange {
  return leased ? { kind: 'drop' } : { kind: 'none' }
}

/** Nobody's until then, with what it waits for in words. */
export function parking (plan: Plan, state: State, dueAt: Instant, mail: Mailbox | undefined): LeaseChange {
  return { kind: 'park', dueAt, waitingFor: JSON.stringify(waitingFor(plan, state)), read: mail?.read ?? [] }
}

/** The lines that the nodes logged, with their places among the events. */
function logLines (events: readonly Event[], firstSeq: number): readonly LogLine[] {
  let lines: readonly LogLine[] = NONE
  for (let index = 0; index < events.length; index++) {
    const event = events[index]!
    if (event.type !== 'log') continue
    const { at, level, nodeId, run, message, data } = event
    lines = appended(lines, { seq: firstSeq + index, at, level, nodeId, run, message, data })
  }
  return lines
}
