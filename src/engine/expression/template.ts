import type { Expression } from 'acorn'
import { compileExpression } from './compile/index.ts'
import type { CompiledExpression } from './compile/index.ts'
import type { Reference } from './compile/context.ts'
import { evaluateParts, evaluateSingle } from './evaluate.ts'
import { MAX_SOURCE } from './limits.ts'
import { parseExpression, tooLong } from './parse.ts'
import type { ExpressionScope } from './scope.ts'
import { ExpressionSyntaxError } from './syntax-error.ts'

export interface Template {
  /** No expression in it: evaluates to the text itself. */
  readonly isStatic: boolean
  /** One expression and nothing beside it: evaluates to its value, of whatever kind. */
  readonly isSingle: boolean
  /** The nodes it names in `$('id')`. */
  readonly references: readonly Reference[]
  /** Throws NodeError (WC_EXPRESSION_…). */
  evaluate (scope: ExpressionScope): unknown
}

/** Makes text fit for the language of what is around it. */
export type Escape = (text: string) => string

const OPEN = '{{'

export function hasExpression (text: string): boolean {
  return text.includes(OPEN)
}

/**
 * Compiles the text of a parameter: what is between `{{` and `}}` are expressions. Throws ExpressionSyntaxError.
 * @param escape what becomes of the value of each expression; the result is text then, also of one expression alone
 */
export function compileTemplate (text: string, escape?: Escape): Template {
  const parts = scan(text)
  const [only] = parts
  if (only === undefined || (parts.length === 1 && typeof only === 'string')) {
    return { isStatic: true, isSingle: false, references: [], evaluate: () => text }
  }
  const compiled = parts.map((part) => typeof part === 'string' ? part : compileExpression(part, text))
  const expressions = compiled.filter((part): part is CompiledExpression => typeof part !== 'string')
  const references = expressions.flatMap((part) => part.references)
  if (parts.length === 1 && escape === undefined) {
    const single = expressions[0]!
    return { isStatic: false, isSingle: true, references, evaluate: (scope) => evaluateSingle(single, scope) }
  }
  return { isStatic: false, isSingle: false, references, evaluate: (scope) => evaluateParts(compiled, scope, escape) }
}

/** Texts and expressions in turn. The parser finds the end of each, so that `}}` may stand within. */
function scan (text: string): (string | Expression)[] {
  const parts: (string | Expression)[] = []
  let position = 0
  for (let open = text.indexOf(OPEN); open !== -1; open = text.indexOf(OPEN, position)) {
    if (open > position) parts.push(text.slice(position, open))
    const start = open + OPEN.length
    checkExtent(text, open, start)
    const { expression, end } = parseExpression(text, start)
    position = closingAfter(text, end)
    if (position - start > MAX_SOURCE) throw tooLong(start)
    parts.push(expression)
  }
  if (position < text.length) parts.push(text.slice(position))
  return parts
}

function checkExtent (text: string, open: number, start: number): void {
  const close = text.indexOf('}}', start)
  // It cannot end before the first braces, whatever it is.
  if ((close === -1 ? text.length : close) - start > MAX_SOURCE) throw tooLong(start)
  if (close === -1) throw new ExpressionSyntaxError('WC_EXPRESSION_SYNTAX', 'The expression is not closed with }}', open)
  if (text.slice(start, close).trim() === '') throw new ExpressionSyntaxError('WC_EXPRESSION_SYNTAX', 'The expression is empty', open)
}

const SPACE_OR_COMMENT = /(?:[\s;\u2028\u2029\uFEFF]|\/\/[^\n\r\u2028\u2029]*|\/\*(?:[^*]|\*(?!\/))*\*\/)*/y

/** The position after the `}}` that must follow. */
function closingAfter (text: string, end: number): number {
  SPACE_OR_COMMENT.lastIndex = end
  const position = end + (SPACE_OR_COMMENT.exec(text)?.[0].length ?? 0)
  if (text.startsWith('}}', position)) return position + 2
  throw new ExpressionSyntaxError('WC_EXPRESSION_SYNTAX', 'Unexpected text after the expression', position)
}
