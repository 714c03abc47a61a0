// @ts-check
// The world's calendar for the code in the sandbox: QuickJS has no Intl, so what luxon needs of it is asked here.

/** Characters of one question: more is no locale and no format. */
const LONGEST = 2000
/** Formats that are kept: to make one costs more than to use it. */
const KEPT = 200
const MINUTE = 60_000

/** @type {Record<string, (locale: any, options: any) => any>} */
const KINDS = {
  DateTimeFormat: (locale, options) => new Intl.DateTimeFormat(locale, options),
  NumberFormat: (locale, options) => new Intl.NumberFormat(locale, options),
  RelativeTimeFormat: (locale, options) => new Intl.RelativeTimeFormat(locale, options),
  ListFormat: (locale, options) => new /** @type {any} */(Intl).ListFormat(locale, options)
}
const METHODS = ['format', 'formatToParts', 'resolvedOptions']
/** @type {Map<string, any>} */
const formats = new Map()

/** @param {string} key @param {() => any} make */
function kept (key, make) {
  let format = formats.get(key)
  if (format === undefined) {
    if (formats.size === KEPT) formats.clear()
    formats.set(key, format = make())
  }
  return format
}

/**
 * What a format of Intl answers.
 * @param {string} kind @param {string} method @param {string} form JSON of locale and options @param {string} args JSON
 * @returns {string} JSON, or `!` and why there is no answer
 */
export function askIntl (kind, method, form, args) {
  try {
    if (form.length + args.length > LONGEST || !Object.hasOwn(KINDS, kind) || !METHODS.includes(method)) throw new RangeError('There is no such format here')
    const format = kept(kind + form, () => {
      const [locale, options] = JSON.parse(form)
      return KINDS[kind]?.(locale ?? 'en-US', options ?? undefined)
    })
    return JSON.stringify(format[method](...JSON.parse(args)))
  } catch (error) {
    return `!${error instanceof Error ? error.message.slice(0, 200) : ''}`
  }
}

/** Minutes that a zone is ahead of UTC at a time; NaN where there is none. @param {string} zone @param {number} time milliseconds since the epoch */
export function zoneOffset (zone, time) {
  try {
    const format = kept(`offset ${zone.slice(0, LONGEST)}`, () => new Intl.DateTimeFormat('en-US', { hourCycle: 'h23', timeZone: zone, era: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }))
    /** @type {Record<string, string>} */
    const parts = {}
    for (const { type, value } of format.formatToParts(time)) parts[type] = value
    const { era, year, month, day, hour, minute, second } = parts
    const wall = new Date(0)
    // Not Date.UTC, for which the year 99 is 1999.
    wall.setUTCFullYear(era === 'BC' ? 1 - Number(year) : Number(year), Number(month) - 1, Number(day))
    wall.setUTCHours(Number(hour), Number(minute), Number(second))
    return (wall.getTime() - Math.floor(time / 1000) * 1000) / MINUTE
  } catch {
    return NaN
  }
}
