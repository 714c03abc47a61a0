import { MAX_ELEMENTS } from '../limits.ts'
import { allocateElements, isOwned, own } from '../run.ts'
import { toInteger } from '../values/coerce.ts'
import { sortInPlace } from './array-callbacks.ts'
import type { Methods } from './table.ts'

/**
 * Methods that change a list change it only where the expression made it. On data from outside they work on a
 * copy: `$json.tags.sort()` is a sorted list, `$json.tags.pop()` the last one, and the input stays as it was.
 */
function changeable (self: unknown[]): unknown[] {
  if (isOwned(self)) return self
  allocateElements(self.length)
  return own([...self])
}

function push (self: unknown[], args: readonly unknown[]): number {
  const list = changeable(self)
  allocateElements(args.length)
  if (list.length + args.length > MAX_ELEMENTS) allocateElements(list.length + args.length)
  for (const value of args) list.push(value)
  return list.length
}

function unshift (self: unknown[], args: readonly unknown[]): number {
  const list = changeable(self)
  allocateElements(list.length + args.length)
  replaceAll(list, [...args, ...list])
  return list.length
}

function splice (self: unknown[], args: readonly unknown[]): unknown[] {
  const list = changeable(self)
  const added = args.slice(2)
  allocateElements(list.length + added.length)
  const start = toInteger(args[0])
  const from = start < 0 ? Math.max(0, list.length + start) : Math.min(start, list.length)
  const count = args.length < 1 ? 0 : args.length < 2 ? list.length - from : Math.max(0, toInteger(args[1]))
  const removed = list.slice(from, from + count)
  replaceAll(list, [...list.slice(0, from), ...added, ...list.slice(from + count)])
  return own(removed)
}

function replaceAll (list: unknown[], elements: readonly unknown[]): void {
  list.length = 0
  for (const element of elements) list.push(element)
}

function fill (self: unknown[], args: readonly unknown[]): unknown[] {
  const list = changeable(self)
  allocateElements(list.length)
  return list.fill(args[0], toInteger(args[1]), args[2] === undefined ? undefined : toInteger(args[2]))
}

export const arrayMutationMethods: Methods<unknown[]> = {
  push,
  pop: (self) => isOwned(self) ? self.pop() : self.at(-1),
  shift: (self) => {
    if (!isOwned(self)) return self[0]
    allocateElements(0)
    return self.shift()
  },
  unshift,
  splice,
  fill,
  sort: (self, args) => sortInPlace(changeable(self), args),
  reverse: (self) => {
    allocateElements(self.length)
    return changeable(self).reverse()
  }
}

/** An expression that calls none of these cannot change a list, so that nothing needs to be kept track of. */
export const MUTATION_NAMES: ReadonlySet<string> = new Set(Object.keys(arrayMutationMethods))
