import type { ChildTarget } from '../../engine/children.ts'
import { NodeError } from '../../engine/node-error.ts'
import { SUB_WORKFLOW_TRIGGER } from '../../engine/nodes/sub-workflow-trigger.ts'
import type { Sql } from '../../db/client.ts'
import { findPublishedVersion } from '../../db/queries/load-definition.ts'
import { QUERY_DEADLINE, withDeadline } from '../../lib/deadline.ts'
import { isId } from '../../lib/ids.ts'
import type { Plans } from '../plans.ts'
import type { RunIdentity } from './run-identity.ts'

/** Executions within each other, the outermost not counted. */
export const MAX_DEPTH = 10

const WHERE = { pointer: '/workflowId' } as const

/** Finds where workflows start as parts of others. */
export function createSubWorkflows ({ sql, plans }: { readonly sql: Sql, readonly plans: Plans }) {
  return async ({ organizationId, depth }: Pick<RunIdentity, 'organizationId' | 'depth'>, workflowId: string): Promise<ChildTarget> => {
    if (depth >= MAX_DEPTH) throw new NodeError('WC_SUBWORKFLOW_DEPTH', `${MAX_DEPTH} executions stand within each other already, which is as many as may: does a workflow run itself?`, WHERE)
    const found = isId(workflowId) ? await withDeadline(QUERY_DEADLINE, findPublishedVersion(sql, organizationId, workflowId)) : undefined
    if (found === undefined) throw new NodeError('WC_SUBWORKFLOW_UNKNOWN', `There is no workflow ${workflowId.slice(0, 100)} here`, WHERE)
    const { version } = found
    const plan = version === null ? undefined : await plans.get(organizationId, workflowId, version)
    if (version === null || plan === undefined) throw new NodeError('WC_SUBWORKFLOW_UNPUBLISHED', `The workflow ${workflowId} is not published`, WHERE)
    const trigger = plan.nodes.find(({ type, disabled }) => type.type === SUB_WORKFLOW_TRIGGER && !disabled)
    if (trigger === undefined) throw new NodeError('WC_SUBWORKFLOW_TRIGGER', `The published version of the workflow ${workflowId} has no ${SUB_WORKFLOW_TRIGGER} node that is enabled`, WHERE)
    const { priority } = plan.limits
    return { workflowId, version, nodeId: trigger.id, ...(priority === 'normal' ? {} : { priority }) }
  }
}
