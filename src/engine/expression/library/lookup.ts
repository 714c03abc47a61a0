import { KIND } from '../values/kind.ts'
import { arrayMethods } from './array.ts'
import { arrayCallbackMethods } from './array-callbacks.ts'
import { arrayExtensions } from './array-extensions.ts'
import { arrayMutationMethods } from './array-mutation.ts'
import { mapAccessors, mapMethods, setAccessors, setMethods } from './collections.ts'
import { dateMethods } from './date.ts'
import { dateTimeAccessors, dateTimeMethods } from './date-time.ts'
import { durationAccessors, durationMethods, intervalAccessors, intervalMethods } from './duration.ts'
import { formatterMethods } from './formatter.ts'
import { booleanMethods, numberMethods } from './number.ts'
import { objectMethods } from './object.ts'
import { regexAccessors, regexMethods } from './regex.ts'
import { stringMethods } from './string.ts'
import { stringExtensions } from './string-extensions.ts'
import { stringPatternMethods } from './string-patterns.ts'
import { searchParamsMethods, urlAccessors, urlMethods } from './url.ts'
import { inputAccessors, inputMethods, itemAtAccessors, nodeAccessors, nodeMethods } from './views.ts'
import type { Accessor, Accessors, Method, Methods } from './table.ts'

/** All that can be called on a value, by kind: what is not here does not exist. */
const METHODS: ReadonlyArray<readonly [kind: number, methods: Methods<never>]> = [
  [KIND.string, { ...stringExtensions, ...stringPatternMethods, ...stringMethods }],
  [KIND.number, numberMethods],
  [KIND.boolean, booleanMethods],
  [KIND.array, { ...arrayExtensions, ...arrayMutationMethods, ...arrayCallbackMethods, ...arrayMethods }],
  [KIND.object, objectMethods],
  [KIND.date, dateMethods],
  [KIND.dateTime, dateTimeMethods],
  [KIND.duration, durationMethods],
  [KIND.interval, intervalMethods],
  [KIND.set, setMethods],
  [KIND.map, mapMethods],
  [KIND.regex, regexMethods],
  [KIND.url, urlMethods],
  [KIND.searchParams, searchParamsMethods],
  [KIND.input, inputMethods],
  [KIND.node, nodeMethods],
  [KIND.formatter, formatterMethods]
]

const ACCESSORS: ReadonlyArray<readonly [kind: number, accessors: Accessors<never>]> = [
  [KIND.dateTime, dateTimeAccessors],
  [KIND.duration, durationAccessors],
  [KIND.interval, intervalAccessors],
  [KIND.set, setAccessors],
  [KIND.map, mapAccessors],
  [KIND.regex, regexAccessors],
  [KIND.url, urlAccessors],
  [KIND.input, inputAccessors],
  [KIND.node, nodeAccessors],
  [KIND.itemAt, itemAtAccessors]
]

/** For one name, what each kind has under it. */
export type ByKind<T> = ReadonlyArray<T | undefined>

function index<T> (tables: ReadonlyArray<readonly [number, Readonly<Record<string, T>>]>): ReadonlyMap<string, ByKind<T>> {
  const names = new Map<string, (T | undefined)[]>()
  for (const [kind, table] of tables) {
    for (const [name, entry] of Object.entries(table)) {
      const row = names.get(name) ?? new Array<T | undefined>(Object.keys(KIND).length).fill(undefined)
      row[kind] = entry
      names.set(name, row)
    }
  }
  return names
}

const methods = index<Method>(METHODS)
const accessors = index<Accessor>(ACCESSORS)
const NOTHING: ByKind<never> = []

export function methodsNamed (name: string): ByKind<Method> {
  return methods.get(name) ?? NOTHING
}

export function accessorsNamed (name: string): ByKind<Accessor> {
  return accessors.get(name) ?? NOTHING
}
