import { allocateElements, own, typeFailure } from '../run.ts'
import { MAX_ELEMENTS } from '../limits.ts'
import { call3, toCallable } from '../values/function.ts'
import { characters } from './string.ts'
import { KIND, kindName, kindOf } from '../values/kind.ts'
import type { Accessors, Methods } from './table.ts'

type SetValue = Set<unknown>
type MapValue = Map<unknown, unknown>

/** The elements of what can be spread or looped over. */
export function toElements (value: unknown): readonly unknown[] {
  switch (kindOf(value)) {
    case KIND.array: return value as unknown[]
    case KIND.string: return characters(value as string)
    case KIND.set: return listOf(value as SetValue, 1)
    case KIND.map: return pairsOf(value as MapValue)
    default: return typeFailure(`Cannot go through ${kindName(value)}`)
  }
}

function listOf (values: Iterable<unknown> & { readonly size?: number }, width: number): unknown[] {
  allocateElements((values.size ?? 0) * width)
  return own([...values])
}

function pairsOf (map: MapValue): unknown[] {
  allocateElements(map.size * 3)
  return own([...map].map(own))
}

function grow (collection: { readonly size: number }): void {
  allocateElements(4)
  if (collection.size >= MAX_ELEMENTS) allocateElements(MAX_ELEMENTS + 1)
}

export function makeSet (value: unknown): SetValue {
  if (value === undefined || value === null) return new Set()
  const elements = toElements(value)
  allocateElements(elements.length * 4)
  return new Set(elements)
}

export function makeMap (value: unknown): MapValue {
  const map = new Map<unknown, unknown>()
  if (value === undefined || value === null) return map
  const elements = toElements(value)
  allocateElements(elements.length * 4)
  for (const element of elements) {
    if (!Array.isArray(element)) return typeFailure('A Map is made of pairs')
    map.set(element[0], element[1])
  }
  return map
}

export const setMethods: Methods<SetValue> = {
  has: (self, args) => self.has(args[0]),
  add: (self, args) => {
    grow(self)
    return self.add(args[0])
  },
  delete: (self, args) => self.delete(args[0]),
  clear: (self) => self.clear(),
  values: (self) => listOf(self, 1),
  keys: (self) => listOf(self, 1),
  entries: (self) => own(listOf(self, 3).map((value) => own([value, value]))),
  forEach: (self, args) => {
    const callback = toCallable(args[0])
    for (const value of listOf(self, 1)) call3(callback, value, value, self)
  }
}

export const mapMethods: Methods<MapValue> = {
  has: (self, args) => self.has(args[0]),
  get: (self, args) => self.get(args[0]),
  set: (self, args) => {
    grow(self)
    return self.set(args[0], args[1])
  },
  delete: (self, args) => self.delete(args[0]),
  clear: (self) => self.clear(),
  keys: (self) => {
    allocateElements(self.size)
    return own([...self.keys()])
  },
  values: (self) => {
    allocateElements(self.size)
    return own([...self.values()])
  },
  entries: pairsOf,
  forEach: (self, args) => {
    const callback = toCallable(args[0])
    allocateElements(self.size)
    for (const [key, value] of [...self]) call3(callback, value, key, self)
  }
}

export const setAccessors: Accessors<SetValue> = { size: (self) => self.size }
export const mapAccessors: Accessors<MapValue> = { size: (self) => self.size }
