import { isId } from '../../lib/ids.ts'
import type { NodeType, ParameterIssue } from './node-type.ts'

type Written = Readonly<Record<string, unknown>>

function written ({ workflowId }: Written): string | undefined {
  return typeof workflowId === 'string' && !workflowId.includes('{{') ? workflowId.toLowerCase() : undefined
}

/** The workflow that the parameter `workflowId` names, unless an expression is to compute it. */
export function namedWorkflow (parameters: Written, as: 'subWorkflow' | 'source'): ReturnType<NonNullable<NodeType['workflows']>> {
  const id = written(parameters)
  return id === undefined || !isId(id) ? {} : { '/workflowId': { id, as } }
}

export function workflowIdIssues (parameters: Written): readonly ParameterIssue[] {
  const id = written(parameters)
  return id === undefined || isId(id) ? [] : [{ pointer: '/workflowId', message: 'must be the id of a workflow, or an expression that gives one', code: 'WC_WORKFLOW_ID' }]
}
