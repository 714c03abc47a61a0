import { Type, type Static } from '@sinclair/typebox'
import { parseDuration } from '../../lib/duration.ts'
import { MISSED_POLICIES, OVERLAP_POLICIES, parseCron, type ScheduleRule } from '../schedule/rule.ts'
import { isTimeZone } from '../time-zone.ts'
import { duration, oneOf, STATIC } from '../schemas.ts'
import { defineNode } from './node-type.ts'
import type { ParameterIssue } from './node-type.ts'

const SHORTEST = '1s'
const instant = (title: string, description: string) =>
  Type.Optional(Type.String({ title, description, format: 'date-time', examples: ['2026-01-31T12:00:00Z'], ...STATIC }))

/** When a trigger that goes by the clock does so, apart from one time. */
export const timeParameters = {
  cron: Type.Optional(Type.String({
    title: 'Cron',
    description: 'Five fields (minute, hour, day of the month, month, day of the week), or six with seconds before them. Names, ranges, lists, steps, L (last), # (nth) and W (nearest weekday).',
    minLength: 1,
    maxLength: 256,
    examples: ['0 9 * * MON-FRI', '0 0 L * *', '0 8 * * MON#1'],
    ...STATIC
  })),
  every: Type.Optional(duration({ title: 'Every', description: `An interval of ${SHORTEST} or more, counted from startAt, else from the publication.`, ...STATIC })),
  timeZone: Type.Optional(Type.String({ title: 'Time zone', description: "Of the cron pattern: an IANA name. The workflow's, unless given.", maxLength: 64, examples: ['Europe/Paris'], ...STATIC })),
  jitter: Type.Optional(duration({ title: 'Jitter', description: 'Each tick comes later by a part of this that looks random and is the same for all servers.', ...STATIC })),
  startAt: instant('Start', 'No tick before this.'),
  endAt: instant('End', 'No tick after this.')
}

const { cron, every, timeZone, jitter, startAt, endAt } = timeParameters

const ScheduleParameters = Type.Object({
  cron,
  every,
  at: instant('At', 'One time.'),
  timeZone,
  missed: Type.Optional(oneOf(MISSED_POLICIES, {
    title: 'Missed ticks', description: 'What to do about ticks that nobody was there for: nothing, one execution for all of them, or one each (the last hundred).', default: 'one', ...STATIC
  })),
  overlap: Type.Optional(oneOf(OVERLAP_POLICIES, {
    title: 'Overlap', description: 'What to do when the execution before is not over: start all the same, skip the tick, start when it is over (one tick is kept), or cancel it.', default: 'allow', ...STATIC
  })),
  jitter,
  startAt,
  endAt
}, { additionalProperties: false })

type ScheduleParameters = Static<typeof ScheduleParameters>

export const schedule = defineNode({
  type: 'schedule',
  title: 'Schedule',
  description: 'Starts at times; emits { scheduledAt, scheduleId, missed }.',
  icon: 'calendar-clock',
  category: 'trigger',
  effects: 'none',
  trigger: true,
  parameters: ScheduleParameters,
  check: parameters => timeIssues(parameters, ['cron', 'every', 'at']),
  run: ({ items }) => ({ outputs: { main: items.map((_item, index) => ({ from: index })) } })
})

/** What a published node does, with all defaults filled in. */
export function scheduleRuleOf (parameters: Readonly<Record<string, unknown>>, workflowZone: string): ScheduleRule {
  const { timeZone = workflowZone, missed = 'one', overlap = 'allow', ...rest } = parameters as ScheduleParameters
  return { ...rest, timeZone, missed, overlap }
}

/** What is wrong with the times of a trigger that takes exactly one of `rules`. */
export function timeIssues (parameters: Readonly<Record<string, unknown>>, rules: ReadonlyArray<'cron' | 'every' | 'at'>): readonly ParameterIssue[] {
  const { cron, every, timeZone, startAt, endAt } = parameters as ScheduleParameters
  const issues: ParameterIssue[] = []
  const report = (pointer: string, message: string): void => { issues.push({ pointer, message, code: 'WC_SCHEDULE' }) }
  if (rules.filter(rule => parameters[rule] !== undefined).length !== 1) report('', `needs exactly one of ${rules.slice(0, -1).join(', ')} and ${rules.at(-1)}`)
  const zoneIsKnown = timeZone === undefined || isTimeZone(timeZone)
  if (!zoneIsKnown) report('/timeZone', 'is no IANA time zone, such as Europe/Paris')
  if (cron !== undefined) {
    const problem = cronProblem(cron)
    if (problem !== undefined) report('/cron', problem)
  }
  if (every !== undefined && parseDuration(every) < parseDuration(SHORTEST)) report('/every', `at least ${SHORTEST}`)
  if (startAt !== undefined && endAt !== undefined && Date.parse(endAt) < Date.parse(startAt)) report('/endAt', 'is before startAt')
  return issues
}

function cronProblem (cron: string): string | undefined {
  try {
    return parseCron(cron, 'UTC').nextRun(new Date(Date.UTC(2024, 0, 1))) === null ? 'never comes: there is no such date' : undefined
  } catch (error) {
    return `is no cron pattern: ${error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)}`
  }
}
