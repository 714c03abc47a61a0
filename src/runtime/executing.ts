import { expireAllLeases } from '../db/queries/leases.ts'
import { adoptUnfinished } from '../db/queries/sweep.ts'
import { createSandbox } from '../sandbox/sandbox.ts'
import type { NodeFiles } from '../engine/nodes/node-files.ts'
import { createFolders } from '../services/files/folder.ts'
import { createNodeFiles } from '../services/files/node-files.ts'
import { createAnnouncements } from '../services/event-subscriptions/announcements.ts'
import { createEventSender } from '../services/event-subscriptions/sender.ts'
import { createDeliveryWork } from '../services/runner/deliveries.ts'
import { createEventWriter } from '../services/runner/event-writer.ts'
import type { RunIdentity } from '../services/runner/run-identity.ts'
import { createRunner, type Runner } from '../services/runner/runner.ts'
import type { Dispatcher } from '../services/dispatcher.ts'
import { createStartedDispatch } from '../services/runner/dispatch-started.ts'
import { releaseAllPolls } from '../db/queries/run-polls.ts'
import { createPoller } from '../services/polls/poller.ts'
import { createScheduler } from '../services/schedules/scheduler.ts'
import { createSweeper, type Sweeper } from '../services/sweeper.ts'
import type { RuntimeParts } from './parts.ts'

export interface Executing {
  readonly runner: Runner
  readonly sweeper: Sweeper
  /** Takes nothing more up, and gives back what does not end in that time. */
  close (graceMilliseconds: number): Promise<void>
}

/** The running of executions: takes them from the queue, and sweeps up what got lost. */
export async function startExecuting ({ config, database, queue, hints, address, outside, plans, links, files, values, metrics, quotas, log, now, nextId, statements }: RuntimeParts, dispatcher: Dispatcher): Promise<Executing> {
  const sql = database.service
  const { tenantFetch: fetch, connectors: connect, credentials } = outside
  const { executionSlots: slots, leaseSeconds } = config.worker
  const sandbox = createSandbox({ ...config.code, log })
  const announcements = await createAnnouncements(sql, hints, log)
  const eventSender = createEventSender({ sql, database, fetch: outside.fetch, vault: outside.vault, metrics, log, now, nextId })
  const writer = createEventWriter({
    sql,
    hints,
    metrics,
    leaseSeconds,
    statements: statements.appends,
    isSubscribed: announcements.isSubscribed,
    onAnnounced: eventSender.nudge,
    onDue: one => { runner.wake(one) },
    onStarted: createStartedDispatch({ sql, dispatcher, metrics, log })
  })
  const folderOf = createFolders(config.filesRoot)
  const filesOf = ({ organizationId, id: executionId }: RunIdentity): NodeFiles => createNodeFiles(files, { organizationId, executionId }, config.maxFileSize, folderOf(organizationId))
  const runner = createRunner({ sql, plans, writer, values, fetch, links, executionUrl: id => `${address}/v1/executions/${id}`, connect, filesOf, credentials, sandbox, metrics, log, now, nextId, slots, leaseSeconds })
  const sweeper = createSweeper({ sql, runner, queue, metrics, log, now })
  const scheduler = createScheduler({ sql, plans, quotas, dispatcher, hints, log, now, nextId })
  const poller = createPoller({ sql, plans, values, dispatcher, quotas, fetch, credentials, metrics, log, now, nextId, leaseSeconds, onAnnounced: eventSender.nudge })
  const stopListening = hints.onControl(hint => {
    if (hint.type === 'mail') runner.mail(hint.executionId)
    else if (hint.type === 'due') runner.wake(hint)
    else if (hint.type === 'publication') runner.limits.forget(hint.organizationId)
  })
  if (database.embedded) {
    // Alone on its data directory, so whatever held a lease is gone; and what was begun and not finished may be why.
    const left = await expireAllLeases(sql) + await adoptUnfinished(sql, now())
    if (left > 0) log.info({ count: left }, 'Executions were unfinished when the process ended; they go on now')
    await releaseAllPolls(sql)
  }
  queue.consume(createDeliveryWork(sql, runner))
  sweeper.start()
  scheduler.start()
  poller.start()
  eventSender.start()
  return {
    runner,
    sweeper,
    async close (graceMilliseconds) {
      await Promise.all([scheduler.close(), sweeper.close()])
      // All in the one time that there is; what a poll starts meanwhile the sweeper of another process finds.
      await Promise.all([poller.close(graceMilliseconds), queue.close(graceMilliseconds), runner.close(graceMilliseconds)])
      stopListening()
      announcements.close()
      await eventSender.close(graceMilliseconds)
      await sandbox.close()
    }
  }
}
