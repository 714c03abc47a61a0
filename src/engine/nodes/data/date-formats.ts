import type { DateTime } from 'luxon'
import { luxon } from '../../expression/load.ts'
import { MAX_DATE_TEXT, readDateTime, repeatedToken } from '../../expression/values/date-text.ts'
import { NodeError } from '../../node-error.ts'
import { numberOf } from '../scalars.ts'

export interface Reading {
  readonly zone: string
  readonly locale: string
  readonly format: unknown
  /** Of the parameter that the value is from. */
  readonly pointer: string
}

const MILLISECONDS: ReadonlyMap<unknown, number> = new Map([['unixSeconds', 1000], ['unixMilliseconds', 1]])

/** Throws NodeError (WC_DATE) where it is no date. */
export function readDate (value: unknown, { zone, locale, format, pointer }: Reading): DateTime {
  const found = typeof value === 'string' || typeof value === 'number' ? find(value, zone, locale, format) : null
  if (found !== null && found.isValid) return found.setZone(zone).setLocale(locale)
  const expected = format === undefined ? '' : ` of the format ${JSON.stringify(String(format).slice(0, 60))}`
  const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 60)
  throw new NodeError('WC_DATE', `This is no date${expected}: ${shown}`, { pointer })
}

function find (value: string | number, zone: string, locale: string, format: unknown): DateTime | null {
  const factor = MILLISECONDS.get(format) ?? (typeof value === 'number' ? 1 : undefined)
  if (factor !== undefined) return atTime((numberOf(value) ?? NaN) * factor, zone)
  const text = String(value).trim()
  if (text.length > MAX_DATE_TEXT) return null
  if (format === undefined || format === null) return isImpossibleDay(text) ? null : readDateTime(text, zone)
  return readFormat(text, String(format), zone, locale)
}

/** 30 February, which `Date.parse` takes for 2 March. */
function isImpossibleDay (text: string): boolean {
  const [day] = /^\d{4}-\d{2}-\d{2}/.exec(text) ?? []
  return day !== undefined && !luxon().DateTime.fromISO(day).isValid
}

function atTime (milliseconds: number, zone: string): DateTime | null {
  // luxon throws for a time that is not finite.
  return Math.abs(milliseconds) <= 8.64e15 ? luxon().DateTime.fromMillis(milliseconds, { zone }) : null
}

function readFormat (text: string, format: string, zone: string, locale: string): DateTime {
  const repeated = format.length > MAX_DATE_TEXT ? 'too much' : repeatedToken(format)
  if (repeated !== null) throw new NodeError('WC_DATE', `The input format repeats ${repeated}`, { pointer: '/inputFormat' })
  return luxon().DateTime.fromFormat(text, format, { zone, locale })
}

const MAX_FORMAT = 256

const WRITERS: ReadonlyMap<string, (date: DateTime) => unknown> = new Map<string, (date: DateTime) => unknown>([
  ['iso', date => date.toISO()],
  ['date', date => date.toISODate()],
  ['time', date => date.toISOTime({ includeOffset: false })],
  ['rfc2822', date => date.toRFC2822()],
  ['http', date => date.toHTTP()],
  ['unixSeconds', date => Math.floor(date.toMillis() / 1000)],
  ['unixMilliseconds', date => date.toMillis()]
])

export function writeDate (date: DateTime, format: string): unknown {
  if (format.length > MAX_FORMAT) throw new NodeError('WC_DATE', `A format has at most ${MAX_FORMAT} characters`, { pointer: '/outputFormat' })
  return WRITERS.get(format)?.(date) ?? date.toFormat(format)
}
