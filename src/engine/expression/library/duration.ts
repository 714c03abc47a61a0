import type { Duration, Interval } from 'luxon'
import { MAX_ELEMENTS } from '../limits.ts'
import { allocateElements, allocateText, own, typeFailure } from '../run.ts'
import { toNumber, toText } from '../values/coerce.ts'
import { KIND, kindOf } from '../values/kind.ts'
import { toDateTime } from './date-parse.ts'
import { dateParts, toDuration, toUnit } from './date-time.ts'
import { plainOptions } from './formatter.ts'
import type { Accessors, Methods } from './table.ts'

type Args = readonly unknown[]

function format (self: Duration, args: Args): string {
  const pattern = toText(args[0])
  if (pattern.length > 256) typeFailure('A format must be shorter than 256 characters')
  allocateText(pattern.length * 16)
  return self.toFormat(pattern)
}

export const durationMethods: Methods<Duration> = {
  as: (self, args) => self.as(toUnit(args[0])),
  get: (self, args) => self.get(toUnit(args[0])),
  shiftTo: (self, args) => self.shiftTo(...args.slice(0, 16).map(toUnit)),
  normalize: (self) => self.normalize(),
  rescale: (self) => self.rescale(),
  negate: (self) => self.negate(),
  plus: (self, args) => self.plus(toDuration(args[0], args[1])),
  minus: (self, args) => self.minus(toDuration(args[0], args[1])),
  set: (self, args) => self.set(dateParts(args[0])),
  equals: (self, args) => kindOf(args[0]) === KIND.duration && self.equals(args[0] as Duration),
  toISO: (self) => self.toISO(),
  toISOTime: (self) => self.toISOTime(),
  toFormat: format,
  format,
  toHuman: (self, args) => self.toHuman(plainOptions(args[0])),
  toMillis: (self) => self.toMillis(),
  valueOf: (self: Duration) => self.valueOf(),
  toObject: (self) => own({ ...self.toObject() }),
  toString: (self: Duration) => String(self),
  toJSON: (self) => self.toJSON()
}

const DURATION_PARTS = ['years', 'quarters', 'months', 'weeks', 'days', 'hours', 'minutes', 'seconds', 'milliseconds', 'isValid'] as const

export const durationAccessors: Accessors<Duration> =
  Object.fromEntries(DURATION_PARTS.map((name) => [name, (self: Duration) => self[name]]))

function split (self: Interval, duration: Duration): unknown[] {
  const step = duration.toMillis()
  const count = Math.ceil(self.length() / step)
  allocateElements((step > 0 ? count : MAX_ELEMENTS + 1) * 64)
  return own(self.splitBy(duration))
}

export const intervalMethods: Methods<Interval> = {
  length: (self, args) => self.length(args[0] === undefined ? 'milliseconds' : toUnit(args[0])),
  count: (self, args) => self.count(args[0] === undefined ? 'milliseconds' : toUnit(args[0])),
  contains: (self, args) => self.contains(toDateTime(args[0], undefined)),
  overlaps: (self, args) => kindOf(args[0]) === KIND.interval && self.overlaps(args[0] as Interval),
  equals: (self, args) => kindOf(args[0]) === KIND.interval && self.equals(args[0] as Interval),
  isEmpty: (self) => self.isEmpty(),
  isAfter: (self, args) => self.isAfter(toDateTime(args[0], undefined)),
  isBefore: (self, args) => self.isBefore(toDateTime(args[0], undefined)),
  hasSame: (self, args) => self.hasSame(toUnit(args[0])),
  splitBy: (self, args) => split(self, toDuration(args[0])),
  divideEqually: (self, args) => {
    const parts = toNumber(args[0])
    allocateElements(parts * 64)
    return own(self.divideEqually(parts))
  },
  toDuration: (self, args) => self.toDuration(args[0] === undefined ? 'milliseconds' : toUnit(args[0])),
  toISO: (self) => self.toISO(),
  toISODate: (self) => self.toISODate(),
  toString: (self: Interval) => String(self)
}

export const intervalAccessors: Accessors<Interval> = {
  start: (self) => self.start,
  end: (self) => self.end,
  isValid: (self) => self.isValid
}
