import type { Plan } from '../../engine/plan.ts'
import type { State } from '../../engine/state.ts'
import { foldSteps } from '../../engine/steps.ts'
import { decodeEvents } from '../../engine/stored-events.ts'
import type { TenantDb } from '../../db/client.ts'
import { loadHistory } from '../../db/queries/executions.ts'
import { NotFound, TooLargeToShow } from '../problems.ts'
import type { ExecutionDependencies } from './index.ts'

/** What has happened in an execution of the organization, folded. Throws Problem. */
export async function readHistory ({ plans, values }: Pick<ExecutionDependencies, 'plans' | 'values'>, db: TenantDb, id: string): Promise<{ plan: Plan, state: State }> {
  const history = await db.run(async tx => await loadHistory(tx, db.organizationId, id))
  if (history === undefined) throw NotFound('execution with this id')
  if (history === 'tooLarge') throw TooLargeToShow()
  const plan = await plans.get(db.organizationId, history.workflowId, history.version)
  if (plan === undefined) throw NotFound(`version ${history.version} of the workflow any more`)
  const events = await values.complete(db.organizationId, history.segments.flatMap(segment => decodeEvents(JSON.parse(segment))))
  const { state } = foldSteps(plan, history.nodeId, await values.payload(db.organizationId, history.payload), events)
  return { plan, state }
}
