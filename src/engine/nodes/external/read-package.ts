import { Type } from '@sinclair/typebox'
import type { NodeDefinition } from '../../../../interface/node.d.ts'
import { compileJsonSchema, JsonSchemaError } from '../../../lib/json-schema.ts'
import { credentialTypes } from '../../credentials/index.ts'
import { ERROR_OUTPUT } from '../../definition.ts'
import { anyValue, oneOf } from '../../schemas.ts'
import { checkSchema, isPlainObject } from '../../validation/json-schema.ts'
import { unsupportedIn } from '../../validation/unsupported-schema.ts'
import type { NodeType } from '../node-type.ts'
import { adaptNode } from './adapt.ts'

export const API_VERSION = 1

/** A package of node types as it is installed here. */
export interface NodePackage {
  readonly name: string
  readonly version: string
  readonly apiVersion: number
  readonly nodes: readonly NodeType[]
}

/** What a package exports, and what its package.json calls it. */
export interface PackageSource {
  readonly name: string
  readonly version: string
  readonly exported: Readonly<Record<string, unknown>>
}

const OWN_NAME = 'weconnect'
const MAX_TYPE_LENGTH = 128

const Ports = Type.Array(Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }), { minItems: 1, maxItems: 32, uniqueItems: true })
const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '\\S' })

const Definition = Type.Object({
  type: Type.String({ pattern: '^[a-z][A-Za-z0-9]{0,63}$', examples: ['slugify'] }),
  title: Text(100),
  description: Text(1000),
  icon: Type.Optional(Text(64)),
  category: oneOf(['flow', 'data', 'outside']),
  effects: oneOf(['none', 'idempotent', 'once']),
  parameters: Type.Object({ type: Type.Literal('object') }),
  credentials: Type.Optional(Type.Array(oneOf([...credentialTypes.keys()]), { minItems: 1, uniqueItems: true })),
  credentialRequired: Type.Optional(Type.Boolean()),
  inputs: Type.Optional(Ports),
  outputs: Type.Optional(Ports),
  check: Type.Optional(anyValue()),
  run: anyValue()
}, { additionalProperties: false })

/** The node types of a package, or everything that keeps it from being used. */
export function readPackage ({ name, version, exported }: PackageSource): { readonly package: NodePackage } | { readonly problems: readonly string[] } {
  const { apiVersion, nodes } = exported
  if (name === OWN_NAME || name.startsWith(`${OWN_NAME}/`)) return { problems: [`is called ${name}, which is reserved`] }
  if (apiVersion !== API_VERSION) return { problems: [`must export apiVersion ${API_VERSION}, not ${JSON.stringify(apiVersion) ?? 'nothing'}`] }
  if (!Array.isArray(nodes) || nodes.length === 0) return { problems: ['must export `nodes`, a list of at least one node type'] }
  const problems = nodes.flatMap((node, index) => problemsOf(node, `nodes/${index}`, name))
  const names = nodes.map((node: unknown) => isPlainObject(node) ? node['type'] : undefined)
  names.forEach((type, index) => {
    const first = names.indexOf(type)
    if (type !== undefined && first < index) problems.push(`nodes/${index}/type is ${JSON.stringify(type)}, as nodes/${first}/type is`)
  })
  if (problems.length > 0) return { problems }
  const origin = { name, version, apiVersion: API_VERSION }
  return { package: { ...origin, nodes: nodes.map((node: NodeDefinition) => adaptNode(node, origin)) } }
}

function problemsOf (node: unknown, at: string, packageName: string): string[] {
  const problems = checkSchema(Definition, node, at, { expressions: false }).issues.map(({ pointer, message }) => `${pointer} ${message}`)
  if (!isPlainObject(node)) return problems
  const { type, run, check, outputs, parameters, credentials, credentialRequired } = node
  if (run !== undefined && typeof run !== 'function') problems.push(`${at}/run must be a function`)
  if (check !== undefined && typeof check !== 'function') problems.push(`${at}/check must be a function`)
  if (typeof type === 'string' && packageName.length + 1 + type.length > MAX_TYPE_LENGTH) problems.push(`${at}/type is too long together with the name of the package`)
  if (Array.isArray(outputs) && outputs.includes(ERROR_OUTPUT)) problems.push(`${at}/outputs may not have ${JSON.stringify(ERROR_OUTPUT)}: each node has that one where its onError says so`)
  if (credentialRequired === true && credentials === undefined) problems.push(`${at}/credentialRequired needs \`credentials\`: the types to choose from`)
  if (isPlainObject(parameters)) problems.push(...schemaProblems(parameters, `${at}/parameters`))
  return problems
}

/** First whether it is JSON Schema at all, then whether it keeps to the part of it that workflows are checked by. */
function schemaProblems (schema: Record<string, unknown>, at: string): string[] {
  try {
    const plain = JSON.parse(JSON.stringify(schema)) as Record<string, unknown>
    compileJsonSchema(plain)
    return unsupportedIn(plain, at).map(({ pointer, message }) => `${pointer} ${message}`)
  } catch (error) {
    if (error instanceof JsonSchemaError || error instanceof TypeError || error instanceof RangeError) return [`${at} is no JSON Schema: ${error.message}`]
    throw error
  }
}
