import type { KeywordDefinition } from 'ajv'

/** Thrown while a value is checked that costs more than a process can give to one. */
export class JsonSchemaTooCostly extends Error {}

/** Thrown for a JSON Schema that cannot be metered: it refers to what is not a part of it. */
export class UnmeteredSchema extends Error {}

/** Evaluations of a subschema: from some tens of nanoseconds each to most of a microsecond where it does not fit. */
const MAX_STEPS = 2_000_000
const METER = 'x-weconnect-steps'
/** Characters of a list of values, or of a pattern, that are compared within the time of one step. */
const CHARACTERS_A_STEP = 16

/** Checking is synchronous, so one counter serves the process. */
let left = 0

export function beginSteps (): void {
  left = MAX_STEPS
}

export function spendSteps (steps: number): void {
  if ((left -= steps) < 0) throw new JsonSchemaTooCostly('takes too much work to check')
}

export const meterKeyword: KeywordDefinition = {
  keyword: METER,
  schemaType: 'number',
  errors: false,
  compile: (steps: number) => () => {
    spendSteps(steps)
    return true
  }
}

export type Schema = Readonly<Record<string, unknown>>

const ONE = new Set(['not', 'if', 'then', 'else', 'contains', 'propertyNames', 'additionalProperties', 'additionalItems', 'items'])
const LIST = new Set(['allOf', 'anyOf', 'oneOf', 'items'])
const NAMED = new Set(['properties', 'patternProperties', 'definitions', '$defs', 'dependencies'])

/**
 * A copy of a tenant's schema in which each subschema pays for being evaluated: references that lead back to themselves, or doublings of
 * doublings, end at a limit instead of keeping the process. References may lead to what was copied only.
 */
export function meterSchema (schema: Schema): Schema {
  const places = new Set<string>()
  const references: string[] = []
  const { $id: _own, ...root } = schema
  const copy = meter(root, '#', places, references)
  const lost = references.find(reference => !places.has(decodeURIComponent(reference)))
  if (lost !== undefined) throw new UnmeteredSchema(`$ref ${JSON.stringify(lost.slice(0, 100))} must lead to a part of this schema, such as #/definitions/address`)
  return copy as Schema
}

function meter (schema: unknown, at: string, places: Set<string>, references: string[]): unknown {
  places.add(at)
  if (!isPlain(schema)) return schema
  if (schema['$id'] !== undefined) throw new UnmeteredSchema('$id may stand at the top of a schema only')
  if (typeof schema['$ref'] === 'string') references.push(schema['$ref'])
  const copy: Record<string, unknown> = {}
  let steps = 1
  for (const [keyword, value] of Object.entries(schema)) {
    const below = `${at}/${escape(keyword)}`
    if (Array.isArray(value) && LIST.has(keyword)) {
      steps += value.length
      copy[keyword] = value.map((entry, index) => meter(entry, `${below}/${index}`, places, references))
    } else if (isPlain(value) && NAMED.has(keyword)) {
      steps += Object.keys(value).length
      copy[keyword] = Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, Array.isArray(entry) ? entry : meter(entry, `${below}/${escape(name)}`, places, references)]))
    } else if (ONE.has(keyword)) {
      copy[keyword] = meter(value, below, places, references)
    } else {
      if (Array.isArray(value) || keyword === 'const') steps += Math.ceil(JSON.stringify(value).length / CHARACTERS_A_STEP)
      copy[keyword] = value
    }
  }
  copy[METER] = steps
  return copy
}

function escape (name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function isPlain (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
