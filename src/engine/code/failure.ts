import { NodeError } from '../node-error.ts'
import type { CodeFailure } from './run-code.ts'

const CODES: Readonly<Record<CodeFailure['kind'], string>> = {
  thrown: 'WC_CODE_ERROR',
  return: 'WC_CODE_RETURN',
  timeout: 'WC_CODE_TIMEOUT',
  memory: 'WC_CODE_MEMORY',
  output: 'WC_CODE_OUTPUT_SIZE',
  pending: 'WC_CODE_PENDING'
}

/** Why the step failed, for people. */
export function codeError (failure: CodeFailure, code: string, timeout: number): NodeError {
  const { kind, line, column, item } = failure
  const place = line === undefined || line < 1 ? undefined : { line, column: column ?? 1 }
  const where = place === undefined ? '' : ` (line ${place.line}, column ${place.column})`
  return new NodeError(CODES[kind], messageOf(failure, timeout) + where, {
    pointer: '/code',
    ...(place === undefined ? {} : { position: offsetOf(code, place.line, place.column), data: place }),
    ...(item === undefined ? {} : { itemIndex: item })
  })
}

function messageOf ({ kind, message = '' }: CodeFailure, timeout: number): string {
  switch (kind) {
    case 'thrown': return message === '' ? 'The code threw an error without a message' : message
    case 'return': return message
    case 'timeout': return `The code ran longer than its timeout of ${timeout} ms`
    case 'memory': return 'The code needs more memory than it may use'
    case 'output': return 'The code returned more than a step may emit'
    case 'pending': return 'The code waits for a promise that nothing can settle'
  }
}

function offsetOf (code: string, line: number, column: number): number {
  let start = 0
  for (let at = 1; at < line; at++) start = code.indexOf('\n', start) + 1
  return Math.min(start + column - 1, code.length)
}
