import type { VersionContent } from '../../db/queries/workflows.ts'
import type { Connection, WorkflowDefinition, WorkflowNode } from '../../engine/definition.ts'
import { ERROR_OUTPUT } from '../../engine/definition.ts'
import type { NodeRegistry } from '../../engine/nodes/registry.ts'

/** What a save writes: a workflow that passed validation. */
export interface Content {
  readonly name: string
  readonly definition: WorkflowDefinition
}

interface LooseWorkflow {
  readonly name: string
  readonly nodes: WorkflowDefinition['nodes']
  readonly connections?: WorkflowDefinition['connections'] | undefined
  readonly settings?: WorkflowDefinition['settings'] | undefined
}

/** In one order of properties, so that versions read alike whatever the client sent first. */
export function toContent ({ name, nodes, connections = [], settings = {} }: LooseWorkflow): Content {
  return { name, definition: { nodes, connections, settings } }
}

export function toVersionContent ({ name, definition }: Content, registry: NodeRegistry, createdBy: string | null): VersionContent {
  const byId = new Map(definition.nodes.map(node => [node.id, node]))
  return {
    name,
    definition: JSON.stringify(definition),
    nodes: JSON.stringify(definition.nodes.map((node, position) => ({
      node_id: node.id,
      position,
      type: node.type,
      name: node.name ?? null,
      credential_id: node.credentialId ?? null,
      disabled: node.disabled === true
    }))),
    connections: JSON.stringify(definition.connections.map((connection, position) => ({
      position,
      from_node: connection.from,
      to_node: connection.to,
      ...portsOf(connection, byId, registry)
    }))),
    createdBy
  }
}

/** The ports by name, the default ones too. */
function portsOf ({ from, to, output, input }: Connection, byId: ReadonlyMap<string, WorkflowNode>, registry: NodeRegistry): { output: string, input: string } {
  const source = byId.get(from)
  const target = byId.get(to)
  const outputs = source === undefined ? [] : registry.get(source.type)?.outputs(source.parameters ?? {}) ?? []
  const inputs = target === undefined ? [] : registry.get(target.type)?.inputs(target.parameters ?? {}) ?? []
  return { output: output ?? outputs[0] ?? ERROR_OUTPUT, input: input ?? inputs[0] ?? '' }
}
