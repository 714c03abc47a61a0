import { luxonIfLoaded } from '../load.ts'

/** What a value is to an expression: which methods and properties its type has. */
export const KIND = {
  undefined: 0,
  null: 1,
  string: 2,
  number: 3,
  boolean: 4,
  array: 5,
  object: 6,
  function: 7,
  date: 8,
  dateTime: 9,
  duration: 10,
  interval: 11,
  set: 12,
  map: 13,
  regex: 14,
  url: 15,
  searchParams: 16,
  input: 17,
  node: 18,
  nodeLookup: 19,
  itemAt: 20,
  formatter: 21,
  skipped: 22,
  opaque: 23
} as const

export type Kind = typeof KIND[keyof typeof KIND]

/** Values of our own making. Their fields are private to the evaluator: reads go through the tables of their kind. */
export abstract class GuestValue {
  abstract readonly kind: Kind
}

/** What `a?.b` leaves when `a` is absent, up to the end of the chain; no expression ever sees it. */
class Skipped extends GuestValue {
  readonly kind = KIND.skipped
}

export const SKIPPED = new Skipped()

const objectPrototype = Object.prototype

export function isPlainObject (value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === objectPrototype || prototype === null
}

export function kindOf (value: unknown): Kind {
  switch (typeof value) {
    case 'string': return KIND.string
    case 'number': return KIND.number
    case 'boolean': return KIND.boolean
    case 'undefined': return KIND.undefined
    case 'object': return value === null ? KIND.null : kindOfObject(value)
    default: return KIND.opaque
  }
}

function kindOfObject (value: object): Kind {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === objectPrototype || prototype === null) return KIND.object
  if (Array.isArray(value)) return KIND.array
  if (value instanceof GuestValue) return value.kind
  if (value instanceof Date) return KIND.date
  if (value instanceof Set) return KIND.set
  if (value instanceof Map) return KIND.map
  if (value instanceof URL) return KIND.url
  if (value instanceof URLSearchParams) return KIND.searchParams
  const dates = luxonIfLoaded()
  if (dates === null) return KIND.opaque
  if (value instanceof dates.DateTime) return KIND.dateTime
  if (value instanceof dates.Duration) return KIND.duration
  return value instanceof dates.Interval ? KIND.interval : KIND.opaque
}

const NAMES: Record<number, string> = Object.fromEntries(Object.entries(KIND).map(([name, kind]) => [kind, name]))

/** For messages. */
export function kindName (value: unknown): string {
  return NAMES[kindOf(value)] ?? 'value'
}
