import { Kind } from '@sinclair/typebox'
import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { CompiledParameters } from '../expression/index.ts'
import { NodeError } from '../node-error.ts'

/** What expressions gave, where it is what the schema asks for. Throws WC_PARAMETER. */
export function fitting<T extends TSchema> (schema: T, value: unknown, pointer: string): Static<T> {
  if (Value.Check(schema, value)) return value
  const { path = '', message = 'It does not fit' } = Value.Errors(schema, value).First() ?? {}
  throw new NodeError('WC_PARAMETER', `What the expression gave is not what the parameter takes: ${message}`, { pointer: pointer + path })
}

/**
 * The parameters of a node, looked at once more when they are evaluated where an expression stands for a whole object or list:
 * validation saw nothing of what is in it. In place of one that may be left out, null leaves it out.
 */
export function fittingParameters (compiled: CompiledParameters, schema: unknown, written: Readonly<Record<string, unknown>>): CompiledParameters {
  const opaque = opaqueOf(schema, written)
  if (opaque.length === 0) return compiled
  return {
    ...compiled,
    evaluate (scope) {
      const evaluated = { ...compiled.evaluate(scope) as Record<string, unknown> }
      for (const { name, part, required } of opaque) {
        if (required || (evaluated[name] !== undefined && evaluated[name] !== null)) fitting(part, evaluated[name], `/${name}`)
        else delete evaluated[name]
      }
      return evaluated
    }
  }
}

/** Packages bring schemas of their own, which are checked as a whole. */
function opaqueOf (schema: unknown, written: Readonly<Record<string, unknown>>): Array<{ name: string, part: TSchema, required: boolean }> {
  if (typeof schema !== 'object' || schema === null || !(Kind in schema) || !('properties' in schema)) return []
  const { properties, required = [] } = schema as unknown as { properties: Record<string, TSchema>, required?: string[] }
  return Object.entries(properties)
    .filter(([name, { type }]) => (type === 'object' || type === 'array') && typeof written[name] === 'string')
    .map(([name, part]) => ({ name, part, required: required.includes(name) }))
}
