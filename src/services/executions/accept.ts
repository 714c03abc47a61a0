import type { NewExecution } from '../../db/queries/accept-executions.ts'
import { shareFiles } from '../../db/queries/files.ts'
import { oneLine } from '../../db/queries/lines.ts'
import { NotFound } from '../problems.ts'
import type { ExecutionDependencies } from './index.ts'

/**
 * Commits an execution, with what it begins with beside its trigger's item (JSON text) if there is any.
 * @param source the execution whose data it takes over: their files are its own too from then on
 */
export async function accept ({ acceptance, sql }: ExecutionDependencies, execution: NewExecution, beginning: string | undefined, source?: string): Promise<void> {
  // Before the row that refers to them. If it does not come, they go with the files of what was never accepted.
  if (source !== undefined) {
    await acceptance.admit(execution.organizationId)
    await shareFiles(sql, execution.organizationId, source, execution.id)
  }
  const row = { ...execution, payload: oneLine(execution.payload) }
  const accepted = beginning === undefined ? await acceptance.accept(row) : await acceptance.acceptPrepared(row, beginning)
  if (!accepted) throw NotFound('workflow with this id')
}
