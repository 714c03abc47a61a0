import { NodeError } from '../node-error.ts'
import type { OperatorName } from './operators.ts'
import { isPlainObject } from './plain-object.ts'
import { booleanOf, isMissing, numberOf, strictNumberOf, timeOf } from './scalars.ts'

/** What a rule may demand of its left side. */
export const valueTypes = ['any', 'string', 'number', 'boolean', 'date', 'array', 'object'] as const

export type ValueType = typeof valueTypes[number]

const EACH: readonly OperatorName[] = ['equals', 'notEquals', 'exists', 'notExists', 'in', 'notIn']
const SIZED: readonly OperatorName[] = ['isEmpty', 'isNotEmpty', 'lengthEquals', 'lengthGt', 'lengthGte', 'lengthLt', 'lengthLte']
const ORDERED: readonly OperatorName[] = ['gt', 'gte', 'lt', 'lte']

/** The tests that make sense of each type: what a form offers. */
const OPERATORS: Readonly<Record<Exclude<ValueType, 'any'>, ReadonlySet<OperatorName>>> = {
  string: new Set([...EACH, ...SIZED, 'contains', 'notContains', 'startsWith', 'notStartsWith', 'endsWith', 'notEndsWith', 'matches', 'notMatches']),
  number: new Set([...EACH, ...ORDERED]),
  boolean: new Set([...EACH, 'isTrue', 'isFalse']),
  date: new Set([...EACH, ...ORDERED, 'before', 'after']),
  array: new Set([...EACH, ...SIZED, 'contains', 'notContains']),
  object: new Set([...EACH, ...SIZED, 'hasKey', 'notHasKey'])
}

export function fitsType (operator: OperatorName, type: ValueType): boolean {
  return type === 'any' || OPERATORS[type].has(operator)
}

const STRICT: Readonly<Record<Exclude<ValueType, 'any'>, (value: unknown) => boolean>> = {
  string: value => typeof value === 'string',
  number: value => strictNumberOf(value) !== null,
  boolean: value => typeof value === 'boolean',
  date: value => timeOf(value) !== null,
  array: Array.isArray,
  object: value => isPlainObject(value) && timeOf(value) === null
}

/** The value as one of the type; what is missing stays so. Throws NodeError (WC_CONDITION_TYPE) where it is of another. */
export function typed (value: unknown, type: ValueType, loose: boolean): unknown {
  if (type === 'any' || isMissing(value) || STRICT[type](value)) return value
  const converted = loose ? convert(value, type) : null
  if (converted !== null) return converted
  const shown = (JSON.stringify(value) ?? typeof value).slice(0, 60)
  throw new NodeError('WC_CONDITION_TYPE', `The left side of the rule should be of the type ${type}, and is ${shown}`)
}

function convert (value: unknown, type: ValueType): unknown {
  switch (type) {
    case 'string': return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
    case 'number': return numberOf(value)
    case 'boolean': return booleanOf(value)
    case 'date': {
      const time = numberOf(value)
      return time === null ? null : new Date(time)
    }
    default: return null
  }
}
