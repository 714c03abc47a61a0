import type { ScheduleContent } from '../../db/queries/schedules.ts'
import type { WorkflowDefinition } from '../../engine/definition.ts'
import type { Instant } from '../../engine/events.ts'
import { pollRuleOf } from '../../engine/nodes/poll.ts'
import { placed } from './schedules-of.ts'

/** The polls of a version that is about to be published, with their first ticks after `now`. */
export function pollsOf ({ nodes, settings }: WorkflowDefinition, nextId: () => string, now: Instant): ScheduleContent[] {
  return nodes.filter(({ type, disabled }) => type === 'poll' && disabled !== true).map(({ id: nodeId, parameters = {} }) =>
    placed(nextId(), nodeId, pollRuleOf(parameters, settings.timeZone ?? 'UTC'), now))
}
