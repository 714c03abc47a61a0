import type { DateTime, DateTimeUnit, Duration, DurationLikeObject, DurationUnit } from 'luxon'
import { luxon } from '../load.ts'
import { allocateText, own, run, spend, typeFailure } from '../run.ts'
import { toNumber, toText } from '../values/coerce.ts'
import { KIND, kindOf } from '../values/kind.ts'
import { checkedLocale, checkedZone, dateTimeAt } from '../values/zone.ts'
import { DATE_STEPS, dateArgument, toDateTime } from './date-parse.ts'
import { formatDate, plainOptions } from './formatter.ts'
import { stringify } from './json.ts'
import type { Accessors, Methods } from './table.ts'

type Args = readonly unknown[]

const UNITS = new Set(['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond'])
const SHORT_UNITS = new Map([['y', 'year'], ['M', 'month'], ['w', 'week'], ['d', 'day'], ['h', 'hour'], ['m', 'minute'], ['s', 'second'], ['ms', 'millisecond']])

export function toUnit (value: unknown): DurationUnit & DateTimeUnit {
  const text = toText(value)
  const unit = SHORT_UNITS.get(text) ?? text.toLowerCase().replace(/s$/, '')
  return UNITS.has(unit) ? unit as DurationUnit & DateTimeUnit : typeFailure(`There is no unit of time ${JSON.stringify(text.slice(0, 40))}`)
}

function toUnits (value: unknown): (DurationUnit & DateTimeUnit)[] {
  if (value === undefined) return ['millisecond']
  return Array.isArray(value) ? value.slice(0, 16).map(toUnit) : [toUnit(value)]
}

/** `{ days: 2 }`, `(2, 'days')`, a number of milliseconds, or a duration. */
export function toDuration (value: unknown, unit?: unknown): Duration {
  spend(DATE_STEPS)
  const { Duration } = luxon()
  if (unit !== undefined) return Duration.fromObject({ [toUnit(unit)]: toNumber(value) })
  switch (kindOf(value)) {
    case KIND.duration: return value as Duration
    case KIND.object: return Duration.fromObject(durationParts(value))
    case KIND.string: return Duration.fromISO(dateArgument(value))
    default: return Duration.fromMillis(toNumber(value))
  }
}

export function durationParts (value: unknown): DurationLikeObject {
  const parts: Record<string, number> = {}
  for (const [name, amount] of Object.entries(plainOptions(value))) {
    if (name !== 'locale' && name !== 'numberingSystem') parts[toUnit(name)] = Number(amount)
  }
  return parts
}

const SETTABLE = new Set(['year', 'month', 'day', 'hour', 'minute', 'second', 'millisecond', 'weekday', 'ordinal', 'weekYear', 'weekNumber', 'quarter'])

export function dateParts (value: unknown): Record<string, number> {
  const parts: Record<string, number> = {}
  for (const [name, amount] of Object.entries(plainOptions(value))) {
    const unit = SETTABLE.has(name) ? name : name.replace(/s$/, '')
    if (SETTABLE.has(unit)) parts[unit] = Number(amount)
  }
  return parts
}

function format (self: DateTime, args: Args): string {
  const pattern = args[0] === undefined ? 'yyyy-MM-dd' : toText(args[0])
  if (pattern.length > 256) typeFailure('A date format must be shorter than 256 characters')
  spend(DATE_STEPS)
  allocateText(pattern.length * 16)
  return self.toFormat(pattern)
}

function isBetween (self: DateTime, args: Args): boolean {
  const bounds = [toDateTime(args[0], undefined).toMillis(), toDateTime(args[1], undefined).toMillis()]
  return self.toMillis() > Math.min(...bounds) && self.toMillis() < Math.max(...bounds)
}

/** In one unit a number, in several a duration's parts; `diff` itself always answers a duration. */
function difference (self: DateTime, other: DateTime, units: unknown): unknown {
  const names = units === undefined ? ['day' as const] : toUnits(units)
  const duration = self.diff(other, names)
  return names.length === 1 ? duration.as(names[0]!) : own({ ...duration.toObject() })
}

const PARTS = ['year', 'month', 'day', 'hour', 'minute', 'second', 'millisecond', 'weekday', 'weekNumber', 'weekYear', 'quarter', 'ordinal', 'daysInMonth', 'daysInYear', 'offset', 'zoneName', 'isValid', 'isInDST', 'isInLeapYear', 'invalidReason', 'monthLong', 'monthShort', 'weekdayLong', 'weekdayShort', 'offsetNameLong', 'offsetNameShort', 'locale', 'weeksInWeekYear'] as const

function part (self: DateTime, name: unknown): unknown {
  const unit = name === undefined ? 'week' : toText(name)
  if (unit === 'week') return self.weekNumber
  const known = PARTS.find((candidate) => candidate === unit || `${candidate}s` === unit)
  return known === undefined ? typeFailure(`A date has no part ${JSON.stringify(unit.slice(0, 40))}`) : self[known]
}

function relativeOptions (value: unknown): Record<string, unknown> {
  const { style, unit, round } = plainOptions(value)
  return {
    base: dateTimeAt(run.scope.now()),
    ...(style === undefined ? {} : { style }),
    ...(unit === undefined ? {} : { unit: toUnit(unit) }),
    ...(round === undefined ? {} : { round })
  }
}

const writing: Methods<DateTime> = {
  toISO: (self, args) => self.toISO(plainOptions(args[0])),
  toISODate: (self) => self.toISODate(),
  toISOTime: (self, args) => self.toISOTime(plainOptions(args[0])),
  toISOWeekDate: (self) => self.toISOWeekDate(),
  toISOString: (self) => self.toUTC().toISO(),
  toString: (self: DateTime) => String(self),
  toJSON: (self) => self.toJSON(),
  toFormat: format,
  format,
  toMillis: (self) => self.toMillis(),
  toSeconds: (self) => self.toSeconds(),
  toUnixInteger: (self) => self.toUnixInteger(),
  valueOf: (self: DateTime) => self.valueOf(),
  getTime: (self) => self.toMillis(),
  toNumber: (self) => self.toMillis(),
  toInt: (self) => self.toMillis(),
  toJSDate: (self) => self.toJSDate(),
  toBSON: (self) => self.toJSDate(),
  toObject: (self) => own({ ...self.toObject() }),
  toSQL: (self, args) => self.toSQL(plainOptions(args[0])),
  toSQLDate: (self) => self.toSQLDate(),
  toSQLTime: (self, args) => self.toSQLTime(plainOptions(args[0])),
  toHTTP: (self) => self.toHTTP(),
  toRFC2822: (self) => self.toRFC2822(),
  toRelative: (self, args) => {
    spend(DATE_STEPS)
    return self.toRelative(relativeOptions(args[0]))
  },
  toRelativeCalendar: (self, args) => {
    spend(DATE_STEPS)
    return self.toRelativeCalendar(relativeOptions(args[0]))
  },
  toLocaleString: (self: DateTime, args: readonly unknown[]) => localeText(self, args, 'date'),
  toLocaleDateString: (self, args) => localeText(self, args, 'date'),
  toLocaleTimeString: (self, args) => localeText(self, args, 'time'),
  toJsonString: (self) => stringify(self)
}

/** Takes `(options)` as luxon does, and `(locale, options)` as dates do. */
function localeText (self: DateTime, args: Args, show: 'date' | 'time'): string {
  const isLocale = kindOf(args[0]) === KIND.string
  const options = { timeZone: self.zoneName, ...plainOptions(isLocale ? args[1] : args[0]) }
  return formatDate(self.toMillis(), isLocale ? args[0] : self.locale, options, show)
}

const changing: Methods<DateTime> = {
  setZone: (self, args) => self.setZone(checkedZone(args[0]), { keepLocalTime: plainOptions(args[1]).keepLocalTime === true }),
  setLocale: (self, args) => self.setLocale(checkedLocale(args[0])),
  reconfigure: (self, args) => self.setLocale(checkedLocale(plainOptions(args[0]).locale)),
  toUTC: (self) => self.toUTC(),
  toLocal: (self) => self.setZone(run.scope.timeZone),
  toDateTime: (self) => self,
  plus: (self, args) => self.plus(toDuration(args[0], args[1])),
  minus: (self, args) => self.minus(toDuration(args[0], args[1])),
  set: (self, args) => self.set(dateParts(args[0])),
  startOf: (self, args) => self.startOf(toUnit(args[0])),
  endOf: (self, args) => self.endOf(toUnit(args[0])),
  beginningOf: (self, args) => self.startOf(args[0] === undefined ? 'week' : toUnit(args[0])),
  endOfMonth: (self) => self.endOf('month')
}

const comparing: Methods<DateTime> = {
  diff: (self, args) => self.diff(toDateTime(args[0], undefined), toUnits(args[1])),
  diffNow: (self, args) => self.diff(dateTimeAt(run.scope.now()), toUnits(args[0])),
  diffTo: (self, args) => difference(toDateTime(args[0], undefined), self, args[1]),
  diffToNow: (self, args) => difference(dateTimeAt(run.scope.now()), self, args[0]),
  until: (self, args) => self.until(toDateTime(args[0], undefined)),
  hasSame: (self, args) => self.hasSame(toDateTime(args[0], undefined), toUnit(args[1])),
  equals: (self, args) => kindOf(args[0]) === KIND.dateTime && self.equals(args[0] as DateTime),
  isBetween,
  inBetween: isBetween,
  isBefore: (self, args) => self.toMillis() < toDateTime(args[0], undefined).toMillis(),
  isAfter: (self, args) => self.toMillis() > toDateTime(args[0], undefined).toMillis(),
  isWeekend: (self) => self.weekday > 5,
  isDst: (self) => self.isInDST,
  isInLast: (self, args) => {
    const now = dateTimeAt(run.scope.now())
    return self <= now && self > now.minus(toDuration(args[0] ?? 0, args[1] ?? 'minutes'))
  },
  isEmpty: () => false,
  isNotEmpty: () => true,
  extract: (self, args) => part(self, args[0]),
  get: (self, args) => part(self, args[0])
}

export const dateTimeMethods: Methods<DateTime> = { ...writing, ...changing, ...comparing }

export const dateTimeAccessors: Accessors<DateTime> = {
  ...Object.fromEntries(PARTS.map((name) => [name, (self: DateTime) => self[name]])),
  ts: (self) => self.toMillis()
}
