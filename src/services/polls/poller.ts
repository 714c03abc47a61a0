import { claimPolls, millisecondsToNextPoll, prolongPolls, releasePoll, type DuePoll } from '../../db/queries/run-polls.ts'
import { NodeError, type StepError } from '../../engine/node-error.ts'
import { answered } from '../../lib/deadline.ts'
import { recordFailure, runPoll, type PollRunOptions } from './run-poll.ts'

export interface Poller {
  /** Begins the polls that are due now, as many as there is room for; answers when these are over. Any number of processes may do so at once. */
  poll (): Promise<void>
  start (): void
  /** Takes nothing more up, and gives back what does not end in that time. */
  close (graceMilliseconds: number): Promise<void>
}

export interface PollerOptions extends PollRunOptions {
  /** How long a poll stays its process's own without a sign of life. */
  readonly leaseSeconds: number
  readonly atOnce?: number
}

/** How long it sleeps at most: what was published meanwhile is found then. milliseconds */
const INTERVAL = 1000
const SHORTEST_SLEEP = 20
const AT_ONCE = 20
/** For a poll with all of its pages, unless its node says less. milliseconds */
export const LONGEST_POLL = 300_000
/** How often the leases are prolonged in their time. */
const PROLONGATIONS = 3

interface Running {
  readonly due: DuePoll
  readonly lease: string
  readonly stop: AbortController
  readonly end: Promise<void>
}

/** Runs the polls of all organizations: the requests beside each other, no node's twice at once. */
export function createPoller (options: PollerOptions): Poller {
  const { sql, log, nextId, leaseSeconds, atOnce = AT_ONCE } = options
  // One organization holds half of the places at most, as of the slots of executions.
  const each = Math.ceil(atOnce / 2)
  const running = new Map<string, Running>()
  let timer: NodeJS.Timeout | undefined
  let beat: NodeJS.Timeout | undefined
  let taking: Promise<void> | undefined
  let closed = false
  let failing = false

  async function take (): Promise<Running[]> {
    const room = atOnce - running.size
    if (room <= 0 || closed) return []
    const lease = nextId()
    const due = await answered(claimPolls(sql, { lease, seconds: leaseSeconds, limit: room, each, busy: busy() }))
    return due.map(one => begin(one, lease))
  }

  function busy (): string[] {
    const counts = new Map<string, number>()
    for (const { due: { organizationId } } of running.values()) counts.set(organizationId, (counts.get(organizationId) ?? 0) + 1)
    return [...counts].filter(([, count]) => count >= each).map(([id]) => id)
  }

  function begin (due: DuePoll, lease: string): Running {
    const stop = new AbortController()
    const started: Running = { due, lease, stop, end: run(due, lease, stop).finally(() => { if (running.get(due.id) === started) running.delete(due.id) }) }
    running.set(due.id, started)
    beat ??= setInterval(prolong, leaseSeconds * 1000 / PROLONGATIONS).unref()
    return started
  }

  async function run (due: DuePoll, lease: string, stop: AbortController): Promise<void> {
    const late = setTimeout(() => { stop.abort(new NodeError('WC_POLL_TIMEOUT', 'The poll took longer than it may, with all of its pages', { retryable: true })) }, await limitOf(due)).unref()
    try {
      await runPoll(options, due, lease, stop.signal)
    } catch (error) {
      await settle(due, lease, error)
    } finally {
      clearTimeout(late)
    }
  }

  async function limitOf ({ organizationId, workflowId, version, nodeId }: DuePoll): Promise<number> {
    const plan = await options.plans.get(organizationId, workflowId, version).catch(() => undefined)
    return Math.min(LONGEST_POLL, plan?.byId.get(nodeId)?.timeout ?? LONGEST_POLL)
  }

  /** What ended a poll otherwise than it should; where the database is away, the lease runs out by itself. */
  async function settle (due: DuePoll, lease: string, error: unknown): Promise<void> {
    if (error === LOST) return
    try {
      if (error === CLOSING) await answered(releasePoll(sql, due.id, lease))
      else await recordFailure(options, due, lease, toldOf(due, error), AbortSignal.timeout(leaseSeconds * 1000))
    } catch (failure) {
      log.warn({ err: failure, pollId: due.id }, 'The end of a poll could not be written down; it is repeated when its lease has run out')
    }
  }

  function toldOf ({ id, workflowId, nodeId }: DuePoll, error: unknown): StepError {
    if (error instanceof NodeError) return error.toStepError()
    log.error({ err: error, pollId: id, workflowId, nodeId }, 'A poll failed in a way that it should not')
    return { code: 'WC_POLL_FAULT', message: 'The poll failed in a way that it should not. The operator\'s log has the cause.' }
  }

  function prolong (): void {
    if (running.size === 0) return
    const held = [...running.values()]
    answered(prolongPolls(sql, [...new Set(held.map(({ lease }) => lease))], leaseSeconds)).then(still => {
      for (const { due, stop } of held) if (!still.has(due.id)) stop.abort(LOST)
    }, (error: unknown) => { log.warn({ err: error }, 'Could not prolong the leases of polls; the database does not answer') })
  }

  function tick (): void {
    taking = take().then(async started => {
      failing = false
      for (const { end } of started) void end.then(hurry)
      return running.size >= atOnce ? INTERVAL : await answered(millisecondsToNextPoll(sql, INTERVAL))
    }).catch((error: unknown) => {
      if (!failing) log.warn({ err: error }, 'Polls cannot be taken up; it is tried again each second')
      failing = true
      return INTERVAL
    }).then(wait => { sleep(Math.max(SHORTEST_SLEEP, wait)) })
  }

  function sleep (milliseconds: number): void {
    if (!closed) timer = setTimeout(tick, milliseconds)
  }

  /** A place is free, and more may have been waiting for one. */
  function hurry (): void {
    if (timer === undefined || closed || running.size < atOnce - 1) return
    clearTimeout(timer)
    sleep(0)
  }

  return {
    async poll () { await Promise.all((await take()).map(async ({ end }) => { await end })) },
    start () { sleep(0) },
    async close (graceMilliseconds) {
      closed = true
      clearTimeout(timer)
      await taking
      const ends = [...running.values()].map(({ end }) => end)
      const late = setTimeout(() => { for (const { stop } of running.values()) stop.abort(CLOSING) }, graceMilliseconds)
      await Promise.all(ends)
      clearTimeout(late)
      clearInterval(beat)
    }
  }
}

const CLOSING = new Error('The process ends')
const LOST = new Error('The poll belongs to another process')
