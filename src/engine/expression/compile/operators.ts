import type { AnyNode, BinaryExpression, LogicalExpression, PrivateIdentifier, UnaryExpression } from 'acorn'
import { MAX_TEXT } from '../limits.ts'
import { allocateText, isOwned, run, typeFailure } from '../run.ts'
import { notAllowed } from '../syntax-error.ts'
import { toKey, toNumber, toPrimitive, toText, typeOf } from '../values/coerce.ts'
import { compare, looseEqual } from '../values/equal.ts'
import { Builtin } from '../values/function.ts'
import type { Code } from '../values/function.ts'
import { isPlainObject } from '../values/kind.ts'
import { isOwnKey } from '../values/own.ts'
import type { Context } from './context.ts'
import { isKnown } from './identifier.ts'

export type BinaryOperation = (left: unknown, right: unknown) => unknown

export function add (left: unknown, right: unknown): unknown {
  if (typeof left === 'number' && typeof right === 'number') return left + right
  const a = isDate(left) ? toText(left) : toPrimitive(left)
  const b = isDate(right) ? toText(right) : toPrimitive(right)
  if (typeof a !== 'string' && typeof b !== 'string') return toNumber(a) + toNumber(b)
  const first = String(a)
  const second = String(b)
  if (first.length + second.length > MAX_TEXT) allocateText(first.length + second.length)
  return first + second
}

function isDate (value: unknown): boolean {
  return value instanceof Date
}

function isIn (left: unknown, right: unknown): boolean {
  if (Array.isArray(right) || isPlainObject(right)) return isOwnKey(right, toKey(left))
  return typeFailure('The right side of "in" must be an object or a list')
}

function isInstance (left: unknown, right: unknown): boolean {
  if (right instanceof Builtin && right.test !== null) return right.test(left)
  return typeFailure('The right side of "instanceof" must be a type such as Date or Array')
}

function numeric (compute: (a: number, b: number) => number): BinaryOperation {
  return (left, right) => typeof left === 'number' && typeof right === 'number'
    ? compute(left, right)
    : compute(toNumber(left), toNumber(right))
}

export const OPERATIONS: ReadonlyMap<string, BinaryOperation> = new Map<string, BinaryOperation>([
  ['+', add],
  ['-', numeric((a, b) => a - b)],
  ['*', numeric((a, b) => a * b)],
  ['/', numeric((a, b) => a / b)],
  ['%', numeric((a, b) => a % b)],
  ['**', numeric((a, b) => a ** b)],
  ['&', numeric((a, b) => a & b)],
  ['|', numeric((a, b) => a | b)],
  ['^', numeric((a, b) => a ^ b)],
  ['<<', numeric((a, b) => a << b)],
  ['>>', numeric((a, b) => a >> b)],
  ['>>>', numeric((a, b) => a >>> b)],
  ['===', (a, b) => a === b],
  ['!==', (a, b) => a !== b],
  ['==', looseEqual],
  ['!=', (a, b) => !looseEqual(a, b)],
  ['<', (a, b) => compare(a, b) < 0],
  ['>', (a, b) => compare(a, b) > 0],
  ['<=', (a, b) => compare(a, b) <= 0],
  ['>=', (a, b) => compare(a, b) >= 0],
  ['in', isIn],
  ['instanceof', isInstance]
])

/** Long chains such as `a + b + c + …` lean left: compiled in a loop, since each level would nest. */
export function compileBinary (node: BinaryExpression, context: Context): Code {
  const chain: BinaryExpression[] = []
  let left: AnyNode | PrivateIdentifier = node
  while (left.type === 'BinaryExpression') {
    chain.push(left)
    left = left.left
  }
  let code = context.expression(left)
  context.reach(chain.length)
  for (const link of chain.reverse()) {
    context.nodes++
    code = binary(link.operator, code, context.expression(link.right), link)
  }
  return code
}

function binary (operator: string, left: Code, right: Code, node: AnyNode): Code {
  // The most frequent ones without a second call.
  switch (operator) {
    case '+': return (frame) => add(left(frame), right(frame))
    case '*': return multiply(left, right)
    case '===': return (frame) => left(frame) === right(frame)
    case '!==': return (frame) => left(frame) !== right(frame)
    case '<':
    case '>':
    case '<=':
    case '>=': return relation(operator, left, right)
    default:
  }
  const operation = OPERATIONS.get(operator)
  if (operation === undefined) return notAllowed(`The operator ${operator} is not allowed`, node.start)
  const position = node.start
  return (frame) => {
    const a = left(frame)
    const b = right(frame)
    run.position = position
    return operation(a, b)
  }
}

function multiply (left: Code, right: Code): Code {
  return (frame) => {
    const a = left(frame)
    const b = right(frame)
    return typeof a === 'number' && typeof b === 'number' ? a * b : toNumber(a) * toNumber(b)
  }
}

function relation (operator: '<' | '>' | '<=' | '>=', left: Code, right: Code): Code {
  const slow = OPERATIONS.get(operator)!
  switch (operator) {
    case '<': return (frame) => {
      const a = left(frame)
      const b = right(frame)
      return typeof a === 'number' && typeof b === 'number' ? a < b : slow(a, b)
    }
    case '>': return (frame) => {
      const a = left(frame)
      const b = right(frame)
      return typeof a === 'number' && typeof b === 'number' ? a > b : slow(a, b)
    }
    default: return (frame) => slow(left(frame), right(frame))
  }
}

export function compileLogical (node: LogicalExpression, context: Context): Code {
  const chain: LogicalExpression[] = []
  let start: AnyNode = node
  while (start.type === 'LogicalExpression') {
    chain.push(start)
    start = start.left
  }
  let code = context.expression(start)
  context.reach(chain.length)
  for (const link of chain.reverse()) {
    context.nodes++
    code = logical(link.operator, code, context.expression(link.right))
  }
  return code
}

function logical (operator: LogicalExpression['operator'], left: Code, right: Code): Code {
  switch (operator) {
    case '&&': return (frame) => left(frame) && right(frame)
    case '||': return (frame) => left(frame) || right(frame)
    case '??': return (frame) => left(frame) ?? right(frame)
  }
}

export function compileUnary (node: UnaryExpression, context: Context): Code {
  const { operator, argument } = node
  if (operator === 'typeof' && argument.type === 'Identifier' && !isKnown(argument.name, context)) return () => 'undefined'
  if (operator === 'delete') return compileDelete(node, context)
  const value = context.expression(argument)
  switch (operator) {
    case '!': return (frame) => !value(frame)
    case '-': return (frame) => -toNumber(value(frame))
    case '+': return (frame) => toNumber(value(frame))
    case '~': return (frame) => ~toNumber(value(frame))
    case 'typeof': return (frame) => typeOf(value(frame))
    case 'void': return (frame) => { value(frame) }
    default: return notAllowed(`The operator ${String(operator)} is not allowed`, node.start)
  }
}

function compileDelete (node: UnaryExpression, context: Context): Code {
  const { argument } = node
  if (argument.type !== 'MemberExpression' || argument.object.type === 'Super' || argument.property.type === 'PrivateIdentifier') {
    return notAllowed('Only a property can be deleted', node.start)
  }
  context.changes = true
  const object = context.expression(argument.object)
  const { property } = argument
  const key: Code = !argument.computed && property.type === 'Identifier' ? () => property.name : context.expression(property)
  return (frame) => {
    const target = object(frame)
    const name = toKey(key(frame))
    if (!isPlainObject(target) || !isOwned(target)) return typeFailure('Only what the expression made itself can be changed', node.start)
    return delete target[name]
  }
}
