import { NodeError } from '../../node-error.ts'

/** Where an expression stood anything may have come out of it, so what nodes do arithmetic with is looked at again. */

interface Bounds {
  readonly minimum: number
  readonly maximum: number
}

/** A whole number within the bounds, also as text. Throws NodeError (WC_PARAMETER). */
export function wholeNumber (value: unknown, pointer: string, { minimum, maximum }: Bounds): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number >= minimum && number <= maximum) return number
  throw new NodeError('WC_PARAMETER', `This must be a whole number from ${minimum} to ${maximum}`, { pointer })
}

/** One of a few words. Throws NodeError (WC_PARAMETER). */
export function oneWord<T extends string> (value: unknown, pointer: string, words: readonly T[]): T {
  const word = words.find(known => known === value)
  if (word !== undefined) return word
  throw new NodeError('WC_PARAMETER', `This must be one of ${words.join(', ')}`, { pointer })
}

/** Text as it is, other values as JSON, nothing as the empty text. Throws NodeError (WC_PARAMETER) where it is longer than `limit` characters. */
export function textOf (value: unknown, pointer: string, limit: number): string {
  const text = typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
  if (text.length <= limit) return text
  throw new NodeError('WC_PARAMETER', `This is longer than ${limit} characters`, { pointer })
}

/** A list, which an expression may have stood for. Throws NodeError (WC_PARAMETER). */
export function listOf<T> (value: readonly T[] | undefined, pointer: string): readonly T[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value
  throw new NodeError('WC_PARAMETER', 'This must be a list', { pointer })
}
