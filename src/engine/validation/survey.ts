import { isStorable } from './text.ts'

/** Levels of lists and objects; beyond it neither the database nor a client can be expected to follow. */
export const MAX_DEPTH = 64
/** Values of any kind: twenty and more for each of the most nodes there may be. */
export const MAX_VALUES = 500_000
/** Parsing one takes some 50 µs, in a process that has other things to do. */
export const MAX_EXPRESSIONS = 50_000
/** Characters of texts that hold expressions. */
export const MAX_EXPRESSION_TEXT = 2_000_000

export interface Survey {
  /** What there is more of than anyone looks through. */
  readonly excess: 'values' | 'expressions' | 'expressionText' | undefined
  /** Whether something is to be found that cannot be stored. */
  readonly suspicious: boolean
}

const OPEN = '{{'

/**
 * Looks at every value once, without the cost of knowing where it is, and stops at the limits: a body of 16 MB
 * can hold millions of values or expressions, and whoever sends it must not keep others waiting.
 */
export function survey (definition: unknown): Survey {
  const values: unknown[] = [definition]
  const depths: number[] = [0]
  let count = 0
  let expressions = 0
  let expressionText = 0
  let suspicious = false
  for (let depth = depths.pop(); depth !== undefined; depth = depths.pop()) {
    const value = values.pop()
    if (++count > MAX_VALUES) return { excess: 'values', suspicious }
    if (typeof value === 'string') {
      suspicious ||= !isStorable(value)
      const found = countExpressions(value)
      expressions += found
      if (found > 0) expressionText += value.length
      if (expressions > MAX_EXPRESSIONS) return { excess: 'expressions', suspicious }
      if (expressionText > MAX_EXPRESSION_TEXT) return { excess: 'expressionText', suspicious }
    } else if (typeof value === 'number') {
      suspicious ||= !Number.isFinite(value)
    } else if (typeof value === 'object' && value !== null) {
      if (depth === MAX_DEPTH) {
        suspicious = true
        continue
      }
      const keys = Object.keys(value)
      if (count + keys.length > MAX_VALUES) return { excess: 'values', suspicious }
      for (const key of keys) {
        suspicious ||= key === '__proto__' || !isStorable(key)
        values.push((value as Record<string, unknown>)[key])
        depths.push(depth + 1)
      }
    }
  }
  return { excess: undefined, suspicious }
}

function countExpressions (text: string): number {
  let count = 0
  for (let at = text.indexOf(OPEN); at !== -1 && count <= MAX_EXPRESSIONS; at = text.indexOf(OPEN, at + OPEN.length)) count++
  return count
}
