import { allocateText, spend, typeFailure } from '../run.ts'
import { MAX_DATA_DEPTH, MAX_TEXT } from '../limits.ts'
import { KIND, kindOf } from './kind.ts'
import type { GuestRegex } from './regex.ts'
import { dateText } from './zone.ts'

/**
 * Coercions never call what an expression wrote: an object's own `toString` or `valueOf` is data. So a value
 * reads the same each time, and what was checked is what is used.
 */
export function toText (value: unknown, depth = 0): string {
  if (typeof value === 'string') return value
  switch (kindOf(value)) {
    case KIND.array: return arrayText(value as unknown[], depth)
    case KIND.object: return '[object Object]'
    case KIND.date: return dateText(value as Date)
    case KIND.dateTime:
    case KIND.duration:
    case KIND.interval:
    case KIND.url:
    case KIND.searchParams: return String(value)
    case KIND.regex: return `/${(value as GuestRegex).source}/${(value as GuestRegex).flags}`
    case KIND.function: return 'function'
    case KIND.undefined:
    case KIND.null:
    case KIND.number:
    case KIND.boolean: return String(value)
    default: return '[object]'
  }
}

function arrayText (array: readonly unknown[], depth: number): string {
  return joinTexts(array, ',', depth)
}

/** `Array.prototype.join`, which stops before it makes too much. */
export function joinTexts (array: readonly unknown[], separator: string, depth = 0): string {
  if (depth > MAX_DATA_DEPTH) return typeFailure('The array is nested too deeply, or contains itself')
  spend(array.length)
  const parts: string[] = []
  let length = 0
  for (let index = 0; index < array.length; index++) {
    const element = array[index]
    const text = element === undefined || element === null ? '' : toText(element, depth + 1)
    length += text.length + separator.length
    if (length > MAX_TEXT) allocateText(length)
    parts.push(text)
  }
  allocateText(length)
  return parts.join(separator)
}

/** `undefined` and others as text parts of a template have their own rule; see `toPart` in result.ts. */
export function toNumber (value: unknown): number {
  if (typeof value === 'number') return value
  switch (kindOf(value)) {
    case KIND.string:
      spend((value as string).length >> 8)
      return Number(value)
    case KIND.boolean:
    case KIND.null: return Number(value)
    case KIND.date: return (value as Date).getTime()
    case KIND.dateTime:
    case KIND.duration: return (value as { valueOf (): number }).valueOf()
    case KIND.array: return Number(toText(value))
    default: return NaN
  }
}

/** An integer argument; `fallback` where it was left out. */
export function toInteger (value: unknown, fallback = 0): number {
  if (value === undefined) return fallback
  const number = Math.trunc(toNumber(value))
  return Number.isNaN(number) ? 0 : number
}

export type Primitive = string | number | boolean | null | undefined

/** For operators: dates are numbers except where text is asked for; other objects are text. */
export function toPrimitive (value: unknown): Primitive {
  switch (kindOf(value)) {
    case KIND.undefined:
    case KIND.null:
    case KIND.string:
    case KIND.number:
    case KIND.boolean: return value as Primitive
    case KIND.dateTime:
    case KIND.duration: return toNumber(value)
    default: return toText(value)
  }
}

/** A property key: decided once, then used as it is. */
export function toKey (value: unknown): string | number {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? value : String(value)
  return toText(value)
}

export function typeOf (value: unknown): string {
  switch (kindOf(value)) {
    case KIND.undefined: return 'undefined'
    case KIND.string: return 'string'
    case KIND.number: return 'number'
    case KIND.boolean: return 'boolean'
    case KIND.function: return 'function'
    default: return 'object'
  }
}
