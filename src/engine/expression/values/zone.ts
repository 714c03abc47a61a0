import type { DateTime } from 'luxon'
import { luxon } from '../load.ts'
import { knownLocale, LOCALE } from '../../locale.ts'
import { run, typeFailure } from '../run.ts'

export { LOCALE } from '../../locale.ts'

const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+\-/:]{0,63}$/
const FIXED_OFFSET = /^utc([+-]\d{1,2}(:\d{2})?)?$/i
const MAX_REMEMBERED = 1_000
const knownZones = new Map<string, boolean>()

/**
 * A zone that luxon may be given. luxon remembers every name it is asked for, for ever; only names that exist
 * reach it, so that no expression can fill its memory with invented ones.
 */
export function checkedZone (name: unknown): string {
  if (name === undefined || name === null || name === 'local' || name === 'default' || name === 'system') return run.scope.timeZone
  if (typeof name === 'string' && isZone(name)) return name
  return typeFailure(`There is no time zone ${JSON.stringify(String(name).slice(0, 64))}`)
}

/** Whether there is a time zone of this name; the only ones that luxon is asked for. */
export function isZone (name: string): boolean {
  if (FIXED_OFFSET.test(name)) return true
  if (!ZONE_NAME.test(name)) return false
  let known = knownZones.get(name)
  if (known === undefined) {
    known = luxon().IANAZone.isValidZone(name)
    if (knownZones.size >= MAX_REMEMBERED) knownZones.clear()
    knownZones.set(name, known)
  }
  return known
}

/** See `knownLocale`; lists of locales give their first. */
export function checkedLocale (locale: unknown): string {
  if (Array.isArray(locale)) return checkedLocale(locale[0])
  if (typeof locale !== 'string' || locale.length > 40) return LOCALE
  return knownLocale(locale) ?? typeFailure(`There is no locale ${JSON.stringify(locale)}`)
}

export function dateTimeAt (milliseconds: number, zone: string = run.scope.timeZone): DateTime {
  return luxon().DateTime.fromMillis(milliseconds, { zone, locale: LOCALE })
}

/** The wall clock of the scope's zone, as if it were UTC: local getters and setters work on that. */
export function toWallClock (milliseconds: number): number {
  if (Number.isNaN(milliseconds)) return milliseconds
  return milliseconds + dateTimeAt(milliseconds).offset * 60_000
}

export function fromWallClock (milliseconds: number, zone: string = run.scope.timeZone): number {
  if (Number.isNaN(milliseconds)) return milliseconds
  return dateTimeAt(milliseconds, 'utc').setZone(zone, { keepLocalTime: true }).toMillis()
}

/** What `String(date)` gives, in the scope's zone. */
export function dateText (date: Date): string {
  const time = date.getTime()
  if (Number.isNaN(time)) return 'Invalid Date'
  return dateTimeAt(time).toFormat("EEE MMM dd yyyy HH:mm:ss 'GMT'ZZZ")
}
