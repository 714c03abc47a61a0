import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { completePoll, failPoll, findSeenKeys, trimSeenKeys, type DuePoll, type PollStart } from '../../db/queries/run-polls.ts'
import { loadFresh } from '../../db/queries/load-executions.ts'
import { parseDuration } from '../../lib/duration.ts'
import { answered } from '../../lib/deadline.ts'
import { writeOrigin } from '../../lib/execution-origin.ts'
import type { JsonObject } from '../../engine/item.ts'
import { NodeError, type StepError } from '../../engine/node-error.ts'
import { DEFAULT_REMEMBERED, type PollParameters } from '../../engine/nodes/poll-parameters.ts'
import type { Plan } from '../../engine/plan.ts'
import { pollRetryDelay } from '../../engine/poll/retry.ts'
import { ticksOf, type ScheduleRule } from '../../engine/schedule/rule.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { LargeValues } from '../files/large-values.ts'
import type { Metrics } from '../metrics.ts'
import { patiently } from '../patiently.ts'
import type { Plans } from '../plans.ts'
import { Problem } from '../../lib/problem.ts'
import { QuotaExceeded } from '../problems.ts'
import type { Quotas } from '../quotas/quotas.ts'
import { perform, type PollReach } from './perform.ts'

export interface PollRunOptions extends PollReach {
  readonly sql: Sql
  readonly plans: Plans
  readonly values: Pick<LargeValues, 'limit' | 'storePayload'>
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>
  readonly quotas: Pick<Quotas, 'within' | 'settle'>
  readonly metrics: Pick<Metrics, 'accepted' | 'polls'>
  readonly log: Logger
  readonly nextId: () => string
  /** Subscribers may have been told something. */
  readonly onAnnounced: () => void
  readonly random?: () => number
}

/** Failures in a row after which subscribers hear of it. */
const ALARM_AT = 3
/** A part of a delay, by chance, so that what failed together does not come again together. */
const SCATTER = 0.2
/** Of the trimmings of a memory that has its largest size: one in so many polls with something new. */
const TRIM_SHARE = 0.1

/** One poll whose lease is held: it asks, and commits what follows. Rejects where the database or the file storage is away, or with `signal.reason`. */
export async function runPoll (options: PollRunOptions, due: DuePoll, lease: string, signal: AbortSignal): Promise<void> {
  const { plans, metrics } = options
  const plan = await plans.get(due.organizationId, due.workflowId, due.version)
  const node = plan?.byId.get(due.nodeId)
  if (plan === undefined || node === undefined) throw new Error('The version that a poll belongs to is gone')
  const performed = await perform(options, { organizationId: due.organizationId, plan, node, cursor: due.cursor, idempotencyKey: `${due.id}:${lease}`, signal })
  if ('error' in performed) {
    metrics.polls.inc({ outcome: 'failed' })
    await recordFailure(options, due, lease, performed.error, signal)
    return
  }
  const { findings: { items, cursor }, hashes } = performed
  const parameters = node.written as PollParameters
  const known = [...new Set(hashes.filter(hash => hash !== null))].sort()
  const seen = await answered(findSeenKeys(options.sql, due.organizationId, due.workflowId, due.nodeId, known))
  const fresh = parameters.firstRun === 'new' && !due.begun ? [] : newItems(items, hashes, seen)
  const window = parameters.window === undefined ? null : parseDuration(parameters.window)
  const { moved, starts } = await withinQuota(options, due, fresh.length, parameters, async () => {
    const starts = await startsOf(options, due, plan, fresh, parameters)
    const moved = await patiently(signal, async () => await completePoll(options.sql, {
      ...endOf(options, due, lease), cursor: cursor === undefined ? null : JSON.stringify(cursor), newItems: fresh.length, hashes: known, keepFor: window, starts, alarmAt: ALARM_AT
    }), away)
    if (moved) options.quotas.settle(due.organizationId, starts.length)
    return { moved, starts }
  })
  // Where an answer was lost and the statement repeated, the executions are there though the second time did nothing.
  if (starts.length > 0) options.dispatcher.dispatch(await answered(loadFresh(options.sql, starts.map(({ executionId }) => executionId))))
  metrics.polls.inc({ outcome: !moved ? 'overtaken' : fresh.length > 0 ? 'found' : 'nothing' })
  if (moved) {
    metrics.accepted.inc({ trigger: 'poll' }, starts.length)
    if (due.failures >= ALARM_AT) options.onAnnounced()
    await trim(options, due, parameters, known, seen.size)
  }
}

/** Of items with one key the first: an answer may have one twice, on two of its pages. */
function newItems (items: readonly JsonObject[], hashes: readonly (string | null)[], seen: ReadonlySet<string>): JsonObject[] {
  const taken = new Set(seen)
  return items.filter((_item, index) => {
    const hash = hashes[index] ?? null
    if (hash === null) return true
    if (taken.has(hash)) return false
    taken.add(hash)
    return true
  })
}

/** Where the quota has no room for all of it, the poll fails before anything of it is kept: what it found is found again. */
async function withinQuota<T> ({ quotas }: PollRunOptions, { organizationId }: DuePoll, items: number, { start = 'poll' }: PollParameters, commit: () => Promise<T>): Promise<T> {
  const wanted = start === 'poll' ? Math.min(1, items) : items
  if (wanted === 0) return await commit()
  return await quotas.within(organizationId, commit, wanted).catch((error: unknown) => {
    if (!(error instanceof Problem) || error.code !== QuotaExceeded.code) throw error
    throw new NodeError(error.code, `The quota of the organization has no room for the ${wanted} executions that the poll would start. It is tried again`, { retryable: true })
  })
}

async function startsOf ({ values, now, nextId }: PollRunOptions, { id, organizationId }: DuePoll, plan: Plan, items: readonly JsonObject[], { start = 'poll' }: PollParameters): Promise<PollStart[]> {
  if (items.length === 0) return []
  const polledAt = new Date(now()).toISOString()
  const origin = writeOrigin({ priority: plan.limits.priority })
  const starts: PollStart[] = []
  for (const group of start === 'poll' ? [items] : items.map(item => [item])) {
    const executionId = nextId()
    const payload = JSON.stringify({ pollId: id, polledAt, items: group })
    starts.push({ executionId, origin, payload: payload.length > values.limit ? await values.storePayload({ organizationId, executionId }, payload) : payload })
  }
  return starts
}

/** The tick after now: whatever was missed is in the one answer. */
function endOf ({ now }: PollRunOptions, { id, version, rule, createdAt, dueAt }: DuePoll, lease: string) {
  const ticks = ticksOf(rule as ScheduleRule, createdAt, id)
  const next = ticks.after(now())
  return { id, lease, version, dueAt, nextTick: next ?? null, nextAt: next === undefined ? null : ticks.dueAt(next) }
}

export async function recordFailure (options: PollRunOptions, due: DuePoll, lease: string, { retryAfter, ...error }: StepError, signal: AbortSignal): Promise<void> {
  const { sql, log, now, random = Math.random, onAnnounced } = options
  const failures = due.failures + 1
  const at = now()
  const nextAt = at + pollRetryDelay(failures, retryAfter) * (1 + random() * SCATTER)
  const { endAt } = due.rule as ScheduleRule
  const over = endAt !== undefined && nextAt > Date.parse(endAt)
  log.info({ pollId: due.id, workflowId: due.workflowId, nodeId: due.nodeId, failures, code: error.code }, 'A poll failed; it is tried again')
  await patiently(signal, async () => await failPoll(sql, {
    id: due.id, lease, version: due.version, dueAt: due.dueAt, nextTick: over ? null : nextAt, nextAt: over ? null : nextAt, error: JSON.stringify({ at: new Date(at).toISOString(), ...error }), alarmAt: ALARM_AT
  }), away)
  if (failures === ALARM_AT) onAnnounced()
}

async function trim ({ sql, log, random = Math.random }: PollRunOptions, { workflowId, nodeId }: DuePoll, { maximum = DEFAULT_REMEMBERED }: PollParameters, hashes: readonly string[], seen: number): Promise<void> {
  if (hashes.length === seen || random() * maximum * TRIM_SHARE >= hashes.length - seen) return
  await answered(trimSeenKeys(sql, workflowId, nodeId, maximum, hashes)).catch((error: unknown) => { log.debug({ err: error, workflowId, nodeId }, 'What a poll remembers could not be trimmed; a later one does it') })
}

function away (): Error {
  return new Error('The database did not answer')
}
