import type { AnyNode, ArrowFunctionExpression, FunctionDeclaration, FunctionExpression, Pattern } from 'acorn'
import { own, run } from '../run.ts'
import { notAllowed } from '../syntax-error.ts'
import { Closure, FIRST_ARGUMENT, PLAIN_PARAMETERS } from '../values/function.ts'
import type { Code, Frame, FunctionShape } from '../values/function.ts'
import { RETURN } from './context.ts'
import type { Context } from './context.ts'
import { compilePattern, declaring } from './pattern.ts'

type FunctionNode = ArrowFunctionExpression | FunctionExpression | FunctionDeclaration

/** Host frames between a call and the body it runs. */
const CALL_LEVELS = 6

export function compileFunction (node: FunctionNode, context: Context): Code {
  if (node.async) return notAllowed('Async functions are not allowed', node.start)
  if (node.generator) return notAllowed('Generators are not allowed', node.start)
  const before = { peak: context.peak, nodes: context.nodes }
  context.peak = context.depth
  let self = 0
  const { result, slots } = context.withFrame(() => {
    if (node.type === 'FunctionExpression' && node.id) self = context.declare(node.id.name, true, node.start)
    const bind = compileParameters(node.params, context)
    return { bind, body: compileBody(node.body, context) }
  })
  const shape: FunctionShape = {
    ...result,
    slots,
    self,
    cost: 1 + ((context.nodes - before.nodes) >> 4),
    weight: context.peak - context.depth + CALL_LEVELS
  }
  context.peak = Math.max(before.peak, context.peak)
  return (frame) => new Closure(shape, frame)
}

function compileBody (node: AnyNode, context: Context): Code {
  if (node.type !== 'BlockStatement') return context.expression(node)
  const body = context.statement(node)
  return (frame) => {
    if (body(frame) !== RETURN) return undefined
    const value = run.returned
    run.returned = undefined
    return value
  }
}

/** Null where the arguments can stay where calls put them. */
function compileParameters (params: readonly Pattern[], context: Context): FunctionShape['bind'] {
  if (params.length <= PLAIN_PARAMETERS && params.every((param) => param.type === 'Identifier')) {
    params.forEach((param, index) => context.declare(param.name, false, param.start, FIRST_ARGUMENT + index))
    return null
  }
  const stores = params.map((param, index) => {
    if (param.type === 'RestElement') {
      const store = compilePattern(param.argument, declaring(context, false), context)
      return (frame: Frame, args: readonly unknown[]) => store(frame, own(args.slice(index)))
    }
    const store = compilePattern(param, declaring(context, false), context)
    return (frame: Frame, args: readonly unknown[]) => store(frame, args[index])
  })
  return (frame, args) => { for (const store of stores) store(frame, args) }
}
