import type { AnyNode, CallExpression, MemberExpression, NewExpression } from 'acorn'
import { MAX_ELEMENTS } from '../limits.ts'
import { allocateElements, run, spend, typeFailure } from '../run.ts'
import { MUTATION_NAMES } from '../library/array-mutation.ts'
import { toElements } from '../library/collections.ts'
import { methodsNamed } from '../library/lookup.ts'
import type { ByKind } from '../library/lookup.ts'
import { absent } from '../library/read.ts'
import type { Site } from '../library/read.ts'
import type { Method } from '../library/table.ts'
import { itemsData, ItemAt, NodeValue } from '../library/views.ts'
import { notAllowed } from '../syntax-error.ts'
import { toInteger, toKey, toText } from '../values/coerce.ts'
import { Builtin, callAll, isCallable } from '../values/function.ts'
import type { Code, Frame } from '../values/function.ts'
import { isPlainObject, KIND, kindName, kindOf, SKIPPED } from '../values/kind.ts'
import type { Context } from './context.ts'
import { constantKey } from './member.ts'

export type ArgumentsCode = (frame: Frame) => unknown[]

export function compileArguments (nodes: readonly AnyNode[], context: Context): ArgumentsCode {
  if (nodes.some((node) => node.type === 'SpreadElement')) return spreadArguments(nodes, context)
  const codes = nodes.map((node) => context.expression(node))
  const [first, second, third] = codes
  if (first === undefined) return () => []
  if (second === undefined) return (frame) => [first(frame)]
  if (third === undefined) return (frame) => [first(frame), second(frame)]
  return (frame) => codes.map((code) => code(frame))
}

export function spreadArguments (nodes: readonly (AnyNode | null)[], context: Context): ArgumentsCode {
  const parts = nodes.map((node) => {
    if (node === null) return { code: () => undefined, isSpread: false }
    if (node.type === 'SpreadElement') return { code: context.expression(node.argument), isSpread: true }
    return { code: context.expression(node), isSpread: false }
  })
  return (frame) => {
    const values: unknown[] = []
    for (const { code, isSpread } of parts) {
      const value = code(frame)
      if (!isSpread) {
        values.push(value)
        continue
      }
      const elements = toElements(value)
      allocateElements(elements.length)
      if (values.length + elements.length > MAX_ELEMENTS) allocateElements(values.length + elements.length)
      for (const element of elements) values.push(element)
    }
    return values
  }
}

export function compileCall (node: CallExpression, context: Context): Code {
  const { callee } = node
  if (callee.type === 'Super') return notAllowed('super is not allowed', callee.start)
  const special = compileSpecial(node, context)
  if (special !== null) return special
  if (callee.type === 'MemberExpression') return compileMethodCall(node, callee, context)
  const target = context.expression(callee)
  const args = compileArguments(node.arguments, context)
  const site = context.site(callee)
  return (frame) => {
    const value = target(frame)
    if (value === SKIPPED || (node.optional && (value === undefined || value === null))) return SKIPPED
    return invoke(value, args, frame, site)
  }
}

function invoke (value: unknown, args: ArgumentsCode, frame: Frame, site: Site): unknown {
  if (!isCallable(value)) return typeFailure(`${site.describe()} is not a function that can be called`, site.position)
  const values = args(frame)
  run.position = site.position
  spend(1)
  return callAll(value, values)
}

type Special = (args: ArgumentsCode, node: CallExpression, context: Context) => Code

/** Calls that are a matter of the language here, not of a value. */
const SPECIAL: ReadonlyMap<string, Special> = new Map<string, Special>([
  ['$', nodeOf],
  ['$node', nodeOf],
  ['$items', itemsOf],
  ['$item', (args) => (frame) => new ItemAt(toInteger(args(frame)[0]))]
])

function compileSpecial (node: CallExpression, context: Context): Code | null {
  const { callee } = node
  if (callee.type !== 'Identifier' || context.resolve(callee.name) !== null) return null
  if (callee.name === '$if') return compileIf(node, context)
  const special = SPECIAL.get(callee.name)
  return special === undefined ? null : special(compileArguments(node.arguments, context), node, context)
}

/** The id where it is written out, which is then noted as a reference. */
function staticId (node: CallExpression, context: Context): string | null {
  const [id] = node.arguments
  if (id?.type !== 'Literal' || typeof id.value !== 'string') return null
  context.references.push({ nodeId: id.value, position: node.start })
  return id.value
}

function nodeOf (args: ArgumentsCode, node: CallExpression, context: Context): Code {
  const nodeId = staticId(node, context)
  const position = node.start
  if (nodeId !== null) {
    const value = new NodeValue(nodeId, null)
    return () => {
      run.position = position
      return value
    }
  }
  return (frame) => {
    const value = toText(args(frame)[0])
    run.position = position
    return new NodeValue(value, null)
  }
}

function itemsOf (args: ArgumentsCode, node: CallExpression, context: Context): Code {
  staticId(node, context)
  return (frame) => {
    const [id] = args(frame)
    run.position = node.start
    return itemsData(id === undefined ? run.scope.input().all() : new NodeValue(toText(id), null).view().all())
  }
}

/** Only the branch that is chosen is evaluated. */
function compileIf (node: CallExpression, context: Context): Code {
  if (node.arguments.some((argument) => argument.type === 'SpreadElement')) return notAllowed('$if takes no spread', node.start)
  const [condition, consequent, alternate] = node.arguments.map((argument) => context.expression(argument))
  return (frame) => condition?.(frame) ? consequent?.(frame) : alternate?.(frame)
}

function compileMethodCall (node: CallExpression, callee: MemberExpression, context: Context): Code {
  if (callee.object.type === 'Super') return notAllowed('super is not allowed', callee.start)
  const object = context.expression(callee.object)
  const site = context.site(callee.object)
  const key = constantKey(callee)
  const property = key === null ? context.expression(callee.property) : null
  const args = compileArguments(node.arguments, context)
  // A computed name may turn out to be any method.
  if (key === null || MUTATION_NAMES.has(String(key))) context.changes = true
  const call: MethodCall = {
    site,
    args,
    position: callee.property.start,
    isObjectOptional: callee.optional,
    isCallOptional: node.optional
  }
  if (property !== null) {
    return (frame) => {
      const self = object(frame)
      const name = self === undefined || self === null || self === SKIPPED ? '' : toKey(property(frame))
      return callMethod(call, self, name, methodsNamed(String(name)), frame)
    }
  }
  const methods = methodsNamed(String(key))
  return (frame) => callMethod(call, object(frame), key!, methods, frame)
}

interface MethodCall {
  readonly site: Site
  readonly args: ArgumentsCode
  readonly position: number
  readonly isObjectOptional: boolean
  readonly isCallOptional: boolean
}

function callMethod (call: MethodCall, self: unknown, name: string | number, methods: ByKind<Method>, frame: Frame): unknown {
  const kind = kindOf(self)
  if (kind === KIND.object && isPlainObject(self) && Object.hasOwn(self, name)) {
    const own = self[name]
    if (isCallable(own)) return invoke(own, call.args, frame, { position: call.position, describe: () => String(name) })
  }
  const method = methods[kind]
  if (method === undefined) return callOther(call, self, name, frame)
  const values = call.args(frame)
  run.position = call.position
  spend(kind === KIND.string ? 1 + ((self as string).length >> 8) : 1)
  return method(self as never, values)
}

/** What has no such method in its table. */
function callOther (call: MethodCall, self: unknown, name: string | number, frame: Frame): unknown {
  if (self === SKIPPED) return SKIPPED
  if (self === undefined || self === null) return call.isObjectOptional ? SKIPPED : absent(self, name, call.site)
  if (self instanceof Builtin) {
    const native = Object.hasOwn(self.methods, name) ? self.methods[name]! : null
    const member = Object.hasOwn(self.values, name) ? self.values[name] : undefined
    if (native !== null || isCallable(member)) {
      const values = call.args(frame)
      run.position = call.position
      spend(1)
      return native === null ? callAll(member as Builtin, values) : native(values)
    }
  }
  if (name === 'toString') return toText(self)
  if (call.isCallOptional) return SKIPPED
  const owner = self instanceof Builtin ? self.name : `${call.site.describe()} (${kindName(self)})`
  return typeFailure(`${owner} has no method ${JSON.stringify(name)}`, call.position)
}

export function compileNew (node: NewExpression, context: Context): Code {
  const callee = context.expression(node.callee)
  const args = compileArguments(node.arguments, context)
  const site = context.site(node.callee)
  return (frame) => {
    const value = callee(frame)
    if (!(value instanceof Builtin) || value.construct === null) return typeFailure(`${site.describe()} cannot be made with new`, site.position)
    const values = args(frame)
    run.position = site.position
    spend(8)
    return value.construct(values)
  }
}
