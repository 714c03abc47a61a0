import type { ThrowStatement, TryStatement } from 'acorn'
import { NodeError } from '../../node-error.ts'
import { own, run } from '../run.ts'
import type { Frame } from '../values/function.ts'
import { Thrown } from '../values/thrown.ts'
import type { Completion, Context, StatementCode } from './context.ts'
import { compilePattern, declaring } from './pattern.ts'

export function compileThrow (node: ThrowStatement, context: Context): StatementCode {
  const value = context.expression(node.argument)
  return (frame) => { throw new Thrown(value(frame), node.start) }
}

/** What a `catch` gets: never the host's error, and never a limit, which must not be survived. */
function caughtValue (error: unknown): unknown {
  if (error instanceof Thrown) return error.value
  if (error instanceof NodeError && error.code !== 'WC_EXPRESSION_LIMIT') return own({ name: 'Error', message: error.message, code: error.code })
  throw error
}

export function compileTry (node: TryStatement, context: Context): StatementCode {
  const block = context.statement(node.block)
  const handler = node.handler ? compileHandler(node.handler, context) : null
  const finalizer = node.finalizer ? context.statement(node.finalizer) : null
  const guarded = handler === null ? block : withHandler(block, handler)
  return finalizer === null ? guarded : withFinalizer(guarded, finalizer)
}

type Handler = (frame: Frame, value: unknown) => Completion

function withHandler (block: StatementCode, handler: Handler): StatementCode {
  return (frame) => {
    const { calls, stack } = run
    try {
      return block(frame)
    } catch (error) {
      const value = caughtValue(error)
      run.calls = calls
      run.stack = stack
      return handler(frame, value)
    }
  }
}

function compileHandler (node: NonNullable<TryStatement['handler']>, context: Context): Handler {
  return context.withBlock(() => {
    const store = node.param ? compilePattern(node.param, declaring(context, false), context) : null
    const body = context.statement(node.body)
    return (frame, value) => {
      store?.(frame, value)
      return body(frame)
    }
  })
}

function withFinalizer (guarded: StatementCode, finalizer: StatementCode): StatementCode {
  return (frame) => {
    const { calls, stack } = run
    let completion: Completion
    let failure: unknown = null
    try {
      completion = guarded(frame)
    } catch (error) {
      caughtValue(error)
      failure = error
    }
    const returned = run.returned
    run.calls = calls
    run.stack = stack
    const last = finalizer(frame)
    if (last !== undefined) return last
    if (failure !== null) throw failure
    run.returned = returned
    return completion
  }
}
