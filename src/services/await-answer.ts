import type { Logger } from 'pino'
import type { Event } from '../engine/events.ts'
import type { HttpAnswer } from '../engine/nodes/node-type.ts'
import { foldSteps, viewOfItem, type Step } from '../engine/steps.ts'
import { decodeEvents } from '../engine/stored-events.ts'
import type { Sql } from '../db/client.ts'
import { findAnswers } from '../db/queries/find-answers.ts'
import { loadOne, loadSegments } from '../db/queries/load-executions.ts'
import { QUERY_DEADLINE, withDeadline } from '../lib/deadline.ts'
import type { HintBus, SegmentHint } from '../queue/hint-bus.ts'
import type { LargeValues } from './files/large-values.ts'
import type { Plans } from './plans.ts'
import { ExecutionFailed } from './problems.ts'

export interface WaitFor {
  readonly organizationId: string
  readonly executionId: string
  /** `answer`: what a `respond` node says; `end`: the last step's items. */
  readonly until: 'answer' | 'end'
  /** milliseconds */
  readonly timeout: number
}

export interface Waiting {
  /** Undefined once the time is over, or where the execution ended well without an answer. Rejects with a Problem where it did not. */
  readonly answer: Promise<HttpAnswer | undefined>
  cancel (): void
}

/** Holds connections until their execution has something to say, whichever process runs it. */
export interface AnswerWaiter {
  wait (what: WaitFor): Waiting
  close (): void
}

/** Hints may be lost: every so often the table is asked, for all that wait, in milliseconds. */
const POLL_INTERVAL = 1000
/** Longer timers fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1

const NONE: ReadonlySet<Entry> = new Set()

interface Entry {
  readonly what: WaitFor
  settle (outcome: HttpAnswer | undefined | Promise<HttpAnswer | undefined>): void
}

export function createAnswerWaiter ({ sql, plans, values, hints, log }: { sql: Sql, plans: Plans, values: LargeValues, hints: HintBus, log: Logger }): AnswerWaiter {
  /** By execution: repetitions of a delivery wait for the answer to the first. */
  const entries = new Map<string, Set<Entry>>()
  const watched = new Map<string, { count: number, stop: () => void }>()
  let polling = false

  function watch (organizationId: string): void {
    const present = watched.get(organizationId)
    if (present !== undefined) present.count++
    else watched.set(organizationId, { count: 1, stop: hints.watch(organizationId, onHint) })
  }

  function unwatch (organizationId: string): void {
    const present = watched.get(organizationId)
    if (present === undefined || --present.count > 0) return
    present.stop()
    watched.delete(organizationId)
  }

  function onHint (hint: SegmentHint): void {
    const waiting = entries.get(hint.executionId)
    if (waiting === undefined) return
    if (hint.events === undefined) void poll([hint.executionId])
    else for (const entry of waiting) consider(entry, hint.status, hint.events)
  }

  function consider (entry: Entry, status: string, eventsText: string): void {
    if (entry.what.until === 'answer' && eventsText.includes('"answer":')) {
      const event = decodeEvents(JSON.parse(eventsText)).find(answers)
      if (event !== undefined) return entry.settle(values.withAnswer(entry.what.organizationId, event).then(answerOf))
    }
    if (status === '') return
    if (status !== 'succeeded') entry.settle(Promise.reject(failure(entry.what.executionId, status, eventsText)))
    else entry.settle(entry.what.until === 'end' ? lastItems(entry.what) : undefined)
  }

  async function lastItems ({ organizationId, executionId }: WaitFor): Promise<HttpAnswer | undefined> {
    const [execution, segments] = await withDeadline(QUERY_DEADLINE, Promise.all([loadOne(sql, executionId), loadSegments(sql, executionId)]))
    if (execution === undefined) return undefined
    const plan = await plans.get(organizationId, execution.workflowId, execution.version)
    if (plan === undefined) return undefined
    const events = await values.complete(organizationId, segments.flatMap(segment => decodeEvents(JSON.parse(segment.events))))
    const { steps } = foldSteps(plan, execution.nodeId, await values.payload(organizationId, execution.payload), events)
    const last = steps.filter(ran).reduce<Step | undefined>((latest, step) =>
      latest === undefined || plan.byId.get(step.nodeId)!.index >= plan.byId.get(latest.nodeId)!.index ? step : latest, undefined)
    return { status: 200, headers: {}, body: (Object.values(last?.outputs ?? {})[0] ?? []).map(viewOfItem) }
  }

  async function poll (ids: readonly string[]): Promise<void> {
    try {
      for (const segment of await withDeadline(QUERY_DEADLINE, findAnswers(sql, ids))) {
        for (const entry of entries.get(segment.executionId) ?? NONE) consider(entry, segment.status, segment.events)
      }
    } catch (error) {
      log.warn({ err: error }, 'Could not look for the answers that connections wait for; it is tried again each second')
    }
  }

  const timer = setInterval(() => {
    if (polling || entries.size === 0) return
    polling = true
    void poll([...entries.keys()]).finally(() => { polling = false })
  }, POLL_INTERVAL)
  timer.unref()

  return {
    wait (what) {
      let settle!: Entry['settle']
      const answer = new Promise<HttpAnswer | undefined>(resolve => { settle = resolve })
      // It may fail before its caller, who waits for the acceptance first, comes to look.
      answer.catch(() => undefined)
      const limit = setTimeout(() => { finish(undefined) }, Math.min(what.timeout, LONGEST_TIMER))
      const entry: Entry = { what, settle: finish }
      function finish (outcome: Parameters<Entry['settle']>[0]): void {
        const waiting = entries.get(what.executionId)
        if (waiting?.delete(entry) !== true) return
        if (waiting.size === 0) entries.delete(what.executionId)
        clearTimeout(limit)
        unwatch(what.organizationId)
        settle(outcome)
      }
      const others = entries.get(what.executionId)
      if (others === undefined) entries.set(what.executionId, new Set([entry]))
      else others.add(entry)
      watch(what.organizationId)
      return { answer, cancel: () => { finish(undefined) } }
    },
    close () {
      clearInterval(timer)
      for (const entry of [...entries.values()].flatMap(waiting => [...waiting])) entry.settle(undefined)
    }
  }
}

function answers (event: Event): boolean {
  return event.type === 'step.succeeded' && (event.answer !== undefined || event.stored?.answer !== undefined)
}

function answerOf (event: Event): HttpAnswer | undefined {
  return event.type === 'step.succeeded' ? event.answer : undefined
}

function ran (step: Step): boolean {
  return step.status === 'succeeded' || step.status === 'failed'
}

const ENDED: Readonly<Record<string, string>> = { failed: 'failed', cancelled: 'was cancelled', timedOut: 'took longer than it may' }

function failure (executionId: string, status: string, eventsText: string): Error {
  const last = decodeEvents(JSON.parse(eventsText)).at(-1)
  return ExecutionFailed(executionId, ENDED[status] ?? status, last !== undefined && 'error' in last ? last.error.message : '')
}
