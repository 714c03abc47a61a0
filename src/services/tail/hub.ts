import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import type { HintBus } from '../../queue/hint-bus.ts'
import type { Metrics } from '../metrics.ts'
import { createExecutionTail, type ExecutionScope } from './execution-tail.ts'
import { createScopeTail, type WideScope } from './scope-tail.ts'
import type { Subscription, TailSink } from './sink.ts'
import { createTailTickets, type TailTickets } from './tickets.ts'

export interface TailHub {
  /** Every event of one execution behind `after`, in order, to the last. Throws CursorInvalid. */
  followExecution (scope: ExecutionScope, sink: TailSink): Subscription
  /** Every event of a workflow's or an organization's executions, in the order of (transaction, execution, seq). Throws CursorInvalid. */
  followScope (scope: WideScope, sink: TailSink): Subscription
  readonly tickets: Pick<TailTickets, 'issue' | 'take'>
  readonly metrics: Pick<Metrics, 'tails' | 'laggedTails'>
  close (): void
}

export interface TailHubOptions {
  /** The service's: one query reads for the readers of many organizations. */
  readonly sql: Sql
  readonly hints: HintBus
  readonly now: () => number
  readonly log: Logger
  readonly metrics: Pick<Metrics, 'tails' | 'laggedTails'>
}

/** Hints may be lost: every so often the tables are asked, for all readers together, in milliseconds. */
const POLL_INTERVAL = 1000

/**
 * What was accepted is mostly begun, and often over, some milliseconds later: one read then shows both, and what happened
 * need not wait for the pause behind a read that found the acceptance alone. milliseconds
 */
const ACCEPTED_WITHIN = 20

/** Brings what is committed to all who follow it in this process. */
export function createTailHub ({ sql, hints, now, log, metrics }: TailHubOptions): TailHub {
  const executions = createExecutionTail({ sql, now, log })
  const scopes = createScopeTail({ sql, log })
  const tickets = createTailTickets({ sql, log })
  const watched = new Map<string, { count: number, stop: () => void }>()

  function watch (organizationId: string): void {
    const present = watched.get(organizationId)
    if (present !== undefined) {
      present.count++
      return
    }
    const stop = hints.watch(organizationId, hint => {
      executions.onHint(hint)
      scopes.nudge(hint.organizationId, 0)
    })
    watched.set(organizationId, { count: 1, stop })
  }

  function unwatch (organizationId: string): void {
    const present = watched.get(organizationId)
    if (present === undefined || --present.count > 0) return
    present.stop()
    watched.delete(organizationId)
  }

  function follow (organizationId: string, sink: TailSink, begin: (sink: TailSink) => Subscription): Subscription {
    let open = true
    const release = (): void => {
      if (open) unwatch(organizationId)
      open = false
    }
    // Watched before the table is read, so that nothing falls between the two.
    watch(organizationId)
    try {
      const subscription = begin(releasing(sink, release))
      return {
        get position () { return subscription.position },
        close () {
          subscription.close()
          release()
        }
      }
    } catch (error) {
      release()
      throw error
    }
  }

  const stopControl = hints.onControl(hint => { if (hint.type === 'accepted') scopes.nudge(hint.organizationId, ACCEPTED_WITHIN) })
  const timer = setInterval(() => {
    if (executions.size > 0) executions.poll()
    if (scopes.size > 0) scopes.poll()
  }, POLL_INTERVAL)
  timer.unref()

  return {
    followExecution: (scope, sink) => follow(scope.organizationId, sink, inner => executions.follow(scope, inner)),
    followScope: (scope, sink) => follow(scope.organizationId, sink, inner => scopes.follow(scope, inner)),
    tickets,
    metrics,
    close () {
      tickets.close()
      clearInterval(timer)
      stopControl()
      executions.close()
      scopes.close()
      for (const { stop } of watched.values()) stop()
      watched.clear()
    }
  }
}

/** The sink, which stops the watching when it is over. */
function releasing (sink: TailSink, release: () => void): TailSink {
  return {
    open: () => { sink.open() },
    event: event => { sink.event(event) },
    end () {
      release()
      sink.end()
    },
    fail (problem) {
      release()
      sink.fail(problem)
    },
    get congested () { return sink.congested },
    drained: async () => { await sink.drained() }
  }
}
