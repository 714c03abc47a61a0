import { FORMATS } from './json-scalars.ts'
import { isPlainObject, TYPE_NAMES, unknownKeyword, type Schema } from './json-schema.ts'
import { step, type Issue } from './report.ts'

/** Everything in a valid JSON Schema that `checkSchema` does not understand, before it meets a value. */
export function unsupportedIn (schema: Schema, at: string): Issue[] {
  const issue = (keyword: string, message: string): Issue => ({ pointer: at + step(keyword), message, code: 'WC_SCHEMA' })
  const keyword = unknownKeyword(schema)
  const { type, pattern, format, anyOf, items, additionalProperties } = schema
  return [
    ...(keyword === undefined ? [] : [issue(keyword, 'is a keyword that is not supported here')]),
    ...(type === undefined || Object.hasOwn(TYPE_NAMES, String(type)) ? [] : [issue('type', 'must be one type; use anyOf for several')]),
    ...(typeof pattern === 'string' && !isPattern(pattern) ? [issue('pattern', 'is no regular expression of JavaScript with the flag u')] : []),
    ...(format === undefined || Object.hasOwn(FORMATS, String(format)) ? [] : [issue('format', `must be one of ${Object.keys(FORMATS).join(', ')}`)]),
    ...inner(anyOf, `${at}/anyOf`),
    ...inner(schema['properties'], `${at}/properties`),
    ...inner(schema['patternProperties'], `${at}/patternProperties`),
    ...one(items, `${at}/items`),
    ...one(additionalProperties, `${at}/additionalProperties`)
  ]
}

function inner (schemas: unknown, at: string): Issue[] {
  if (typeof schemas !== 'object' || schemas === null) return []
  return Object.entries(schemas).flatMap(([name, schema]) => one(schema, at + step(name)))
}

function one (schema: unknown, at: string): Issue[] {
  if (isPlainObject(schema)) return unsupportedIn(schema, at)
  if (schema === undefined || (typeof schema === 'boolean' && at.endsWith('/additionalProperties'))) return []
  return [{ pointer: at, message: 'must be one schema', code: 'WC_SCHEMA' }]
}

function isPattern (pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u') instanceof RegExp
  } catch {
    return false
  }
}
