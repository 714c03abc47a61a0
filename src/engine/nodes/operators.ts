import { NodeError } from '../node-error.ts'
import { readPath } from './paths.ts'
import { compilePattern } from './patterns.ts'
import { isPlainObject } from './plain-object.ts'
import { booleanOf, isMissing, numberOf, strictNumberOf, timeOf } from './scalars.ts'

/** How two values are compared. `loose`: across types; `ignoreCase`: text without regard to case. */
export interface Comparison {
  readonly loose: boolean
  readonly ignoreCase: boolean
}

type Operator = (left: unknown, right: unknown, how: Comparison) => boolean

const MAX_TEXT = 262_144

const startsWith = onText((left, right) => left.startsWith(right))
const endsWith = onText((left, right) => left.endsWith(right))

const OPERATORS = {
  equals,
  notEquals: not(equals),
  contains,
  notContains: not(contains),
  startsWith,
  notStartsWith: not(startsWith),
  endsWith,
  notEndsWith: not(endsWith),
  matches,
  notMatches: not(matches),
  gt: onOrder(order => order > 0),
  gte: onOrder(order => order >= 0),
  lt: onOrder(order => order < 0),
  lte: onOrder(order => order <= 0),
  before: onTime((left, right) => left < right),
  after: onTime((left, right) => left > right),
  lengthEquals: onLength((length, number) => length === number),
  lengthGt: onLength((length, number) => length > number),
  lengthGte: onLength((length, number) => length >= number),
  lengthLt: onLength((length, number) => length < number),
  lengthLte: onLength((length, number) => length <= number),
  hasKey,
  notHasKey: not(hasKey),
  exists,
  notExists: not(exists),
  isEmpty,
  isNotEmpty: not(isEmpty),
  isTrue: (left, _right, how) => left === true || (how.loose && booleanOf(left) === true),
  isFalse: (left, _right, how) => left === false || (how.loose && booleanOf(left) === false),
  in: isIn,
  notIn: not(isIn)
} as const satisfies Record<string, Operator>

export type OperatorName = keyof typeof OPERATORS

export const operatorNames = Object.keys(OPERATORS) as readonly OperatorName[]

const BY_NAME: ReadonlyMap<string, Operator> = new Map(Object.entries(OPERATORS))

export function compare (left: unknown, operator: string, right: unknown, how: Comparison): boolean {
  const apply = BY_NAME.get(operator)
  if (apply === undefined) throw new NodeError('WC_CONDITION', `There is no operator ${JSON.stringify(operator.slice(0, 40))}`)
  return apply(left, right, how)
}

function not (operator: Operator): Operator {
  return (left, right, how) => !operator(left, right, how)
}

function equals (left: unknown, right: unknown, how: Comparison): boolean {
  if (typeof left === 'string' && typeof right === 'string') return fold(left, how) === fold(right, how)
  if (left === right) return true
  const time = timeOf(left)
  if (time !== null && typeof left === 'object') return time === timeOf(right)
  if (typeof left === 'object' && typeof right === 'object') return sameStructure(left, right, how)
  return how.loose && looselyEqual(left, right, how)
}

function sameStructure (left: object | null, right: object | null, how: Comparison): boolean {
  if (left === null || right === null || Array.isArray(left) !== Array.isArray(right)) return false
  const names = Object.keys(left)
  if (names.length !== Object.keys(right).length) return false
  return names.every(name => Object.hasOwn(right, name) &&
    equals((left as Record<string, unknown>)[name], (right as Record<string, unknown>)[name], how))
}

/** Scalars of two types: as numbers if both are such, as truth values if one is, else as text. */
function looselyEqual (left: unknown, right: unknown, how: Comparison): boolean {
  if (isMissing(left) || isMissing(right)) return (left ?? '') === (right ?? '')
  if (typeof left === 'boolean' || typeof right === 'boolean') return booleanOf(left) === booleanOf(right)
  const [a, b] = [numberOf(left), numberOf(right)]
  if (a !== null && b !== null) return a === b
  return typeof left !== 'object' && typeof right !== 'object' && fold(String(left), how) === fold(String(right), how)
}

function contains (left: unknown, right: unknown, how: Comparison): boolean {
  if (Array.isArray(left)) return left.some(element => equals(element, right, how))
  const [text, part] = [textOf(left, how), textOf(right, how)]
  return text !== null && part !== null && text.includes(part)
}

function isIn (left: unknown, right: unknown, how: Comparison): boolean {
  if (Array.isArray(right)) return contains(right, left, how)
  return how.loose && typeof right === 'string' && contains(right.split(',').map(part => part.trim()), left, how)
}

function onText (test: (left: string, right: string) => boolean): Operator {
  return (left, right, how) => {
    const [a, b] = [textOf(left, how), textOf(right, how)]
    return a !== null && b !== null && test(a, b)
  }
}

/** Numbers by size; dates by time; values of other or different kinds have no order, and every test of it fails. */
function onOrder (test: (order: number) => boolean): Operator {
  return (left, right, how) => {
    const scale = how.loose ? numberOf : strictNumberOf
    const [a, b] = [scale(left) ?? timeOf(left), scale(right) ?? timeOf(right)]
    const sameKind = (scale(left) === null) === (scale(right) === null)
    return a !== null && b !== null && sameKind && test(a - b)
  }
}

/** Dates as ISO 8601 text, or objects; with `loose` also milliseconds since 1970. What is no date is neither before nor after. */
function onTime (test: (left: number, right: number) => boolean): Operator {
  return (left, right, how) => {
    const [a, b] = [left, right].map(value => timeOf(value) ?? (how.loose ? numberOf(value) : null))
    return a !== null && a !== undefined && b !== null && b !== undefined && test(a, b)
  }
}

/** Of text in characters, of a list in elements, of an object in properties. */
function onLength (test: (length: number, number: number) => boolean): Operator {
  return (left, right, how) => {
    const number = how.loose ? numberOf(right) : strictNumberOf(right)
    const length = lengthOf(left)
    return number !== null && length !== null && test(length, number)
  }
}

function lengthOf (value: unknown): number | null {
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  return isPlainObject(value) && timeOf(value) === null ? Object.keys(value).length : null
}

/** An own property, or one of its own at the end of a path: `customer.email`. */
function hasKey (left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || left === null || (typeof right !== 'string' && typeof right !== 'number')) return false
  return Object.hasOwn(left, right) || readPath(left, String(right).split('.')) !== undefined
}

/** RE2 takes time linear in the text, so no pattern can hold the process up; the sizes bound the factor. */
function matches (left: unknown, right: unknown, how: Comparison): boolean {
  const text = textOf(left, { loose: how.loose, ignoreCase: false })
  if (text === null || typeof right !== 'string') return false
  if (text.length > MAX_TEXT) throw new NodeError('WC_CONDITION_PATTERN', `Text for a pattern has at most ${MAX_TEXT} characters`)
  return compilePattern(right, how.ignoreCase, 'WC_CONDITION_PATTERN').test(text)
}

function exists (left: unknown): boolean {
  return !isMissing(left)
}

function isEmpty (left: unknown): boolean {
  if (isMissing(left) || left === '') return true
  if (Array.isArray(left)) return left.length === 0
  return typeof left === 'object' && timeOf(left) === null && Object.keys(left as object).length === 0
}

function fold (text: string, how: Comparison): string {
  return how.ignoreCase ? text.toLowerCase() : text
}

function textOf (value: unknown, how: Comparison): string | null {
  if (typeof value === 'string') return fold(value, how)
  return how.loose && (typeof value === 'number' || typeof value === 'boolean') ? String(value) : null
}
