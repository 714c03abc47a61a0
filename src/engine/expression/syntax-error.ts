export type SyntaxErrorCode =
  | 'WC_EXPRESSION_SYNTAX'
  | 'WC_EXPRESSION_TOO_LONG'
  | 'WC_EXPRESSION_TOO_DEEP'
  | 'WC_EXPRESSION_NOT_ALLOWED'

/** Why a text cannot be compiled. */
export class ExpressionSyntaxError extends Error {
  readonly code: SyntaxErrorCode
  /** Offset in the whole text. */
  readonly position: number

  constructor (code: SyntaxErrorCode, message: string, position: number) {
    super(message)
    this.name = 'ExpressionSyntaxError'
    this.code = code
    this.position = position
  }
}

export function notAllowed (message: string, position: number): never {
  throw new ExpressionSyntaxError('WC_EXPRESSION_NOT_ALLOWED', message, position)
}
