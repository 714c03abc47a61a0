import { MAX_TEXT } from '../limits.ts'
import { allocateElements, own, spend, typeFailure } from '../run.ts'
import { toInteger, toKey, toNumber, toText } from '../values/coerce.ts'
import { isPlainObject } from '../values/kind.ts'
import { copyOwn, isOwnKey, setOwn } from '../values/own.ts'
import { toJson } from '../values/plain.ts'
import { stringify } from './json.ts'
import type { Methods } from './table.ts'

type Args = readonly unknown[]

export function isEmptyValue (value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isPlainObject(value) && Object.keys(value).length === 0
}

/** Equal data has equal identity: objects by what they hold, all else by value. */
function identity (value: unknown): unknown {
  return typeof value === 'object' && value !== null ? `json:${toJson(value, MAX_TEXT) ?? ''}` : value
}

function fieldOf (value: unknown, key: string | number): unknown {
  return isPlainObject(value) && isOwnKey(value, key) ? value[key] : undefined
}

function unique (self: readonly unknown[], args: Args): unknown[] {
  allocateElements(self.length)
  const keys = args.filter((key) => key !== undefined).map((key) => toKey(key))
  const seen = new Set<unknown>()
  return own(self.filter((element) => {
    const mark = keys.length === 0 ? identity(element) : identity(keys.map((key) => fieldOf(element, key)))
    if (seen.has(mark)) return false
    seen.add(mark)
    return true
  }))
}

function listArgument (value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : typeFailure('A list is needed here')
}

function marks (list: readonly unknown[]): Set<unknown> {
  allocateElements(list.length)
  return new Set(list.map(identity))
}

function within (self: readonly unknown[], args: Args, wanted: boolean): unknown[] {
  const other = marks(listArgument(args[0]))
  return unique(self.filter((element) => other.has(identity(element)) === wanted), [])
}

function union (self: readonly unknown[], args: Args): unknown[] {
  const other = listArgument(args[0])
  allocateElements(self.length + other.length)
  return unique([...self, ...other], [])
}

function chunk (self: readonly unknown[], args: Args): unknown[] {
  const size = toInteger(args[0])
  if (size < 1) typeFailure('chunk needs a size of at least 1')
  allocateElements(self.length * 2)
  const chunks: unknown[] = []
  for (let start = 0; start < self.length; start += size) chunks.push(own(self.slice(start, start + size)))
  return own(chunks)
}

function sum (self: readonly unknown[]): number {
  spend(self.length)
  return self.reduce<number>((total, element) => total + (toNumber(element) || 0), 0)
}

function pluck (self: readonly unknown[], args: Args): unknown[] {
  const keys = args.map(toKey)
  allocateElements(self.length * (1 + keys.length))
  if (keys.length === 1) return own(self.map((element) => fieldOf(element, keys[0]!)).filter((value) => value !== undefined))
  return own(self.filter(isPlainObject).map((element) => {
    const picked = own({})
    for (const key of keys) if (isOwnKey(element, key)) setOwn(picked, key, element[key])
    return picked
  }))
}

function renameKeys (self: readonly unknown[], args: Args): unknown[] {
  const names = new Map<string, string>()
  for (let index = 0; index + 1 < args.length; index += 2) names.set(toText(args[index]), toText(args[index + 1]))
  allocateElements(self.length)
  return own(self.map((element) => {
    if (!isPlainObject(element)) return element
    const keys = Object.keys(element)
    allocateElements(keys.length)
    const renamed = own({})
    for (const key of keys) setOwn(renamed, names.get(key) ?? key, element[key])
    return renamed
  }))
}

function smartJoin (self: readonly unknown[], args: Args): unknown {
  const [keyName, valueName] = [toKey(args[0]), toKey(args[1])]
  allocateElements(self.length)
  const joined = own({})
  for (const element of self) {
    const key = fieldOf(element, keyName)
    if (key !== undefined) setOwn(joined, toKey(key), fieldOf(element, valueName))
  }
  return joined
}

function merge (self: readonly unknown[], args: Args): unknown[] {
  const other = listArgument(args[0])
  const length = Math.max(self.length, other.length)
  allocateElements(length)
  return own(Array.from({ length }, (_, index) => {
    const merged = own({})
    copyOwn(merged, other[index])
    copyOwn(merged, self[index])
    return merged
  }))
}

function randomItem (self: readonly unknown[]): unknown {
  return self[Math.floor(Math.random() * self.length)]
}

export const arrayExtensions: Methods<unknown[]> = {
  first: (self) => self[0],
  last: (self) => self.at(-1),
  isEmpty: (self) => self.length === 0,
  isNotEmpty: (self) => self.length > 0,
  length: (self) => self.length,
  count: (self) => self.length,
  size: (self) => self.length,
  compact: (self) => {
    allocateElements(self.length)
    return own(self.filter((element) => !isEmptyValue(element)))
  },
  append: (self, args) => {
    allocateElements(self.length + args.length)
    return own([...self, ...args])
  },
  unique,
  removeDuplicates: unique,
  union,
  difference: (self, args) => within(self, args, false),
  intersection: (self, args) => within(self, args, true),
  chunk,
  sum,
  average: (self) => self.length === 0 ? 0 : sum(self) / self.length,
  min: (self) => self.reduce<number>((least, element) => Math.min(least, toNumber(element)), Infinity),
  max: (self) => self.reduce<number>((most, element) => Math.max(most, toNumber(element)), -Infinity),
  pluck,
  renameKeys,
  smartJoin,
  merge,
  randomItem,
  toJsonString: (self) => stringify(self)
}
