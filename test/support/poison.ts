import type { Test } from 'tap'
import type { Execution } from './api-client.ts'

const FIXTURE = 'test/fixtures/service-with-crash-node.js'

/** The service with the node type `crash`. */
export const crashEntrypoints = { all: [FIXTURE, 'all'], api: [FIXTURE, 'api'], worker: [FIXTURE, 'worker'] }

/** The run that began it, and three that took it over. */
export const DEATHS = 4

export function onlyPoisonFailed (t: Test, executions: readonly Execution[], count: number): void {
  t.equal(executions.length, count)
  const failed = executions.filter(({ status }) => status !== 'succeeded')
  t.equal(failed.length, 1, 'its batch-mates finished')
  t.match(failed[0], { status: 'failed', error: { code: 'WC_EXECUTION_CRASHED' } })
}
