import type { RE2JS } from 're2js'
import { estimateRegexSize } from '../expression/library/regex-size.ts'
import { re2 } from '../expression/load.ts'
import { NodeError } from '../node-error.ts'

const MAX_PATTERN = 1000
/** Instructions, roughly: `(a{1000}){1000}` is short, and a large program. */
const MAX_SIZE = 100_000

let last: { source: string, ignoreCase: boolean, compiled: RE2JS } | undefined

/**
 * A pattern of RE2, which takes time linear in the text, so that none can hold the process up; its size bounds the factor.
 * Throws NodeError with `code`. The items of a run share their pattern, nearly always, so the last one is kept.
 */
export function compilePattern (source: string, ignoreCase: boolean, code = 'WC_PATTERN'): RE2JS {
  if (last?.source === source && last.ignoreCase === ignoreCase) return last.compiled
  if (source.length > MAX_PATTERN) throw new NodeError(code, `A pattern has at most ${MAX_PATTERN} characters`)
  if (estimateRegexSize(source) > MAX_SIZE) throw new NodeError(code, 'The counted repeats of this pattern make it too large')
  const { RE2JS } = re2()
  try {
    const compiled = RE2JS.compile(source, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
    last = { source, ignoreCase, compiled }
    return compiled
  } catch (error) {
    throw new NodeError(code, `${JSON.stringify(source.slice(0, 100))} is not a pattern of RE2: ${(error as Error).message}`)
  }
}

/** Why this is not a pattern, or null. */
export function patternProblem (source: string): string | null {
  try {
    compilePattern(source, false)
    return null
  } catch (error) {
    return (error as Error).message
  }
}
