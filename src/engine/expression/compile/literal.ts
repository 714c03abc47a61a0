import type { ArrayExpression, Literal, ObjectExpression, Property, TemplateLiteral } from 'acorn'
import { allocateElements, allocateText, own } from '../run.ts'
import { compileRegex, RegexError } from '../library/regex.ts'
import { ExpressionSyntaxError, notAllowed } from '../syntax-error.ts'
import { toKey, toText } from '../values/coerce.ts'
import type { Code, Frame } from '../values/function.ts'
import { copyOwn, setOwn } from '../values/own.ts'
import { GuestRegex } from '../values/regex.ts'
import { spreadArguments } from './call.ts'
import type { Context } from './context.ts'

export function compileLiteral (node: Literal): Code {
  if (node.regex !== undefined && node.regex !== null) return compileRegexLiteral(node, node.regex)
  const { value } = node
  if (typeof value === 'bigint' || (node.bigint !== undefined && node.bigint !== null)) return notAllowed('Big integers are not allowed', node.start)
  return () => value
}

function compileRegexLiteral (node: Literal, { pattern, flags }: { pattern: string, flags: string }): Code {
  try {
    const program = compileRegex(pattern, flags)
    return () => new GuestRegex(pattern, flags, program)
  } catch (error) {
    if (error instanceof RegexError) throw new ExpressionSyntaxError('WC_EXPRESSION_SYNTAX', error.message, node.start)
    throw error
  }
}

export function compileTemplateLiteral (node: TemplateLiteral, context: Context): Code {
  const texts = node.quasis.map((quasi) => quasi.value.cooked ?? '')
  const values = node.expressions.map((expression) => context.expression(expression))
  return (frame) => {
    let result = texts[0]!
    for (let index = 0; index < values.length; index++) {
      const text = toText(values[index]!(frame))
      const next = texts[index + 1]!
      allocateText(result.length + text.length + next.length)
      result += text + next
    }
    return result
  }
}

export function compileArray (node: ArrayExpression, context: Context): Code {
  const { elements } = node
  if (elements.some((element) => element === null || element.type === 'SpreadElement')) {
    const values = spreadArguments(elements, context)
    return (frame) => own(values(frame))
  }
  const codes = elements.map((element) => context.expression(element!))
  return (frame) => {
    const values: unknown[] = []
    for (let index = 0; index < codes.length; index++) values.push(codes[index]!(frame))
    allocateElements(values.length)
    return own(values)
  }
}

type Member = (target: Record<string, unknown>, frame: Frame) => void

export function compileObject (node: ObjectExpression, context: Context): Code {
  const members = node.properties.map((property): Member => {
    if (property.type !== 'SpreadElement') return compileProperty(property, context)
    const source = context.expression(property.argument)
    return (target, frame) => copyOwn(target, source(frame))
  })
  return (frame) => {
    const target: Record<string, unknown> = {}
    allocateElements(members.length)
    for (let index = 0; index < members.length; index++) members[index]!(target, frame)
    return own(target)
  }
}

function compileProperty (node: Property, context: Context): Member {
  if (node.kind !== 'init') return notAllowed('Getters and setters are not allowed', node.start)
  const value = context.expression(node.value)
  if (node.computed) {
    const key = context.expression(node.key)
    return (target, frame) => setOwn(target, toKey(key(frame)), value(frame))
  }
  const name = propertyName(node)
  if (name in Object.prototype) return (target, frame) => setOwn(target, name, value(frame))
  return (target, frame) => { target[name] = value(frame) }
}

/** The key as written, of an object or of a pattern. */
export function propertyName (node: { readonly key: Property['key'] }): string {
  if (node.key.type === 'Identifier') return node.key.name
  return node.key.type === 'Literal' ? String(node.key.value) : notAllowed('This key is not allowed', node.key.start)
}
