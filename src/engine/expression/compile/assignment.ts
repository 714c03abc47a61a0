import type { AnyNode, AssignmentExpression, Identifier, MemberExpression, UpdateExpression } from 'acorn'
import { run } from '../run.ts'
import { readMember } from '../library/read.ts'
import { notAllowed } from '../syntax-error.ts'
import { toKey, toNumber } from '../values/coerce.ts'
import type { Code, Frame } from '../values/function.ts'
import { assignMember } from '../values/own.ts'
import type { Context } from './context.ts'
import { frameAt, readVariable } from './identifier.ts'
import { constantKey } from './member.ts'
import { OPERATIONS } from './operators.ts'
import { compilePattern } from './pattern.ts'
import type { Store } from './pattern.ts'

/** A place that can be read and written, found once: `o[f()] += 1` calls `f` once. */
interface Place {
  locate (frame: Frame): Located
}
interface Located {
  get (): unknown
  set (value: unknown): void
}

function storeVariable (node: Identifier, context: Context): Store {
  const variable = context.resolve(node.name)
  if (variable === null) return notAllowed(`There is no variable ${JSON.stringify(node.name)} to assign to`, node.start)
  if (variable.isConstant) return notAllowed(`${JSON.stringify(node.name)} is constant`, node.start)
  const { hops, slot } = variable
  if (hops === 0) return (frame, value) => { frame[slot] = value }
  return (frame, value) => { frameAt(frame, hops)[slot] = value }
}

function placeOf (node: AnyNode, context: Context): Place {
  if (node.type === 'Identifier') {
    const store = storeVariable(node, context)
    const read = readVariable(context.resolve(node.name)!)
    return { locate: (frame) => ({ get: () => read(frame), set: (value) => store(frame, value) }) }
  }
  if (node.type !== 'MemberExpression') return notAllowed('This cannot be assigned to', node.start)
  return memberPlace(node, context)
}

function memberPlace (node: MemberExpression, context: Context): Place {
  if (node.object.type === 'Super') return notAllowed('super is not allowed', node.start)
  context.changes = true
  const object = context.expression(node.object)
  const fixed = constantKey(node)
  const property: Code = fixed === null ? context.expression(node.property) : () => fixed
  const site = context.site(node.object)
  return {
    locate: (frame) => {
      const target = object(frame)
      const key = toKey(property(frame))
      return {
        get: () => readMember(target, key, site),
        set: (value) => assignMember(target, key, value, site.position)
      }
    }
  }
}

function storeTo (node: AnyNode, context: Context): Store {
  if (node.type === 'Identifier') return storeVariable(node, context)
  const place = placeOf(node, context)
  return (frame, value) => place.locate(frame).set(value)
}

export function compileAssignment (node: AssignmentExpression, context: Context): Code {
  if (node.operator === '=') return compilePlainAssignment(node, context)
  const place = placeOf(node.left, context)
  const right = context.expression(node.right)
  const operator = node.operator.slice(0, -1)
  if (operator === '&&' || operator === '||' || operator === '??') return logicalAssignment(operator, place, right)
  const operation = OPERATIONS.get(operator)
  if (operation === undefined) return notAllowed(`The operator ${node.operator} is not allowed`, node.start)
  return (frame) => {
    const located = place.locate(frame)
    const value = operation(located.get(), right(frame))
    located.set(value)
    return value
  }
}

function compilePlainAssignment (node: AssignmentExpression, context: Context): Code {
  const right = context.expression(node.right)
  const store = compilePattern(node.left, (target) => storeTo(target, context), context)
  const position = node.start
  return (frame) => {
    const value = right(frame)
    run.position = position
    store(frame, value)
    return value
  }
}

function logicalAssignment (operator: '&&' | '||' | '??', place: Place, right: Code): Code {
  return (frame) => {
    const located = place.locate(frame)
    const current = located.get()
    const assigns = operator === '&&' ? Boolean(current) : operator === '||' ? !current : current === undefined || current === null
    if (!assigns) return current
    const value = right(frame)
    located.set(value)
    return value
  }
}

export function compileUpdate (node: UpdateExpression, context: Context): Code {
  const place = placeOf(node.argument, context)
  const change = node.operator === '++' ? 1 : -1
  return (frame) => {
    const located = place.locate(frame)
    const before = toNumber(located.get())
    located.set(before + change)
    return node.prefix ? before + change : before
  }
}
