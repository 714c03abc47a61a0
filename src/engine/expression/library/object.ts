import { allocateElements, own } from '../run.ts'
import { toKey, toText } from '../values/coerce.ts'
import { copyOwn, isOwnKey, setOwn } from '../values/own.ts'
import { isEmptyValue } from './array-extensions.ts'
import { stringify } from './json.ts'
import type { Methods } from './table.ts'

type Data = Readonly<Record<string, unknown>>

export function keysOf (value: Data): unknown[] {
  const keys = Object.keys(value)
  allocateElements(keys.length)
  return own(keys)
}

export function valuesOf (value: Data): unknown[] {
  const values = Object.values(value)
  allocateElements(values.length)
  return own(values)
}

export function entriesOf (value: Data): unknown[] {
  const entries = Object.entries(value)
  allocateElements(entries.length * 3)
  return own(entries.map(own))
}

export function mergeData (sources: readonly unknown[]): Record<string, unknown> {
  const merged = own({})
  for (const source of sources) copyOwn(merged, source)
  return merged
}

function keep (self: Data, test: (key: string, value: unknown) => boolean): Data {
  const keys = Object.keys(self)
  allocateElements(keys.length)
  const kept = own({})
  for (const key of keys) if (test(key, self[key])) setOwn(kept, key, self[key])
  return kept
}

function contains (value: unknown, wanted: unknown): boolean {
  return typeof value === 'string' ? value.includes(toText(wanted)) : value === wanted
}

function compact (self: Data): Data {
  return keep(self, (_, value) => !isEmptyValue(value) && value !== 'nil')
}

function urlEncode (self: Data): string {
  const params = new URLSearchParams()
  for (const key of Object.keys(self)) params.append(key, toText(self[key]))
  return params.toString()
}

export const objectMethods: Methods<Data> = {
  hasOwnProperty: (self: Data, args: readonly unknown[]) => isOwnKey(self, toKey(args[0])),
  propertyIsEnumerable: (self: Data, args: readonly unknown[]) => isOwnKey(self, toKey(args[0])),
  toString: () => '[object Object]',
  toLocaleString: () => '[object Object]',
  valueOf: (self: Data) => self,
  keys: keysOf,
  values: valuesOf,
  entries: entriesOf,
  isEmpty: (self) => Object.keys(self).length === 0,
  isNotEmpty: (self) => Object.keys(self).length > 0,
  hasField: (self, args) => isOwnKey(self, toKey(args[0])),
  removeField: (self, args) => {
    const name = toText(args[0])
    return keep(self, (key) => key !== name)
  },
  removeFieldsContaining: (self, args) => keep(self, (_, value) => !contains(value, args[0])),
  keepFieldsContaining: (self, args) => keep(self, (_, value) => contains(value, args[0])),
  compact,
  merge: (self, args) => mergeData([args[0], self]),
  toJsonString: (self) => stringify(self),
  urlEncode: (self) => urlEncode(self),
  length: (self) => Object.keys(self).length
}
