export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * Tenants' schemas (draft 7) as components of an OpenAPI 3.1 document: definitions become components beside theirs, references
 * lead there, and what draft 2020-12 says otherwise is said so.
 */
export class SchemaComponents {
  readonly schemas: Record<string, unknown> = {}

  /** A reference to the schema, which becomes the component of that name. */
  add (name: string, schema: JsonSchema): JsonSchema {
    this.#define(name, schema)
    this.schemas[name] = translate(schema, name)
    return { $ref: `#/components/schemas/${name}` }
  }

  /** A part of a schema; the definitions of the whole become components. */
  part (name: string, whole: JsonSchema, part: unknown): unknown {
    this.#define(name, whole)
    const translated = translate(part, name)
    if (JSON.stringify(translated).includes(`"#/components/schemas/${name}"`)) this.schemas[name] = translate(whole, name)
    return translated
  }

  #define (name: string, { definitions, $defs }: JsonSchema): void {
    for (const [part, schema] of Object.entries({ ...definitions as object, ...$defs as object })) this.schemas[componentOf(name, part)] ??= translate(schema, name)
  }
}

/** Of a body: a form where its schema says so is still JSON to us, text is text. */
export function bodyMediaType ({ type }: JsonSchema): string {
  return type === 'string' ? 'text/plain' : 'application/json'
}

function componentOf (name: string, part: string): string {
  return `${name}_${part.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`
}

const DATA = new Set(['const', 'enum', 'default', 'examples'])

function translate (schema: unknown, name: string): unknown {
  if (Array.isArray(schema)) return schema.map(entry => translate(entry, name))
  if (typeof schema !== 'object' || schema === null) return schema
  const { $id: _id, $schema: _dialect, definitions: _definitions, $defs: _defs, items, additionalItems, dependencies, ...rest } = schema as JsonSchema
  const result: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(rest)) {
    if (keyword === '$ref') result[keyword] = referenceOf(String(value), name)
    else if (DATA.has(keyword)) result[keyword] = value
    else if (keyword === 'properties' || keyword === 'patternProperties') result[keyword] = named(value, name)
    else result[keyword] = translate(value, name)
  }
  if (Array.isArray(items)) {
    result['prefixItems'] = translate(items, name)
    if (additionalItems !== undefined) result['items'] = translate(additionalItems, name)
  } else if (items !== undefined) {
    result['items'] = translate(items, name)
  }
  const dependent = Object.entries((dependencies ?? {}) as Record<string, unknown>)
  const lists = dependent.filter(([, value]) => Array.isArray(value))
  const schemas = dependent.filter(([, value]) => !Array.isArray(value))
  if (lists.length > 0) result['dependentRequired'] = Object.fromEntries(lists)
  if (schemas.length > 0) result['dependentSchemas'] = named(Object.fromEntries(schemas), name)
  return result
}

function named (schemas: unknown, name: string): unknown {
  return Object.fromEntries(Object.entries(schemas as object).map(([key, schema]) => [key, translate(schema, name)]))
}

function referenceOf (reference: string, name: string): string {
  const [, part, below = ''] = /^#\/(?:definitions|\$defs)\/([^/]+)(.*)$/.exec(reference) ?? []
  if (part !== undefined) return `#/components/schemas/${componentOf(name, unescape(part))}${below}`
  return `#/components/schemas/${name}${reference.slice(1)}`
}

function unescape (step: string): string {
  return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
}
