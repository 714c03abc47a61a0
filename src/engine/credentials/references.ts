import type { WorkflowNode } from '../definition.ts'
import type { NodeType } from '../nodes/node-type.ts'
import { isPlainObject, type Schema } from '../validation/json-schema.ts'
import { step } from '../validation/report.ts'

/** A place of a node that names a credential. */
export interface CredentialReference {
  /** Relative to the node. */
  readonly pointer: string
  readonly id: string
  /** The types that may stand there. */
  readonly types: readonly string[]
}

/** Of a parameter that names a credential of one of these types, beside the node's own: `verify.credentialId`. */
export function credentialParameter (types: readonly string[]) {
  return { format: 'uuid', 'x-credential': types, 'x-expression': false } as const
}

/** All credentials that a sound node names: its own, and those of its parameters. */
export function credentialReferences ({ credentialId, parameters = {} }: Pick<WorkflowNode, 'credentialId' | 'parameters'>, type: NodeType): CredentialReference[] {
  const found: CredentialReference[] = []
  if (credentialId !== undefined) found.push({ pointer: '/credentialId', id: credentialId.toLowerCase(), types: type.credentials ?? [] })
  if (holdsReference(type.parameters)) collect(type.parameters, parameters, '/parameters', found)
  return found
}

function collect (schema: Schema, value: unknown, pointer: string, found: CredentialReference[]): void {
  const types = schema['x-credential']
  if (Array.isArray(types)) {
    if (typeof value === 'string') found.push({ pointer, id: value.toLowerCase(), types: types.map(String) })
    return
  }
  for (const variant of (schema['anyOf'] ?? []) as Schema[]) collect(variant, value, pointer, found)
  if (Array.isArray(value)) {
    if (schema['items'] !== undefined) value.forEach((entry, index) => { collect(schema['items'] as Schema, entry, pointer + step(index), found) })
  } else if (isPlainObject(value)) {
    for (const [name, inner] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
      if (Object.hasOwn(value, name)) collect(inner, value[name], pointer + step(name), found)
    }
  }
}

const known = new WeakMap<Schema, boolean>()

/** Most types refer to none: their parameters, which may be many, are not searched. */
function holdsReference (schema: Schema): boolean {
  let holds = known.get(schema)
  if (holds === undefined) {
    holds = JSON.stringify(schema).includes('"x-credential"')
    known.set(schema, holds)
  }
  return holds
}
