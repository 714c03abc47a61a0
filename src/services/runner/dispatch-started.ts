import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import type { Affected } from '../../db/queries/append-events.ts'
import { loadFresh } from '../../db/queries/load-executions.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { groupBy } from '../../lib/group-by.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { Metrics } from '../metrics.ts'

export interface StartedDispatchOptions {
  readonly sql: Sql
  readonly dispatcher: Dispatcher
  readonly metrics: Metrics
  readonly log: Logger
}

/** Sends executions on their way that others have started; what it does not reach is found by the sweeper. */
export function createStartedDispatch ({ sql, dispatcher, metrics, log }: StartedDispatchOptions): (started: readonly Affected[]) => void {
  async function dispatch (started: readonly Affected[]): Promise<void> {
    const executions = await withDeadline(QUERY_DEADLINE, loadFresh(sql, started.map(({ executionId }) => executionId)))
    for (const [trigger, { length }] of groupBy(executions, ({ trigger }) => trigger)) metrics.accepted.inc({ trigger }, length)
    dispatcher.dispatch(executions)
  }

  return started => {
    void dispatch(started).catch((error: unknown) => { log.warn({ err: error }, 'Executions that others started were not dispatched; the sweeper will see to them') })
  }
}
