import type { AnyNode, BlockStatement, FunctionDeclaration, IfStatement, ReturnStatement, SwitchStatement, VariableDeclaration } from 'acorn'
import { run } from '../run.ts'
import { notAllowed } from '../syntax-error.ts'
import type { Code } from '../values/function.ts'
import { BREAK, RETURN } from './context.ts'
import type { Context, StatementCode } from './context.ts'
import { compileFunction } from './function.ts'
import { compilePattern, declaring } from './pattern.ts'
import type { Target } from './pattern.ts'

export const NOTHING: StatementCode = () => undefined

export function compileBlock (node: BlockStatement, context: Context): StatementCode {
  return context.withBlock(() => compileStatements(node.body, context))
}

export function compileStatements (nodes: readonly AnyNode[], context: Context): StatementCode {
  const functions = nodes.filter((node) => node.type === 'FunctionDeclaration')
  // Names first: functions may call each other whatever their order.
  for (const node of functions) if (node.id) context.declare(node.id.name, false, node.start)
  const rest = nodes.filter((node) => node.type !== 'FunctionDeclaration')
  for (const node of rest) predeclare(node, context)
  const statements = [...functions.map((node) => compileFunctionDeclaration(node as FunctionDeclaration, context)), ...rest.map((node) => context.statement(node))]
  if (statements.length === 1) return statements[0]!
  return (frame) => {
    for (let index = 0; index < statements.length; index++) {
      const completion = statements[index]!(frame)
      if (completion !== undefined) return completion
    }
    return undefined
  }
}

/** `const f = () => f()` and functions that use a later constant find it by the time they are called. */
function predeclare (node: AnyNode, context: Context): void {
  if (node.type !== 'VariableDeclaration' || node.kind === 'var') return
  for (const { id } of node.declarations) {
    if (id.type === 'Identifier') context.declare(id.name, node.kind === 'const', id.start)
  }
}

function compileFunctionDeclaration (node: FunctionDeclaration, context: Context): StatementCode {
  const slot = context.declare(node.id.name, false, node.start)
  const make = compileFunction(node, context)
  return (frame) => { frame[slot] = make(frame) }
}

export function compileVariables (node: VariableDeclaration, context: Context): StatementCode {
  const target = node.kind === 'var' ? declaringForFunction(context) : declaring(context, node.kind === 'const')
  const parts = node.declarations.map(({ id, init }) => {
    const value: Code | null = init ? context.expression(init) : null
    return { value, store: compilePattern(id, target, context), keeps: node.kind === 'var' && value === null }
  })
  return (frame) => {
    for (const { value, store, keeps } of parts) if (!keeps) store(frame, value === null ? undefined : value(frame))
  }
}

export function declaringForFunction (context: Context): Target {
  return (node) => {
    if (node.type !== 'Identifier') return notAllowed('Only names can be declared', node.start)
    const slot = context.declareForFunction(node.name, node.start)
    return (frame, value) => { frame[slot] = value }
  }
}

export function compileReturn (node: ReturnStatement, context: Context): StatementCode {
  const value = node.argument ? context.expression(node.argument) : null
  return (frame) => {
    run.returned = value === null ? undefined : value(frame)
    return RETURN
  }
}

export function compileIf (node: IfStatement, context: Context): StatementCode {
  const test = context.expression(node.test)
  const consequent = context.statement(node.consequent)
  const alternate = node.alternate ? context.statement(node.alternate) : NOTHING
  return (frame) => test(frame) ? consequent(frame) : alternate(frame)
}

export function compileSwitch (node: SwitchStatement, context: Context): StatementCode {
  const value = context.expression(node.discriminant)
  return context.withBlock(() => {
    const cases = node.cases.map((branch) => ({
      test: branch.test ? context.expression(branch.test) : null,
      body: compileStatements(branch.consequent, context)
    }))
    return (frame) => {
      const wanted = value(frame)
      let start = cases.findIndex(({ test }) => test !== null && test(frame) === wanted)
      if (start === -1) start = cases.findIndex(({ test }) => test === null)
      for (let index = start; index >= 0 && index < cases.length; index++) {
        const completion = cases[index]!.body(frame)
        if (completion !== undefined) return completion === BREAK ? undefined : completion
      }
      return undefined
    }
  })
}
