import type { NodeType } from '../nodes/node-type.ts'
import type { NodeRegistry } from '../nodes/registry.ts'
import { isPlainObject } from './json-schema.ts'
import { step } from './report.ts'

/** A node that is sound enough to be looked at further, whatever else is wrong with it. */
export interface DraftNode {
  /** Its place among the draft's nodes: the number it has in graphs. */
  readonly place: number
  readonly pointer: string
  readonly id: string
  readonly typeName: string | undefined
  readonly type: NodeType | undefined
  readonly parameters: Readonly<Record<string, unknown>>
  readonly disabled: boolean
  readonly onError: unknown
  readonly credentialId: unknown
}

export interface DraftConnection {
  readonly pointer: string
  readonly from: string
  readonly to: string
  readonly output: string | undefined
  readonly input: string | undefined
}

/** What can be made out of a definition that may be broken in any way, so that all its problems are found at once. */
export interface Draft {
  readonly nodes: readonly DraftNode[]
  /** The first node of each id. */
  readonly byId: ReadonlyMap<string, DraftNode>
  readonly connections: readonly DraftConnection[]
}

export function readDraft (definition: unknown, registry: NodeRegistry): Draft {
  const { nodes, connections } = isPlainObject(definition) ? definition : {}
  const draftNodes: DraftNode[] = []
  const byId = new Map<string, DraftNode>()
  entries(nodes).forEach((node, index) => {
    if (!isPlainObject(node) || typeof node['id'] !== 'string') return
    const typeName = typeof node['type'] === 'string' ? node['type'] : undefined
    const draft: DraftNode = {
      place: draftNodes.length,
      pointer: '/nodes' + step(index),
      id: node['id'],
      typeName,
      type: typeName === undefined ? undefined : registry.get(typeName),
      parameters: isPlainObject(node['parameters']) ? node['parameters'] : {},
      disabled: node['disabled'] === true,
      onError: node['onError'],
      credentialId: node['credentialId']
    }
    draftNodes.push(draft)
    if (!byId.has(draft.id)) byId.set(draft.id, draft)
  })
  return { nodes: draftNodes, byId, connections: readConnections(connections) }
}

function readConnections (connections: unknown): DraftConnection[] {
  return entries(connections).flatMap((connection, index) => {
    if (!isPlainObject(connection)) return []
    const { from, to, output, input } = connection
    if (typeof from !== 'string' || typeof to !== 'string') return []
    return [{ pointer: '/connections' + step(index), from, to, output: optionalText(output), input: optionalText(input) }]
  })
}

function entries (value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function optionalText (value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
