import { run, spend, typeFailure } from '../run.ts'
import { toNumber } from '../values/coerce.ts'
import { GuestValue, isPlainObject, KIND, kindOf } from '../values/kind.ts'
import { checkedLocale, checkedZone } from '../values/zone.ts'
import type { Methods } from './table.ts'

/** Making an Intl formatter takes some 50 microseconds. */
const FORMATTER_STEPS = 64

/** Only words, numbers and switches reach Intl: nothing that it could call. */
export function plainOptions (value: unknown): Record<string, string | number | boolean> {
  const options: Record<string, string | number | boolean> = {}
  if (!isPlainObject(value)) return options
  for (const key of Object.keys(value).slice(0, 32)) {
    const option = value[key]
    if (typeof option === 'number' || typeof option === 'boolean' || (typeof option === 'string' && option.length <= 64)) {
      Object.defineProperty(options, key, { value: option, enumerable: true })
    }
  }
  return options
}

function withFormatter<T> (make: () => T): T {
  spend(FORMATTER_STEPS)
  try {
    return make()
  } catch (error) {
    return typeFailure(`Cannot format: ${(error as Error).message.slice(0, 200)}`)
  }
}

export function formatNumber (value: number, locale: unknown, options: unknown): string {
  return withFormatter(() => new Intl.NumberFormat(checkedLocale(locale), plainOptions(options)).format(value))
}

const DATE_PARTS: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'numeric', day: 'numeric' }
const TIME_PARTS: Intl.DateTimeFormatOptions = { hour: 'numeric', minute: 'numeric', second: 'numeric' }
const PART_NAMES = ['weekday', 'era', 'year', 'month', 'day', 'dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits', 'dateStyle', 'timeStyle']

/** `toLocaleString` and its two relatives differ in what they show where the options name nothing. */
export function formatDate (time: number, locale: unknown, options: unknown, show: 'all' | 'date' | 'time'): string {
  if (Number.isNaN(time)) return 'Invalid Date'
  const given = plainOptions(options)
  const timeZone = given.timeZone === undefined ? run.scope.timeZone : checkedZone(given.timeZone)
  const usual: Intl.DateTimeFormatOptions = PART_NAMES.some((name) => name in given)
    ? {}
    : { ...(show === 'time' ? {} : DATE_PARTS), ...(show === 'date' ? {} : TIME_PARTS) }
  return withFormatter(() => new Intl.DateTimeFormat(checkedLocale(locale), { ...usual, ...given, timeZone }).format(time))
}

/** `new Intl.NumberFormat(…)` and `new Intl.DateTimeFormat(…)`. */
export class Formatter extends GuestValue {
  readonly kind = KIND.formatter
  readonly of: 'number' | 'date'
  readonly locale: unknown
  readonly options: unknown

  constructor (of: 'number' | 'date', locale: unknown, options: unknown) {
    super()
    this.of = of
    this.locale = locale
    this.options = options
  }
}

export const formatterMethods: Methods<Formatter> = {
  format: (self, args) => {
    if (self.of === 'number') return formatNumber(toNumber(args[0]), self.locale, self.options)
    const time = args[0] === undefined ? run.scope.now() : kindOf(args[0]) === KIND.string ? NaN : toNumber(args[0])
    return formatDate(time, self.locale, self.options, 'date')
  }
}
