import { NodeError } from '../node-error.ts'
import type { CompiledExpression } from './compile/index.ts'
import { MAX_TEXT } from './limits.ts'
import { allocateText, begin, end, run } from './run.ts'
import type { Run } from './run.ts'
import type { ExpressionScope } from './scope.ts'
import { toText } from './values/coerce.ts'
import type { Frame } from './values/function.ts'
import { isPlainObject, KIND, kindOf } from './values/kind.ts'
import { toJson, toPlain } from './values/plain.ts'
import { Thrown } from './values/thrown.ts'

const TOP_FRAME: Frame = Object.freeze([]) as unknown as Frame

/** The value of the one expression of a text, as JSON data; undefined where it is undefined. */
export function evaluateSingle (expression: CompiledExpression, scope: ExpressionScope): unknown {
  const outer = run.active ? { ...run } : null
  begin(scope, expression.changes)
  try {
    const value = expression.code(TOP_FRAME)
    return expression.isHostData ? value : toPlain(value)
  } catch (error) {
    throw translate(error)
  } finally {
    finish(outer)
  }
}

/** Text and expressions joined; each expression has the whole budget. */
export function evaluateParts (parts: readonly (string | CompiledExpression)[], scope: ExpressionScope, escape?: (text: string) => string): string {
  const outer = run.active ? { ...run } : null
  let text = ''
  try {
    for (const part of parts) {
      if (typeof part === 'string') {
        text += part
        continue
      }
      begin(scope, part.changes)
      const plain = toPart(part.code(TOP_FRAME))
      const value = escape === undefined ? plain : escape(plain)
      allocateText(text.length + value.length)
      text += value
    }
    return text
  } catch (error) {
    throw translate(error)
  } finally {
    finish(outer)
  }
}

/** Data as JSON, dates as ISO text, nothing as nothing. */
function toPart (value: unknown): string {
  if (typeof value === 'string') return value
  switch (kindOf(value)) {
    case KIND.undefined:
    case KIND.null: return ''
    case KIND.number:
    case KIND.boolean: return toText(value)
    default: {
      const plain = toPlain(value)
      if (typeof plain === 'string') return plain
      return Array.isArray(plain) || isPlainObject(plain) ? toJson(plain, MAX_TEXT) ?? '' : ''
    }
  }
}

function finish (outer: Run | null): void {
  end()
  if (outer !== null) Object.assign(run, outer)
}

/** Only NodeErrors leave; the host's own errors carry what tenants need not see. */
function translate (error: unknown): NodeError {
  if (error instanceof NodeError) return error
  const position = run.position
  if (error instanceof Thrown) {
    return new NodeError('WC_EXPRESSION_THROWN', thrownMessage(error.value), { position: error.position })
  }
  if (error instanceof RangeError && /call stack/.test(error.message)) {
    return new NodeError('WC_EXPRESSION_LIMIT', 'The expression exceeds a limit: calls nested too deeply', { position })
  }
  const message = error instanceof Error ? error.message.slice(0, 300) : 'unknown'
  return new NodeError('WC_EXPRESSION_FAILED', `The expression failed: ${message}`, { position })
}

function thrownMessage (value: unknown): string {
  if (isPlainObject(value) && typeof value.message === 'string') return value.message.slice(0, 1000)
  return typeof value === 'string' ? value.slice(0, 1000) : 'The expression threw a value'
}
