import { parseDuration } from '../../lib/duration.ts'
import { hasExpression } from '../expression/index.ts'
import { REQUEST_CREDENTIALS } from './http-authorization.ts'
import { itemOf } from './http-pagination.ts'
import { requestIssues } from './http-request-issues.ts'
import { defineNode } from './node-type.ts'
import type { ParameterIssue } from './node-type.ts'
import { pathProblem } from './paths.ts'
import { LONGEST_WINDOW, PollParameters } from './poll-parameters.ts'
import type { ScheduleRule } from '../schedule/rule.ts'
import { scheduleRuleOf, timeIssues } from './schedule.ts'

/** The request is sent before anything starts; the node itself hands on what it found. */
export const poll = defineNode({
  type: 'poll',
  title: 'Poll',
  description: 'Sends an HTTP request at times and starts with the items of its answer that are new.',
  icon: 'radar',
  category: 'trigger',
  effects: 'none',
  trigger: true,
  parameters: PollParameters,
  credentials: REQUEST_CREDENTIALS,
  check: parameters => [...timeIssues(parameters, ['cron', 'every']), ...requestIssues(parameters), ...pollIssues(parameters as PollParameters)],
  run: ({ items }) => ({
    outputs: {
      main: items.flatMap(({ json }, from) => {
        const found = json['items']
        return Array.isArray(found) ? found.map(entry => ({ from, json: itemOf(entry) })) : [{ from }]
      })
    }
  })
})

/** When a published node polls. What was missed is in the next answer, and no poll of a node overlaps another. */
export function pollRuleOf (parameters: Readonly<Record<string, unknown>>, workflowZone: string): ScheduleRule {
  const { cron, every, timeZone, jitter, startAt, endAt } = parameters as PollParameters
  return scheduleRuleOf(Object.fromEntries(Object.entries({ cron, every, timeZone, jitter, startAt, endAt, missed: 'one', overlap: 'skip' }).filter(([, value]) => value !== undefined)), workflowZone)
}

function pollIssues ({ items, key, window, maximum, cursor, firstRun }: PollParameters): readonly ParameterIssue[] {
  const issues: ParameterIssue[] = []
  const report = (pointer: string, message: string, severity: 'error' | 'warning' = 'error'): void => { issues.push({ pointer, message, code: 'WC_POLL', severity }) }
  for (const [name, path] of [['items', items], ['key', key]] as const) {
    const problem = path === undefined || hasExpression(path) ? null : pathProblem(path)
    if (problem !== null) report(`/${name}`, problem)
  }
  for (const [name, value] of Object.entries({ window, maximum })) {
    if (value !== undefined && key === undefined) report(`/${name}`, 'goes with a key: nothing else is remembered')
  }
  if (window !== undefined && (parseDuration(window) === 0 || parseDuration(window) > parseDuration(LONGEST_WINDOW))) report('/window', `more than nothing, and at most ${LONGEST_WINDOW}`)
  if (cursor !== undefined && !JSON.stringify(cursor).includes('{{')) report('/cursor', 'must hold an expression such as {{ $json.id }}: text would never move')
  if (key === undefined && cursor === undefined) {
    if (firstRun === 'new') report('/firstRun', 'needs a key or a cursor: nothing else tells what was there before')
    else report('', 'has neither a key nor a cursor: all that a poll finds is new each time', 'warning')
  }
  return issues
}
