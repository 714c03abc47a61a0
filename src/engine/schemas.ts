import { Type } from '@sinclair/typebox'
import type { ObjectOptions, SchemaOptions, TRecord, TSchema, TString, TUnknown, TUnsafe } from '@sinclair/typebox'
import { DURATION_PATTERN } from '../lib/duration.ts'

/** Annotation of a property that is read before anything runs, and so cannot hold an expression. */
export const STATIC = { 'x-expression': false } as const

/** Annotation of text that is taken as it is: `{{` in it begins nothing. */
export const LITERAL = { 'x-expression': false, 'x-literal': true } as const

/** One of a few words, each titled for forms. */
export function oneOf<const T extends string> (values: readonly T[], options: SchemaOptions = {}): TUnsafe<T> {
  return Type.Union(values.map(value => Type.Literal(value, { title: titleOf(value) })), options) as unknown as TUnsafe<T>
}

/** `combineByKey` becomes "Combine by key"; what is no word of that kind, such as `POST` or `sha3-256`, stays. */
function titleOf (value: string): string {
  if (!/^[a-z]{2,}([A-Z][a-z]+)*$/.test(value)) return value
  const words = value.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
  return words[0]!.toUpperCase() + words.slice(1)
}

/** A length of time such as "10s". */
export function duration (options: SchemaOptions = {}): TString {
  return Type.String({ pattern: DURATION_PATTERN, examples: ['250ms', '10s', '5m', '2h', '7d'], ...options })
}

/** Any JSON value, which the static type admits to not knowing: it may come out of an expression. */
export function anyValue (options: SchemaOptions = {}): TUnknown {
  return Type.Unknown(options)
}

/** An object from names to values of one schema. */
export function dictionary<T extends TSchema> (values: T, options: ObjectOptions = {}): TRecord<TString, T> {
  return Type.Record(Type.String(), values, options)
}
