import { Type } from '@sinclair/typebox'
import { Connection, WorkflowNode, WorkflowSettings } from '../engine/definition.ts'
import { WorkflowName } from '../engine/workflow-input.ts'
import { Id, Instant, Nullable } from './common.ts'

export const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647, examples: [3] })

export const ValidationIssue = Type.Object({
  pointer: Type.String({ description: 'JSON pointer into the workflow', examples: ['/nodes/2/parameters/condition'] }),
  message: Type.String(),
  code: Type.String({ pattern: '^WC_[A-Z_]+$', description: 'Stable: decide by this one', examples: ['WC_NODE_UNREACHABLE'] })
}, { $id: 'ValidationIssue' })

const summary = {
  id: Id,
  name: WorkflowName,
  version: Type.Integer({ ...Version, description: 'The newest version: each save that changes something makes one' }),
  publishedVersion: Nullable(Type.Integer({ ...Version, description: 'The version that runs; null while none does' })),
  createdAt: Instant,
  updatedAt: Instant
}

const definition = {
  nodes: Type.Array(WorkflowNode),
  connections: Type.Array(Connection),
  settings: WorkflowSettings
}

export const WorkflowSummary = Type.Object(summary, { $id: 'WorkflowSummary', description: 'A workflow without its definition' })

export const Workflow = Type.Object({ ...summary, ...definition }, { $id: 'Workflow', description: 'A workflow with the definition of its newest version' })

export const SavedWorkflow = Type.Object({
  ...summary,
  ...definition,
  warnings: Type.Array(ValidationIssue, { description: 'What may be saved but should be looked at' })
}, { $id: 'SavedWorkflow', description: 'The workflow as it was saved' })

export const ValidationResult = Type.Object({
  valid: Type.Boolean({ description: 'Whether it could be published' }),
  errors: Type.Array(ValidationIssue),
  warnings: Type.Array(ValidationIssue)
}, { $id: 'ValidationResult', description: 'All that is wrong, and all that should be looked at' })

const versionSummary = {
  version: Version,
  name: WorkflowName,
  published: Type.Boolean({ description: 'Whether it is the version that runs' }),
  createdBy: Nullable(Type.String({ ...Id, description: 'The user who saved it; null where an API key or the system did' })),
  createdAt: Instant
}

export const WorkflowVersionSummary = Type.Object(versionSummary, { $id: 'WorkflowVersionSummary' })
export const WorkflowVersion = Type.Object({ ...versionSummary, ...definition }, { $id: 'WorkflowVersion', description: 'A version: immutable once saved' })

export const Variable = Type.Object({
  name: Type.String({ examples: ['taxRate'] }),
  value: Type.Unknown({ description: 'Any JSON value', examples: [0.19] }),
  createdAt: Instant,
  updatedAt: Instant
}, { $id: 'Variable', description: 'A value that workflows read as `$vars.name`' })

export const NodeType = Type.Object({
  type: Type.String({ examples: ['httpRequest'] }),
  title: Type.String({ examples: ['HTTP request'] }),
  description: Type.String(),
  icon: Type.String({ description: 'A Lucide icon name', examples: ['globe'] }),
  category: Type.Union(['trigger', 'flow', 'data', 'outside'].map(name => Type.Literal(name))),
  effects: Type.Union(['none', 'idempotent', 'once'].map(name => Type.Literal(name)), {
    description: 'What a run does to the world: nothing; the same again when repeated with its key; something that must not happen twice'
  }),
  trigger: Type.Boolean({ description: 'Whether it starts executions, and so takes no input' }),
  inputs: Type.Array(Type.String(), { description: 'With default parameters; the first is the default of connections' }),
  outputs: Type.Array(Type.String(), { description: 'With default parameters; the first is the default of connections' }),
  credentials: Type.Array(Type.String(), { description: 'The types of credentials that `credentialId` may name; none where it takes no credential', examples: [['bearer']] }),
  credentialRequired: Type.Boolean({ description: 'Whether it cannot run without a credential' }),
  package: Nullable(Type.String({ description: 'The package that it comes from; null for what comes with WeConnect', examples: ['weconnect-nodes-example'] })),
  apiVersion: Nullable(Type.Integer({ description: 'The version of the interface that the package is written against' })),
  parameters: Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    additionalProperties: true,
    description: 'JSON Schema of the parameters. Where a property has `x-expression: false` its value cannot hold an expression. `x-credential` lists the types of credentials whose id it takes.'
  })
}, { $id: 'NodeType', description: 'What a node can be' })

export const NodePackage = Type.Object({
  name: Type.String({ examples: ['weconnect-nodes-example'] }),
  version: Type.String({ examples: ['1.0.0'] }),
  apiVersion: Type.Integer({ description: 'The version of the interface that it is written against', examples: [1] }),
  types: Type.Array(Type.String(), { description: 'The node types in it', examples: [['weconnect-nodes-example/slugify']] }),
  enabled: Type.Boolean({ description: 'Whether the organization uses it' }),
  enabledAt: Nullable(Instant)
}, { $id: 'NodePackage', description: 'A package of node types that the operator allows' })

const EntityTag = Type.String({ maxLength: 1000, examples: ['"3-2-1790000000000000"'] })

export const IfMatch = Type.Object({
  'if-match': Type.Optional(Type.String({ ...EntityTag, description: 'The ETag that was read: refuses with 412 where the resource has changed since' }))
})

export const IfNoneMatch = Type.Object({
  'if-none-match': Type.Optional(Type.String({ ...EntityTag, description: 'The ETag that is known: answers 304 where the workflow has not changed' }))
})
