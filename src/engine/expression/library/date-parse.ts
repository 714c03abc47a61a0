import type { DateTime } from 'luxon'
import { luxon } from '../load.ts'
import { run, spend, typeFailure } from '../run.ts'
import { toNumber, toText } from '../values/coerce.ts'
import { KIND, kindOf } from '../values/kind.ts'
import { MAX_DATE_TEXT, readDateTime, readTime, repeatedToken } from '../values/date-text.ts'
import { checkedLocale, checkedZone, dateTimeAt, LOCALE } from '../values/zone.ts'
import { plainOptions } from './formatter.ts'

/** Reading or writing a date takes some 5 to 50 microseconds. */
export const DATE_STEPS = 32

export interface DateOptions { zone: string, locale: string, setZone?: boolean }

export function dateOptions (value: unknown): DateOptions {
  const given = plainOptions(value)
  const options: DateOptions = { zone: checkedZone(given.zone), locale: given.locale === undefined ? LOCALE : checkedLocale(given.locale) }
  if (typeof given.setZone === 'boolean') options.setZone = given.setZone
  return options
}

export function dateArgument (value: unknown): string {
  spend(DATE_STEPS)
  const text = toText(value)
  return text.length <= MAX_DATE_TEXT ? text : typeFailure('A date must be shorter than 128 characters')
}

/** `Date.parse` in the scope's zone. */
export function parseDate (text: string): number {
  return readTime(dateArgument(text), run.scope.timeZone)
}

const UNIT_FORMATS = new Map([['ms', 1], ['s', 1000], ['us', 0.001]])

export function dateTimeFromNumber (value: number, unit: unknown): DateTime {
  spend(DATE_STEPS)
  if (unit === 'excel') return dateTimeAt(Math.round((value - 25569) * 86_400_000))
  const factor = unit === undefined ? 1 : UNIT_FORMATS.get(toText(unit))
  if (factor === undefined) return typeFailure('The unit of a time must be ms, s, us or excel')
  return checkedTime(value * factor)
}

/** luxon throws for a time that is not finite; an invalid date says the same more gently. */
export function checkedTime (milliseconds: number, zone?: string): DateTime {
  if (!(Math.abs(milliseconds) <= 8.64e15)) return luxon().DateTime.invalid('unparsable')
  return dateTimeAt(milliseconds, zone)
}

/** The luxon date for what an expression takes to be one. */
export function toDateTime (value: unknown, format: unknown): DateTime {
  switch (kindOf(value)) {
    case KIND.dateTime: return value as DateTime
    case KIND.date:
    case KIND.number: return checkedTime(toNumber(value))
    case KIND.string: return format === undefined ? dateTimeFromText(value as string) : fromFormat(value, format, undefined)
    default: return typeFailure('A date is needed here')
  }
}

function dateTimeFromText (value: string): DateTime {
  const text = dateArgument(value).trim()
  return readDateTime(text, run.scope.timeZone) ?? typeFailure(`Not a date: ${JSON.stringify(text)}`)
}

export function fromFormat (value: unknown, format: unknown, options: unknown): DateTime {
  const pattern = dateArgument(format)
  const repeated = repeatedToken(pattern)
  if (repeated !== null) typeFailure(`The date format repeats ${JSON.stringify(repeated)}`)
  spend(DATE_STEPS * 4)
  return luxon().DateTime.fromFormat(dateArgument(value), pattern, dateOptions(options))
}
