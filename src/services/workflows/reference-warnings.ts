import type { TenantDb } from '../../db/client.ts'
import { findReferredWorkflows, type ReferredWorkflow } from '../../db/queries/workflow-references.ts'
import type { WorkflowDefinition } from '../../engine/definition.ts'
import { ERROR_TRIGGER } from '../../engine/nodes/error.ts'
import type { NodeRegistry } from '../../engine/nodes/registry.ts'
import { SUB_WORKFLOW_TRIGGER } from '../../engine/nodes/sub-workflow-trigger.ts'
import type { Issue } from '../../engine/validate.ts'

interface Reference {
  readonly pointer: string
  readonly id: string
  readonly as: 'subWorkflow' | 'source' | 'errorWorkflow'
}

/** What is said once about each: a list of thousands helps nobody. */
const MOST_LOOKED_UP = 500

/**
 * Other workflows that could not do what this one wants of them if it wanted it now. No errors: which of two is published first
 * must not matter.
 */
export async function referenceWarnings (registry: NodeRegistry, db: TenantDb, definition: WorkflowDefinition): Promise<readonly Issue[]> {
  const references = referencesOf(registry, definition).slice(0, MOST_LOOKED_UP)
  if (references.length === 0) return []
  const found = await db.run(async tx => await findReferredWorkflows(tx, db.organizationId, references.map(({ id }) => id), [SUB_WORKFLOW_TRIGGER, ERROR_TRIGGER]))
  return references.flatMap(reference => warningOf(reference, found.get(reference.id)) ?? [])
}

function referencesOf (registry: NodeRegistry, { nodes, settings: { errorWorkflowId } }: WorkflowDefinition): Reference[] {
  const ofNodes = nodes.flatMap(({ type, parameters = {} }, index) => Object.entries(registry.get(type)?.workflows?.(parameters) ?? {})
    .map(([pointer, { id, as }]): Reference => ({ pointer: `/nodes/${index}/parameters${pointer}`, id, as })))
  if (typeof errorWorkflowId !== 'string') return ofNodes
  return [...ofNodes, { pointer: '/settings/errorWorkflowId', id: errorWorkflowId.toLowerCase(), as: 'errorWorkflow' }]
}

function warningOf ({ pointer, as }: Reference, workflow: ReferredWorkflow | undefined): Issue | undefined {
  switch (as) {
    case 'source':
      return workflow === undefined ? { pointer, message: 'there is no such workflow here, so nothing will start this one', code: 'WC_EVENT_WORKFLOW_UNKNOWN' } : undefined
    case 'errorWorkflow':
      if (workflow === undefined || workflow.triggers.includes(ERROR_TRIGGER)) return undefined
      return { pointer, message: `${workflow.published ? `has no ${ERROR_TRIGGER} trigger that is enabled` : 'is not published'}: nothing starts when this workflow fails`, code: 'WC_ERROR_WORKFLOW_IDLE' }
    case 'subWorkflow':
      if (workflow === undefined) return { pointer, message: 'there is no such workflow here: the step will fail', code: 'WC_SUBWORKFLOW_UNKNOWN' }
      if (!workflow.published) return { pointer, message: 'is not published: the step will fail until it is', code: 'WC_SUBWORKFLOW_UNPUBLISHED' }
      if (!workflow.triggers.includes(SUB_WORKFLOW_TRIGGER)) return { pointer, message: `has no ${SUB_WORKFLOW_TRIGGER} node that is enabled: the step will fail`, code: 'WC_SUBWORKFLOW_TRIGGER' }
      return undefined
  }
}
