import type { AnyNode, DoWhileStatement, ForInStatement, ForOfStatement, ForStatement, WhileStatement } from 'acorn'
import { spend } from '../run.ts'
import { toElements } from '../library/collections.ts'
import { notAllowed } from '../syntax-error.ts'
import type { Code, Frame } from '../values/function.ts'
import { PLAIN_PARAMETERS } from '../values/function.ts'
import { isPlainObject } from '../values/kind.ts'
import { BREAK, RETURN } from './context.ts'
import type { Completion, Context, StatementCode } from './context.ts'
import { compilePattern, declaring } from './pattern.ts'
import type { Store } from './pattern.ts'
import { declaringForFunction, NOTHING } from './statement.ts'

const STOP = Symbol('stop')

/** What a turn's completion means for the loop: go on, or end with it. */
function afterTurn (completion: Completion): Completion | typeof STOP {
  if (completion === BREAK) return STOP
  return completion === RETURN ? RETURN : undefined
}

function turnCost (before: number, context: Context): number {
  return 1 + ((context.nodes - before) >> 4)
}

interface Turn {
  readonly run: (frame: Frame, value: unknown) => Completion
  readonly cost: number
}

/** Each turn has its own variables: a function made in one keeps seeing that turn's. */
function compileTurn (left: AnyNode, body: AnyNode, context: Context): Turn {
  const before = context.nodes
  const { result, slots } = context.withFrame(() => {
    const store = compileLoopVariable(left, context)
    return { store, statement: context.statement(body) }
  })
  const { store, statement } = result
  return {
    cost: turnCost(before, context),
    run: (frame, value) => {
      const turn: Frame = [frame, undefined, undefined, undefined]
      for (let slot = PLAIN_PARAMETERS + 1; slot < slots; slot++) turn.push(undefined)
      store(turn, value)
      return statement(turn)
    }
  }
}

function compileLoopVariable (left: AnyNode, context: Context): Store {
  if (left.type !== 'VariableDeclaration') return notAllowed('Declare the loop\'s variable with const or let', left.start)
  const target = left.kind === 'var' ? declaringForFunction(context) : declaring(context, left.kind === 'const')
  return compilePattern(left.declarations[0]!.id, target, context)
}

export function compileForOf (node: ForOfStatement, context: Context): StatementCode {
  if (node.await) return notAllowed('for await is not allowed', node.start)
  const list = context.expression(node.right)
  return compileEach(node, (frame) => toElements(list(frame)), context)
}

export function compileForIn (node: ForInStatement, context: Context): StatementCode {
  const object = context.expression(node.right)
  return compileEach(node, (frame) => {
    const value = object(frame)
    return Array.isArray(value) || isPlainObject(value) ? toElements(Object.keys(value)) : []
  }, context)
}

function compileEach (node: ForOfStatement | ForInStatement, list: (frame: Frame) => readonly unknown[], context: Context): StatementCode {
  const turn = compileTurn(node.left, node.body, context)
  return (frame) => {
    const elements = list(frame)
    for (let index = 0; index < elements.length; index++) {
      spend(turn.cost)
      const outcome = afterTurn(turn.run(frame, elements[index]))
      if (outcome === STOP) return undefined
      if (outcome !== undefined) return outcome
    }
    return undefined
  }
}

interface Loop { test: Code | null, update: Code | null, body: StatementCode, cost: number, testsFirst: boolean }

function runLoop (loop: Loop, frame: Frame): Completion {
  for (let isFirst = true; ; isFirst = false) {
    spend(loop.cost)
    if ((loop.testsFirst || !isFirst) && loop.test !== null && !loop.test(frame)) return undefined
    const outcome = afterTurn(loop.body(frame))
    if (outcome === STOP) return undefined
    if (outcome !== undefined) return outcome
    if (loop.update !== null) loop.update(frame)
  }
}

export function compileFor (node: ForStatement, context: Context): StatementCode {
  return context.withBlock(() => {
    const before = context.nodes
    const { init } = node
    const start: StatementCode = !init ? NOTHING : init.type === 'VariableDeclaration' ? context.statement(init) : effect(context.expression(init))
    const loop: Loop = {
      test: node.test ? context.expression(node.test) : null,
      update: node.update ? context.expression(node.update) : null,
      body: context.statement(node.body),
      cost: turnCost(before, context),
      testsFirst: true
    }
    return (frame) => {
      start(frame)
      return runLoop(loop, frame)
    }
  })
}

function effect (code: Code): StatementCode {
  return (frame) => { code(frame) }
}

export function compileWhile (node: WhileStatement | DoWhileStatement, context: Context): StatementCode {
  const before = context.nodes
  const loop: Loop = {
    test: context.expression(node.test),
    update: null,
    body: context.statement(node.body),
    cost: turnCost(before, context),
    testsFirst: node.type === 'WhileStatement'
  }
  return (frame) => runLoop(loop, frame)
}
