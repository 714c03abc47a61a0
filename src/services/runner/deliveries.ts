import type { Sql } from '../../db/client.ts'
import { loadFresh } from '../../db/queries/load-executions.ts'
import { queueExecutions } from '../../db/queries/leases.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import type { Delivery } from '../../queue/port.ts'
import type { Runner } from './runner.ts'

/** What a worker does with what the queue hands it. */
export function createDeliveryWork (sql: Sql, runner: Runner): (delivery: Delivery) => Promise<void> {
  return async delivery => {
    switch (delivery.kind) {
      case 'rows':
        return await runner.runFresh(delivery.executions)
      case 'ids':
        return await runner.runFresh(await withDeadline(QUERY_DEADLINE, loadFresh(sql, delivery.ids)))
      case 'redelivered':
        // One of these may have killed the worker that had them. With a lease row each, they are taken over
        // one by one, and the killer is found out.
        return await withDeadline(QUERY_DEADLINE, queueExecutions(sql, delivery.ids, true, 0))
    }
  }
}
