import { Parser } from 'acorn'
import type { Expression, Options, Program } from 'acorn'
import { MAX_NESTING, MAX_SOURCE } from './limits.ts'
import { ExpressionSyntaxError } from './syntax-error.ts'

/**
 * acorn descends recursively, and its types do not name the methods it descends through. Each of these calls
 * itself for something nested; counting in all of them bounds the host's stack before it runs out.
 */
interface Descending {
  pos: number
  lastTokEnd: number
  nextToken (): void
  parseExpression (): Expression
  parse (): Program
  validateRegExpPattern (state: { source: string }): void
}
type DescendingParser = new (options: Options, input: string, start?: number) => Parser & Descending
type Method = (this: object, ...args: unknown[]) => unknown

const RECURSIVE = ['parseMaybeAssign', 'parseMaybeUnary', 'parseExprAtom', 'parseExprOp', 'parseStatement', 'parseBindingAtom'] as const
/** A pair of parentheses passes three of the methods. */
const MAX_DESCENT = MAX_NESTING * 3

class BoundedParser extends (Parser as unknown as DescendingParser) {
  readonly #end: number
  descent = 0

  constructor (options: Options, input: string, start: number, limit = MAX_SOURCE) {
    super(options, input, start)
    this.#end = start + limit
  }

  override nextToken (): void {
    super.nextToken()
    if (this.pos > this.#end + 2) throw tooLong(this.#end)
  }

  override validateRegExpPattern (state: { source: string }): void {
    // The validator is recursive too, and a pattern has a bound of its own.
    if ((state.source.match(/\(/g)?.length ?? 0) > MAX_NESTING) throw tooDeep(this.pos)
    super.validateRegExpPattern(state)
  }
}

function boundDescent (name: typeof RECURSIVE[number]): void {
  const original = (Parser.prototype as unknown as Record<string, Method>)[name]!
  Object.defineProperty(BoundedParser.prototype, name, {
    value (this: BoundedParser, ...args: unknown[]) {
      if (++this.descent > MAX_DESCENT) throw tooDeep(this.pos)
      const result = original.apply(this, args)
      this.descent--
      return result
    }
  })
}

RECURSIVE.forEach(boundDescent)

function tooDeep (position: number): ExpressionSyntaxError {
  return new ExpressionSyntaxError('WC_EXPRESSION_TOO_DEEP', `The expression is nested more than ${MAX_NESTING} levels`, position)
}

export function tooLong (position: number): ExpressionSyntaxError {
  return new ExpressionSyntaxError('WC_EXPRESSION_TOO_LONG', `The expression is longer than ${MAX_SOURCE} characters`, position)
}

export interface ParsedExpression {
  readonly expression: Expression
  /** After its last token; the node itself leaves out parentheses around it. */
  readonly end: number
}

/** The expression of `text` that begins at `start`; the grammar says where it ends. Throws ExpressionSyntaxError. */
export function parseExpression (text: string, start: number): ParsedExpression {
  return orSyntaxError(start, () => {
    const parser = new BoundedParser({ ecmaVersion: 2023 }, text, start)
    parser.nextToken()
    const expression = parser.parseExpression()
    return { expression, end: parser.lastTokEnd }
  })
}

/** The body of an asynchronous function of up to `limit` characters. Throws ExpressionSyntaxError. */
export function parseBody (text: string, limit: number): Program {
  return orSyntaxError(0, () => new BoundedParser({
    ecmaVersion: 2024, sourceType: 'script', allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true
  }, text, 0, limit).parse())
}

function orSyntaxError<T> (start: number, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) throw error
    if (error instanceof RangeError) throw tooDeep(start)
    if (error instanceof SyntaxError) {
      const { pos = start } = error as SyntaxError & { pos?: number }
      throw new ExpressionSyntaxError('WC_EXPRESSION_SYNTAX', error.message.replace(/ \(\d+:\d+\)$/, ''), pos)
    }
    throw error
  }
}
