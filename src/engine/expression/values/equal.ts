import { kindOf, KIND } from './kind.ts'
import { toNumber, toPrimitive } from './coerce.ts'

function isPrimitiveKind (kind: number): boolean {
  return kind === KIND.string || kind === KIND.number || kind === KIND.boolean
}

/** `==`, with coercions that call nothing. */
export function looseEqual (left: unknown, right: unknown): boolean {
  if (left === right) return true
  const leftKind = kindOf(left)
  const rightKind = kindOf(right)
  const leftAbsent = leftKind === KIND.undefined || leftKind === KIND.null
  const rightAbsent = rightKind === KIND.undefined || rightKind === KIND.null
  if (leftAbsent || rightAbsent) return leftAbsent && rightAbsent
  if (leftKind === rightKind) return false
  if (!isPrimitiveKind(leftKind) && !isPrimitiveKind(rightKind)) return false
  const a = toPrimitive(left)
  const b = toPrimitive(right)
  if (typeof a === 'string' && typeof b === 'string') return a === b
  return toNumber(a) === toNumber(b)
}

/** The order that `<` uses: text by code unit if both are text, else numbers. */
export function compare (left: unknown, right: unknown): number {
  const a = kindOf(left) === KIND.date ? toNumber(left) : toPrimitive(left)
  const b = kindOf(right) === KIND.date ? toNumber(right) : toPrimitive(right)
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  const x = toNumber(a)
  const y = toNumber(b)
  return x < y ? -1 : x > y ? 1 : x === y ? 0 : NaN
}
