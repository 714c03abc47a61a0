import { resultOf } from '../../engine/children.ts'
import { terminalStatusOf, type Event } from '../../engine/events.ts'
import type { GivenItem } from '../../engine/item.ts'
import type { Plan } from '../../engine/plan.ts'
import type { State } from '../../engine/state.ts'
import type { Alarm } from '../../db/queries/segment-alarms.ts'
import { writeOrigin } from '../../lib/execution-origin.ts'
import { executionFacts } from './execution-facts.ts'
import type { RunHost } from './run-host.ts'
import type { RunIdentity } from './run-identity.ts'

/** What the end of an execution means for others. */
export interface Ending {
  /** The step that waits for it gets this; undefined where none does. */
  readonly report: { readonly event: Event, readonly items: readonly GivenItem[] } | undefined
  /** Executions that its steps wait for are to stop. */
  readonly endsChildren: boolean
  readonly alarm: Alarm | undefined
}

/** What the end of an execution may start is started by this many ends, one behind the other: workflows may listen to each other. */
export const MAX_HOPS = 10

/**
 * Undefined where it concerns nobody, as most do not. Where the execution ends without having been rebuilt there is no plan,
 * and the statement finds out what there is to do.
 */
export function endingOf (host: Pick<RunHost, 'isAwaited' | 'executionUrl'>, identity: RunIdentity, event: Event, built: { readonly plan: Plan, readonly state: State } | undefined): Ending | undefined {
  const status = terminalStatusOf(event)!
  const awaited = identity.parent?.awaited === true
  const endsChildren = status !== 'succeeded' && built?.plan.startsExecutions !== false
  const alarms = identity.hops < MAX_HOPS && (((status === 'failed' || status === 'timedOut') && built?.plan.hasErrorWorkflow !== false) || host.isAwaited(identity.organizationId, event.type))
  if (!awaited && !endsChildren && !alarms) return undefined
  return {
    report: awaited ? { event, items: status === 'succeeded' && built !== undefined ? resultOf(built.plan, built.state) : [] } : undefined,
    endsChildren,
    alarm: alarms ? alarmOf(host, identity, event) : undefined
  }
}

function alarmOf (host: Pick<RunHost, 'executionUrl'>, identity: RunIdentity, event: Event): Alarm {
  return {
    status: terminalStatusOf(event)!,
    facts: JSON.stringify(executionFacts(identity, event, host.executionUrl(identity.id))),
    at: new Date(event.at).toISOString(),
    origin: writeOrigin({ hops: identity.hops + 1 })
  }
}
