import { allocateElements, exceeded, own, spend } from '../run.ts'
import { joinTexts, toInteger, toText } from '../values/coerce.ts'
import { MAX_DATA_DEPTH, MAX_ELEMENTS } from '../limits.ts'
import type { Methods } from './table.ts'

/** `includes` compares NaN with itself, `indexOf` does not. */
function includes (self: unknown[], args: readonly unknown[]): boolean {
  spend(self.length >> 3)
  return self.includes(args[0], toInteger(args[1]))
}

function concat (self: unknown[], args: readonly unknown[]): unknown[] {
  let length = self.length
  for (const part of args) length += Array.isArray(part) ? part.length : 1
  allocateElements(length)
  const result = [...self]
  for (const part of args) {
    if (!Array.isArray(part)) result.push(part)
    else for (const element of part) result.push(element)
  }
  return own(result)
}

function slice (self: unknown[], args: readonly unknown[]): unknown[] {
  const part = self.slice(toInteger(args[0]), args[1] === undefined ? undefined : toInteger(args[1]))
  allocateElements(part.length)
  return own(part)
}

/** Depth first, each element paid for before it is added: nested lists may share and multiply. */
export function flattenInto (target: unknown[], source: readonly unknown[], depth: number, level = 0): void {
  if (level > MAX_DATA_DEPTH) exceeded('a list nested too deeply')
  allocateElements(source.length)
  for (const element of source) {
    if (depth > 0 && Array.isArray(element)) flattenInto(target, element, depth - 1, level + 1)
    else if (target.push(element) > MAX_ELEMENTS) allocateElements(target.length)
  }
}

function flat (self: unknown[], args: readonly unknown[]): unknown[] {
  const result: unknown[] = []
  flattenInto(result, self, args[0] === undefined ? 1 : toInteger(args[0]))
  return own(result)
}

function indexes (self: unknown[]): unknown[] {
  allocateElements(self.length)
  return own(self.map((_, index) => index))
}

function pairs (self: unknown[]): unknown[] {
  allocateElements(self.length * 3)
  return own(self.map((element, index) => own([index, element])))
}

function replaced (self: unknown[], args: readonly unknown[]): unknown[] {
  allocateElements(self.length)
  return own(self.with(toInteger(args[0]), args[1]))
}

export const arrayMethods: Methods<unknown[]> = {
  at: (self, args) => self.at(toInteger(args[0])),
  includes,
  indexOf: (self, args) => {
    spend(self.length >> 3)
    return self.indexOf(args[0], toInteger(args[1]))
  },
  lastIndexOf: (self, args) => {
    spend(self.length >> 3)
    return self.lastIndexOf(args[0])
  },
  join: (self, args) => joinTexts(self, args[0] === undefined ? ',' : toText(args[0])),
  toString: (self: unknown[]) => joinTexts(self, ','),
  slice,
  concat,
  flat,
  keys: indexes,
  values: (self) => slice(self, []),
  entries: pairs,
  with: replaced
}
