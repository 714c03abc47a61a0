import type { DateTime } from 'luxon'
import { luxon } from '../load.ts'
import { dateTimeAt, fromWallClock, LOCALE } from './zone.ts'

/** luxon's patterns backtrack on long digits; no date is longer than this, in characters. */
export const MAX_DATE_TEXT = 128

/**
 * `Date.parse`, where text without a zone means the given zone and not that of the process, so that every
 * worker reads the same time. NaN where it is no time.
 */
export function readTime (text: string, zone: string): number {
  const trimmed = text.trim()
  if (/^\d{4}-\d{2}(-\d{2})?$/.test(trimmed)) return Date.parse(trimmed)
  if (/(?:Z|[+-]\d{2}:?\d{2}|GMT|UTC|[ECMP][SD]T)(?:\s?\([^)]*\))?$/i.test(trimmed)) return Date.parse(trimmed)
  const isIso = /^\d{4}-\d{2}-\d{2}T/.test(trimmed)
  return fromWallClock(Date.parse(isIso ? `${trimmed}Z` : `${trimmed} UTC`), zone)
}

/** ISO 8601, RFC 2822, HTTP, SQL, or what `Date.parse` makes of it; null where it is no date. At most MAX_DATE_TEXT characters. */
export function readDateTime (text: string, zone: string): DateTime | null {
  const { DateTime } = luxon()
  const options = { zone, locale: LOCALE, setZone: false }
  for (const date of [DateTime.fromISO(text, options), DateTime.fromRFC2822(text, options), DateTime.fromHTTP(text, options), DateTime.fromSQL(text, options)]) {
    if (date.isValid) return date
  }
  const time = readTime(text, zone)
  return Number.isNaN(time) ? null : dateTimeAt(time, zone)
}

/**
 * The token that a format to read by has twice, or null: luxon makes a pattern of the format, and a row of repeated number
 * tokens would backtrack without end.
 */
export function repeatedToken (format: string): string | null {
  const seen = new Set<string>()
  for (const token of format.replace(/'[^']{0,128}'/g, ' ').match(/([a-zA-Z])\1*/g) ?? []) {
    if (seen.has(token[0]!)) return token[0]!
    seen.add(token[0]!)
  }
  return null
}
