import type { AnyNode, ArrayPattern, ObjectPattern } from 'acorn'
import { MAX_ELEMENTS } from '../limits.ts'
import { allocateElements, own, typeFailure } from '../run.ts'
import { toElements } from '../library/collections.ts'
import { readMember } from '../library/read.ts'
import { notAllowed } from '../syntax-error.ts'
import { toKey } from '../values/coerce.ts'
import type { Code, Frame } from '../values/function.ts'
import { isPlainObject } from '../values/kind.ts'
import { setOwn } from '../values/own.ts'
import type { Context } from './context.ts'
import { propertyName } from './literal.ts'

/** Puts a value where a pattern says. */
export type Store = (frame: Frame, value: unknown) => void
/** Makes the store for a plain target: declares a variable, or finds one to assign to. */
export type Target = (node: AnyNode) => Store

export function compilePattern (node: AnyNode, target: Target, context: Context): Store {
  switch (node.type) {
    case 'AssignmentPattern': {
      const store = compilePattern(node.left, target, context)
      const fallback = context.expression(node.right)
      return (frame, value) => store(frame, value === undefined ? fallback(frame) : value)
    }
    case 'ObjectPattern': return compileObjectPattern(node, target, context)
    case 'ArrayPattern': return compileArrayPattern(node, target, context)
    default: return target(node)
  }
}

function compileObjectPattern (node: ObjectPattern, target: Target, context: Context): Store {
  const site = context.site(node)
  const parts = node.properties.map((property) => {
    if (property.type === 'RestElement') return { key: null, store: compilePattern(property.argument, target, context) }
    const key: Code = property.computed ? context.expression(property.key) : constant(propertyName(property))
    return { key, store: compilePattern(property.value, target, context) }
  })
  return (frame, value) => {
    if (value === undefined || value === null) typeFailure(`Cannot take ${String(value)} apart`, site.position)
    const taken = new Set<string>()
    for (const { key, store } of parts) {
      if (key === null) {
        store(frame, restOf(value, taken))
        continue
      }
      const name = toKey(key(frame))
      taken.add(String(name))
      store(frame, readMember(value, name, site))
    }
  }
}

function constant (value: unknown): Code {
  return () => value
}

function restOf (value: unknown, taken: ReadonlySet<string>): unknown {
  const rest = own({})
  if (!isPlainObject(value)) return rest
  const keys = Object.keys(value)
  allocateElements(keys.length)
  for (const key of keys) if (!taken.has(key)) setOwn(rest, key, value[key])
  return rest
}

function compileArrayPattern (node: ArrayPattern, target: Target, context: Context): Store {
  const parts = node.elements.map((element) => {
    if (element === null) return null
    if (element.type === 'RestElement') return { isRest: true, store: compilePattern(element.argument, target, context) }
    return { isRest: false, store: compilePattern(element, target, context) }
  })
  return (frame, value) => {
    const elements = toElements(value)
    parts.forEach((part, index) => {
      if (part === null) return
      if (part.isRest) allocateElements(Math.min(elements.length, MAX_ELEMENTS))
      part.store(frame, part.isRest ? own(elements.slice(index)) : elements[index])
    })
  }
}

/** Declares the names of a pattern: parameters, `const`, `let`, `catch`. */
export function declaring (context: Context, isConstant: boolean): Target {
  return (node) => {
    if (node.type !== 'Identifier') return notAllowed('Only names can be declared', node.start)
    const slot = context.declare(node.name, isConstant, node.start)
    return (frame, value) => { frame[slot] = value }
  }
}
