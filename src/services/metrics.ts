import { Counter, Gauge, Registry } from 'prom-client'
import { QuickHistogram } from './quick-histogram.ts'

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What operators watch; `GET /metrics` shows it. */
export function createMetrics (registry = new Registry()) {
  const registers = [registry]
  // Added up here, and told to prom-client when somebody asks: it does these for every execution.
  const ended = new Map<string, number>()
  let running = 0
  return {
    registry,
    accepted: new Counter({ name: 'weconnect_executions_accepted_total', help: 'Executions accepted and committed', labelNames: ['trigger'], registers }),
    rejected: new Counter({ name: 'weconnect_requests_rejected_total', help: 'Requests refused before acceptance', labelNames: ['reason'], registers }),
    finished: new Counter({
      name: 'weconnect_executions_finished_total',
      help: 'Executions ended by this process',
      labelNames: ['status'],
      registers,
      collect () {
        for (const [status, count] of ended) if (count > 0) this.inc({ status }, count)
        for (const status of ended.keys()) ended.set(status, 0)
      }
    }),
    ended (status: string): void { ended.set(status, (ended.get(status) ?? 0) + 1) },
    duration: new QuickHistogram({ name: 'weconnect_execution_duration_seconds', help: 'From acceptance to the end of an execution', buckets: SECONDS, registry }).series(),
    running: new Gauge({ name: 'weconnect_executions_running', help: 'Executions that this process is running now', registers, collect () { this.set(running) } }),
    setRunning (count: number): void { running = count },
    segments: new Counter({ name: 'weconnect_segments_appended_total', help: 'Segments of events sent to the database', registers }),
    refusedAppends: new Counter({ name: 'weconnect_appends_refused_total', help: 'Appends of a runner that no longer owns its execution', registers }),
    takeovers: new Counter({ name: 'weconnect_takeovers_total', help: 'Executions taken over from a runner that went away', registers }),
    redispatched: new Counter({ name: 'weconnect_redispatched_total', help: 'Executions whose dispatch was lost or put off, dispatched again', registers }),
    deferred: new Counter({ name: 'weconnect_deferred_total', help: 'Executions put back because their organization holds its share of the slots', registers }),
    openCircuits: new Gauge({ name: 'weconnect_circuits_open', help: 'Destinations that are not called for now, since calls kept failing', registers }),
    brokenCircuits: new Counter({ name: 'weconnect_circuits_broken_total', help: 'Times that calls to a destination were suspended', registers }),
    polls: new Counter({ name: 'weconnect_polls_total', help: 'Polls that came to an end in this process', labelNames: ['outcome'], registers }),
    eventDeliveries: new Counter({ name: 'weconnect_event_deliveries_total', help: 'Attempts to tell subscribers of events', labelNames: ['outcome'], registers }),
    refusedUnlogged: new Counter({ name: 'weconnect_refused_unlogged_total', help: 'Refused requests that the log of deliveries has no row of, since there were too many', registers }),
    tails: new Gauge({ name: 'weconnect_tail_connections', help: 'Open tails', registers }),
    laggedTails: new Counter({ name: 'weconnect_tail_lagged_total', help: 'Tails cut because their reader was too slow', registers })
  }
}

export type Metrics = ReturnType<typeof createMetrics>
