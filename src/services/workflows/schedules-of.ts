import type { ScheduleContent } from '../../db/queries/schedules.ts'
import type { WorkflowDefinition } from '../../engine/definition.ts'
import type { Instant } from '../../engine/events.ts'
import { scheduleRuleOf } from '../../engine/nodes/schedule.ts'
import { ticksOf, type ScheduleRule } from '../../engine/schedule/rule.ts'

/** The schedules of a version that is about to be published, with their first ticks after `now`. */
export function schedulesOf ({ nodes, settings }: WorkflowDefinition, nextId: () => string, now: Instant): ScheduleContent[] {
  return nodes.filter(({ type, disabled }) => type === 'schedule' && disabled !== true).map(({ id: nodeId, parameters = {} }) =>
    placed(nextId(), nodeId, scheduleRuleOf(parameters, settings.timeZone ?? 'UTC'), now))
}

/** A rule with its first tick after `now`. */
export function placed (id: string, nodeId: string, rule: ScheduleRule, now: Instant): ScheduleContent {
  const ticks = ticksOf(rule, now, id)
  const tick = ticks.after(now)
  return { id, nodeId, rule, nextTick: tick ?? null, nextAt: tick === undefined ? null : ticks.dueAt(tick) }
}
