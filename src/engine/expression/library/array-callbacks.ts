import { allocateElements, own, spend, typeFailure } from '../run.ts'
import { toNumber, toText } from '../values/coerce.ts'
import { call3, call4, callAll, toCallable } from '../values/function.ts'
import type { Callable } from '../values/function.ts'
import { flattenInto } from './array.ts'
import type { Methods } from './table.ts'

function map (self: unknown[], args: readonly unknown[]): unknown[] {
  const callback = toCallable(args[0])
  allocateElements(self.length)
  const result: unknown[] = []
  for (let index = 0; index < self.length; index++) result.push(call3(callback, self[index], index, self))
  return own(result)
}

function filter (self: unknown[], args: readonly unknown[]): unknown[] {
  const callback = toCallable(args[0])
  allocateElements(self.length)
  const result: unknown[] = []
  for (let index = 0; index < self.length; index++) {
    const element = self[index]
    if (call3(callback, element, index, self)) result.push(element)
  }
  return own(result)
}

function reduce (self: unknown[], args: readonly unknown[], fromEnd: boolean): unknown {
  const callback = toCallable(args[0])
  const step = fromEnd ? -1 : 1
  let index = fromEnd ? self.length - 1 : 0
  let total = args[1]
  if (args.length < 2) {
    if (self.length === 0) typeFailure('Cannot reduce an empty list without a first value')
    total = self[index]
    index += step
  }
  for (; index >= 0 && index < self.length; index += step) {
    spend(1)
    total = call4(callback, total, self[index], index, self)
  }
  return total
}

function flatMap (self: unknown[], args: readonly unknown[]): unknown[] {
  const callback = toCallable(args[0])
  const result: unknown[] = []
  for (let index = 0; index < self.length; index++) {
    flattenInto(result, [call3(callback, self[index], index, self)], 1)
  }
  return own(result)
}

/** Where the callback first holds, searching in either direction; -1 where nowhere. */
function position (self: unknown[], args: readonly unknown[], fromEnd = false): number {
  const callback = toCallable(args[0])
  for (let count = 0; count < self.length; count++) {
    const index = fromEnd ? self.length - 1 - count : count
    spend(1)
    if (call3(callback, self[index], index, self)) return index
  }
  return -1
}

function every (self: unknown[], args: readonly unknown[]): boolean {
  const callback = toCallable(args[0])
  for (let index = 0; index < self.length; index++) {
    spend(1)
    if (!call3(callback, self[index], index, self)) return false
  }
  return true
}

function forEach (self: unknown[], args: readonly unknown[]): undefined {
  const callback = toCallable(args[0])
  for (let index = 0; index < self.length; index++) {
    spend(1)
    call3(callback, self[index], index, self)
  }
}

function defaultOrder (left: unknown, right: unknown): number {
  const a = toText(left)
  const b = toText(right)
  return a < b ? -1 : a > b ? 1 : 0
}

function order (callback: Callable | null): (left: unknown, right: unknown) => number {
  return (left, right) => {
    spend(1)
    return callback === null ? defaultOrder(left, right) : toNumber(callAll(callback, [left, right])) || 0
  }
}

/** Sorts in place; `undefined` last, as always. */
export function sortInPlace (array: unknown[], args: readonly unknown[]): unknown[] {
  const callback = args[0] === undefined ? null : toCallable(args[0])
  // A copy is sorted: what the callback does to the list while it is being sorted changes nothing.
  allocateElements(array.length)
  const sorted = [...array].sort(order(callback))
  for (let index = 0; index < sorted.length; index++) array[index] = sorted[index]
  return array
}

export const arrayCallbackMethods: Methods<unknown[]> = {
  map,
  filter,
  flatMap,
  forEach,
  every,
  some: (self, args) => position(self, args) !== -1,
  find: (self, args) => self[position(self, args)],
  findIndex: (self, args) => position(self, args),
  findLast: (self, args) => self[position(self, args, true)],
  findLastIndex: (self, args) => position(self, args, true),
  reduce: (self, args) => reduce(self, args, false),
  reduceRight: (self, args) => reduce(self, args, true),
  toSorted: (self, args) => own(sortInPlace([...self], args)),
  toReversed: (self) => {
    allocateElements(self.length)
    return own(self.toReversed())
  }
}
