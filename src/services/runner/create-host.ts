import { shareFiles } from '../../db/queries/files.ts'
import { parkLease } from '../../db/queries/leases.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { createKeyMemory } from './key-memory.ts'
import type { Limits } from './limits.ts'
import type { RunHost } from './run-host.ts'
import type { RunnerOptions } from './runner.ts'
import { createSubWorkflows } from './sub-workflows.ts'

/** What the runs of this process need of it. */
export function createHost (options: RunnerOptions, { isAwaited, parked }: Pick<Limits, 'isAwaited'> & Pick<RunHost, 'parked'>): RunHost {
  const { sql, log, writer, values, fetch, connect, credentials, sandbox, filesOf, links, executionUrl, now } = options
  return {
    writer,
    values,
    fetch,
    connect,
    credentials,
    sandbox,
    filesOf,
    keyMemory: createKeyMemory(sql),
    links,
    subWorkflow: createSubWorkflows(options),
    shareFiles: async (organizationId, from, to) => { await withDeadline(QUERY_DEADLINE, shareFiles(sql, organizationId, from, to)) },
    isAwaited,
    executionUrl,
    now,
    fault: (run, error) => { log.error({ err: error, executionId: run.identity.id, workflowId: run.identity.workflowId, organizationId: run.identity.organizationId }, 'A fault while running an execution') },
    parked,
    unpark (run, dueAt, read) {
      const { id: executionId, writerId } = run.identity
      void withDeadline(QUERY_DEADLINE, parkLease(sql, { executionId, writer: writerId }, dueAt, read)).then(() => { parked(run, dueAt) }, (error: unknown) => {
        log.error({ err: error }, 'An execution could not be put back; it will be tried again')
      })
    }
  }
}
