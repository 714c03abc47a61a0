import { run, spend, typeFailure } from '../run.ts'
import { toNumber } from '../values/coerce.ts'
import { KIND, kindOf } from '../values/kind.ts'
import { checkedZone, dateText, dateTimeAt, fromWallClock, toWallClock } from '../values/zone.ts'
import { DATE_STEPS, parseDate } from './date-parse.ts'
import { dateTimeMethods } from './date-time.ts'
import { formatDate } from './formatter.ts'
import type { Method, Methods } from './table.ts'

const PARTS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'] as const
const SETTABLE = ['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'] as const

/** `new Date(…)`; without arguments the scope's time. */
export function makeDate (args: readonly unknown[]): Date {
  if (args.length === 0) return new Date(run.scope.now())
  if (args.length > 1) return new Date(fromWallClock(utcFromParts(args)))
  const [value] = args
  return new Date(kindOf(value) === KIND.string ? parseDate(value as string) : value === undefined ? NaN : toNumber(value))
}

export function utcFromParts (args: readonly unknown[]): number {
  const [year, month = 0, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0] = args.map(toNumber)
  return Date.UTC(year ?? NaN, month, day, hour, minute, second, millisecond)
}

/** Local reading and setting is done in the scope's zone, through UTC on a shifted clock. */
function getters (): Methods<Date> {
  const methods: Record<string, Method<Date>> = {}
  for (const part of PARTS) {
    methods[`getUTC${part}`] = (self) => self[`getUTC${part}`]()
    methods[`get${part}`] = (self) => {
      spend(4)
      return new Date(toWallClock(self.getTime()))[`getUTC${part}`]()
    }
  }
  return methods
}

function setUtc (date: Date, part: typeof SETTABLE[number], args: readonly unknown[]): number {
  const numbers = args.slice(0, 4).map(toNumber)
  const set: (...values: number[]) => number = date[`setUTC${part}`]
  return set.apply(date, numbers.length === 0 ? [NaN] : numbers)
}

function setters (): Methods<Date> {
  const methods: Record<string, Method<Date>> = {}
  for (const part of SETTABLE) {
    methods[`setUTC${part}`] = (self, args) => setUtc(self, part, args)
    methods[`set${part}`] = (self, args) => {
      spend(DATE_STEPS)
      const shifted = new Date(toWallClock(self.getTime()))
      setUtc(shifted, part, args)
      return self.setTime(fromWallClock(shifted.getTime()))
    }
  }
  return methods
}

function isoText (self: Date): string {
  return Number.isNaN(self.getTime()) ? typeFailure('The date is not valid') : self.toISOString()
}

const writing: Methods<Date> = {
  getTime: (self) => self.getTime(),
  valueOf: (self: Date) => self.getTime(),
  setTime: (self, args) => self.setTime(toNumber(args[0])),
  getTimezoneOffset: (self) => -dateTimeAt(self.getTime()).offset,
  toISOString: isoText,
  toJSON: isoText,
  toString: dateText,
  toDateString: (self) => dateText(self).slice(0, 15),
  toTimeString: (self) => dateText(self).slice(16),
  toUTCString: (self) => self.toUTCString(),
  toGMTString: (self) => self.toUTCString(),
  toLocaleString: (self: Date, args: readonly unknown[]) => formatDate(self.getTime(), args[0], args[1], 'all'),
  toLocaleDateString: (self, args) => formatDate(self.getTime(), args[0], args[1], 'date'),
  toLocaleTimeString: (self, args) => formatDate(self.getTime(), args[0], args[1], 'time'),
  toDateTime: (self) => dateTimeAt(self.getTime()),
  isEmpty: () => false,
  isNotEmpty: () => true,
  toNumber: (self) => self.getTime(),
  toInt: (self) => self.getTime()
}

/** What luxon dates can do, dates can too: `new Date().plus(2, 'days')`. */
function viaDateTime (): Methods<Date> {
  const methods: Record<string, Method<Date>> = {}
  for (const [name, method] of Object.entries(dateTimeMethods)) {
    methods[name] = (self, args) => method(dateTimeAt(self.getTime(), checkedZone(undefined)), args)
  }
  return methods
}

export const dateMethods: Methods<Date> = { ...viaDateTime(), ...getters(), ...setters(), ...writing }
