import { isTerminal } from '../../engine/state.ts'
import type { Approval } from '../../engine/wait.ts'
import type { TenantDb } from '../../db/client.ts'
import type { Actor } from '../audit.ts'
import { answer } from '../answers.ts'
import { ExecutionTerminal, InvalidInput, NotFound, NotWaiting } from '../problems.ts'
import type { ExecutionDependencies } from './index.ts'
import { readHistory } from './read-history.ts'

export interface Decision {
  readonly executionId: string
  readonly nodeId: string
  readonly choice: string
  readonly comment: string | undefined
}

/** A member decides what an `approval` node waits for. Throws Problem. */
export async function decideApproval (deps: ExecutionDependencies, db: TenantDb, actor: Actor, { executionId, nodeId, choice, comment }: Decision): Promise<{ executionId: string }> {
  const { plan, state } = await readHistory(deps, db, executionId)
  const node = plan.byId.get(nodeId)
  if (node?.type.awaits?.(node.written) !== 'approval') throw NotFound('approval node with this id in the execution')
  if (isTerminal(state)) throw ExecutionTerminal()
  const { current } = state.nodes[node.index]!
  if (current?.status !== 'suspended' || current.wait.kind !== 'approval') throw NotWaiting()
  const { choices } = current.wait
  if (!choices.includes(choice)) throw InvalidInput([{ pointer: '/choice', message: `must be one of ${choices.join(', ')}`, code: 'WC_INVALID_VALUE' }])
  const approval: Approval = { choice, by: byOf(actor), at: new Date(deps.now()).toISOString(), ...(comment === undefined ? {} : { comment }) }
  return await answer(deps, db.organizationId, { executionId, nodeId, run: current.run }, 'approval', { approval })
}

function byOf (actor: Actor): Approval['by'] {
  if (actor.type === 'system' || actor.id === null) throw new Error('Only people and programs decide')
  return { type: actor.type, id: actor.id }
}
