import { Type, type Static } from '@sinclair/typebox'
import { Connection, MAX_CONNECTIONS, MAX_NODES, WorkflowNode, WorkflowSettings } from './definition.ts'

export const WorkflowName = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S', description: 'For people; need not be unique', examples: ['Order intake'] })

const content = {
  name: WorkflowName,
  nodes: Type.Array(WorkflowNode, { maxItems: MAX_NODES }),
  connections: Type.Array(Connection, { maxItems: MAX_CONNECTIONS }),
  settings: WorkflowSettings
}

/** What a client writes of a workflow: everything else about it is ours to say. */
export const WorkflowInput = Type.Object({
  ...content,
  connections: Type.Optional(content.connections),
  settings: Type.Optional(content.settings)
}, { $id: 'WorkflowInput', additionalProperties: false })

/** What is given replaces what was there; nodes and connections as whole lists. */
export const WorkflowPatch = Type.Partial(Type.Object(content), { $id: 'WorkflowPatch', additionalProperties: false })

export const EXPORT_SCHEMA_VERSION = 1

/** A workflow on its way from one organization or installation to another: without ids or history. */
export const WorkflowExport = Type.Object({
  schemaVersion: Type.Literal(EXPORT_SCHEMA_VERSION),
  workflow: WorkflowInput
}, { $id: 'WorkflowExport', additionalProperties: false })

export type ExportedWorkflow = Static<typeof WorkflowExport>
