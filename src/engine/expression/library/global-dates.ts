import type { DateTime, DateTimeOptions } from 'luxon'
import { luxon } from '../load.ts'
import { run, spend } from '../run.ts'
import { toNumber } from '../values/coerce.ts'
import { Builtin } from '../values/function.ts'
import { KIND, kindOf } from '../values/kind.ts'
import { dateText, dateTimeAt, LOCALE } from '../values/zone.ts'
import { checkedTime, dateArgument, dateOptions, DATE_STEPS, fromFormat, parseDate, toDateTime } from './date-parse.ts'
import { makeDate, utcFromParts } from './date.ts'
import { dateParts, durationParts, toDuration } from './date-time.ts'
import { Formatter } from './formatter.ts'

type Args = readonly unknown[]
type Reader = (text: string, options: DateTimeOptions) => DateTime

/** `fromISO` and its like: text and options. */
function reading (read: () => Reader): (args: Args) => DateTime {
  return (args) => read()(dateArgument(args[0]), dateOptions(args[1]))
}

function now (): DateTime {
  return dateTimeAt(run.scope.now())
}

const UNITS = ['year', 'month', 'day', 'hour', 'minute', 'second', 'millisecond'] as const

function fromParts (args: Args, zone: string): DateTime {
  spend(DATE_STEPS)
  const numbers = args.filter((part) => typeof part === 'number').slice(0, UNITS.length)
  if (numbers.length === 0) return now().setZone(zone)
  const parts = Object.fromEntries(numbers.map((value, index) => [UNITS[index], value]))
  return luxon().DateTime.fromObject(parts, { zone, locale: LOCALE })
}

function extreme (args: Args, sign: 1 | -1): DateTime | undefined {
  const dates = args.map((date) => toDateTime(date, undefined))
  return dates.reduce<DateTime | undefined>((best, date) => best === undefined || (date.toMillis() - best.toMillis()) * sign > 0 ? date : best, undefined)
}

const dateTime = new Builtin('DateTime', {
  methods: {
    now,
    local: (args) => fromParts(args, run.scope.timeZone),
    utc: (args) => fromParts(args, 'utc'),
    fromISO: reading(() => luxon().DateTime.fromISO),
    fromSQL: reading(() => luxon().DateTime.fromSQL),
    fromHTTP: reading(() => luxon().DateTime.fromHTTP),
    fromRFC2822: reading(() => luxon().DateTime.fromRFC2822),
    fromFormat: ([text, format, options]) => fromFormat(text, format, options),
    fromString: ([text, format, options]) => fromFormat(text, format, options),
    fromMillis: ([value, options]) => checkedTime(toNumber(value), dateOptions(options).zone),
    fromSeconds: ([value, options]) => checkedTime(toNumber(value) * 1000, dateOptions(options).zone),
    fromJSDate: ([value, options]) => checkedTime(toNumber(value), dateOptions(options).zone),
    fromObject: ([parts, options]) => luxon().DateTime.fromObject(dateParts(parts), dateOptions(options)),
    isDateTime: ([value]) => kindOf(value) === KIND.dateTime,
    max: (args) => extreme(args, 1),
    min: (args) => extreme(args, -1)
  },
  values: { DATE_SHORT: 'D', DATE_MED: 'DD', DATE_FULL: 'DDD', DATE_HUGE: 'DDDD' },
  test: (value) => kindOf(value) === KIND.dateTime
})

const duration = new Builtin('Duration', {
  methods: {
    fromObject: ([parts]) => luxon().Duration.fromObject(durationParts(parts)),
    fromMillis: ([value]) => luxon().Duration.fromMillis(toNumber(value)),
    fromISO: ([text]) => luxon().Duration.fromISO(dateArgument(text)),
    isDuration: ([value]) => kindOf(value) === KIND.duration
  },
  test: (value) => kindOf(value) === KIND.duration
})

const interval = new Builtin('Interval', {
  methods: {
    fromDateTimes: ([start, end]) => luxon().Interval.fromDateTimes(toDateTime(start, undefined), toDateTime(end, undefined)),
    after: ([start, length]) => luxon().Interval.after(toDateTime(start, undefined), toDuration(length)),
    before: ([end, length]) => luxon().Interval.before(toDateTime(end, undefined), toDuration(length)),
    fromISO: ([text, options]) => luxon().Interval.fromISO(dateArgument(text), dateOptions(options))
  },
  test: (value) => kindOf(value) === KIND.interval
})

const date = new Builtin('Date', {
  invoke: () => dateText(makeDate([])),
  construct: makeDate,
  methods: {
    now: () => run.scope.now(),
    parse: ([text]) => parseDate(dateArgument(text)),
    UTC: utcFromParts
  },
  test: (value) => kindOf(value) === KIND.date
})

function formatter (of: 'number' | 'date'): Builtin {
  const make = ([locale, options]: Args): Formatter => new Formatter(of, locale, options)
  return new Builtin(of === 'number' ? 'NumberFormat' : 'DateTimeFormat', { invoke: make, construct: make })
}

const numberFormat = formatter('number')
const dateTimeFormat = formatter('date')

export const DATE_GLOBALS: Readonly<Record<string, unknown>> = {
  Date: date,
  DateTime: dateTime,
  Duration: duration,
  Interval: interval,
  luxon: new Builtin('luxon', { values: { DateTime: dateTime, Duration: duration, Interval: interval } }),
  Intl: new Builtin('Intl', {
    values: { NumberFormat: numberFormat, DateTimeFormat: dateTimeFormat }
  })
}

/** `$now` */
export { now as currentTime }
