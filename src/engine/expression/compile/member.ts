import type { AnyNode, MemberExpression } from 'acorn'
import { MAX_NESTING } from '../limits.ts'
import { run } from '../run.ts'
import { accessorsNamed } from '../library/lookup.ts'
import { absent, readMember } from '../library/read.ts'
import type { Site } from '../library/read.ts'
import { notAllowed } from '../syntax-error.ts'
import { toKey } from '../values/coerce.ts'
import type { Code } from '../values/function.ts'
import { SKIPPED } from '../values/kind.ts'
import type { Context } from './context.ts'
import { isAbsent, isGlobal, UNDEFINED } from './identifier.ts'

/** The key where it is written out; null where it is computed. */
export function constantKey (node: MemberExpression): string | number | null {
  const { property } = node
  if (property.type === 'PrivateIdentifier') return notAllowed('Private names are not allowed', property.start)
  if (!node.computed) return property.type === 'Identifier' ? property.name : null
  if (property.type !== 'Literal') return null
  return typeof property.value === 'string' || typeof property.value === 'number' ? toKey(property.value) : null
}

/** The object at the start of `a.b[c].d`. Longer chains than may be compiled are not followed to their end. */
function rootOf (node: AnyNode): AnyNode {
  let root = node
  for (let level = 0; level <= MAX_NESTING; level++) {
    if (root.type === 'MemberExpression') root = root.object
    else if (root.type === 'ChainExpression') root = root.expression
    else return root
  }
  return root
}

const hasOwn = Object.hasOwn
const objectPrototype = Object.prototype

export function compileMember (node: MemberExpression, context: Context): Code {
  if (node.object.type === 'Super') return notAllowed('super is not allowed', node.start)
  if (isAbsent(rootOf(node), context)) return UNDEFINED
  const path = pathFromJson(node, context)
  if (path !== null) return compilePath(path.keys, path.sites)
  const object = context.expression(node.object)
  const site = context.site(node.object)
  const key = constantKey(node)
  // `$node["id"]` names a node as `$('id')` does.
  if (key !== null && isGlobal(node.object, '$node', context)) context.references.push({ nodeId: String(key), position: node.start })
  if (key !== null) return node.optional ? optionalRead(object, key, site) : read(object, key, site)
  const property = context.expression(node.property)
  return computedRead(object, property, node.optional, site)
}

function read (object: Code, key: string | number, site: Site): Code {
  const accessors = accessorsNamed(String(key))
  return (frame) => {
    const value = object(frame)
    if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === objectPrototype) {
      return hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined
    }
    return readMember(value, key, site, accessors)
  }
}

function optionalRead (object: Code, key: string | number, site: Site): Code {
  const accessors = accessorsNamed(String(key))
  return (frame) => {
    const value = object(frame)
    return value === undefined || value === null ? SKIPPED : readMember(value, key, site, accessors)
  }
}

function computedRead (object: Code, property: Code, isOptional: boolean, site: Site): Code {
  return (frame) => {
    const value = object(frame)
    if (value === SKIPPED) return SKIPPED
    if (value === undefined || value === null) return isOptional ? SKIPPED : absent(value, property(frame), site)
    return readMember(value, toKey(property(frame)), site)
  }
}

interface Path { keys: (string | number)[], sites: Site[] }

/** `$json.a.b[0].c`, which is what most expressions are. */
function pathFromJson (node: MemberExpression, context: Context): Path | null {
  const keys: (string | number)[] = []
  const sites: Site[] = []
  let current: AnyNode = node
  while (current.type === 'MemberExpression') {
    if (current.optional || keys.length > MAX_NESTING) return null
    const key = constantKey(current)
    if (key === null) return null
    keys.unshift(key)
    sites.unshift(context.site(current.object))
    current = current.object
  }
  return isGlobal(current, '$json', context) ? { keys, sites } : null
}

function compilePath (keys: readonly (string | number)[], sites: readonly Site[]): Code {
  const count = keys.length
  return () => {
    let value: unknown = run.scope.json
    for (let index = 0; index < count; index++) {
      const key = keys[index]!
      if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === objectPrototype) {
        value = hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined
      } else {
        value = readMember(value, key, sites[index]!)
      }
    }
    return value
  }
}
