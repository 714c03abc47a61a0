type Json = unknown

// @fastify/swagger takes an $id for the name of a schema that was added to the application, and renames it.
const MARK = 'x-component'

/** Names that a schema's own properties may have, and that must not be read as keywords there. */
const MAPS_OF_SCHEMAS = new Set(['properties', 'patternProperties', '$defs'])
const DATA = new Set(['example', 'examples', 'default', 'enum', 'const'])

/** A route's schemas with each `$id` turned into a mark that `hoistComponents` finds. */
export function markComponents<T> (value: T, isMap = false): T {
  return mapMembers(value, isMap, (member, memberIsMap) => markComponents(member, memberIsMap), key => !isMap && key === '$id' ? MARK : key) as T
}

/**
 * Moves each marked schema into the components and refers to it from wherever it stood, so that a document
 * says each thing once and generated clients get named types.
 */
export function hoistComponents (document: object): { document: object, schemas: Record<string, Json> } {
  const schemas: Record<string, Json> = {}

  function walk (value: Json, isMap: boolean): Json {
    if (isMap || typeof value !== 'object' || value === null || !(MARK in value)) return mapMembers(value, isMap, walk)
    const { [MARK]: mark, ...rest } = value
    const name = String(mark)
    if (!Object.hasOwn(schemas, name)) {
      // Entered before its members are walked: a schema may hold itself.
      schemas[name] = {}
      schemas[name] = mapMembers(rest, false, walk)
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  return { document: walk(document, false) as object, schemas }
}

function mapMembers (value: Json, isMap: boolean, change: (member: Json, isMap: boolean) => Json, rename = (key: string): string => key): Json {
  if (Array.isArray(value)) return value.map(entry => change(entry, false))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) =>
    [rename(key), !isMap && DATA.has(key) ? member : change(member, !isMap && MAPS_OF_SCHEMAS.has(key))]))
}
