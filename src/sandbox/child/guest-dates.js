// @ts-check
// Runs inside QuickJS, around luxon: what it needs of Intl is answered from outside.

/**
 * Before luxon.
 * @param {{ intl: (kind: string, method: string, form: string, args: string) => string }} host
 */
export function prepareIntl ({ intl }) {
  const { parse, stringify } = JSON
  const { now } = Date
  /** @param {string} kind @param {string} method @param {string} form @param {unknown[]} args */
  const ask = (kind, method, form, args) => {
    const text = intl(kind, method, form, stringify(args))
    if (text[0] === '!') throw new RangeError(text.slice(1))
    return parse(text)
  }
  /** @param {string} kind @param {(values: any[]) => unknown[]} read */
  const format = (kind, read) => class {
    #form
    /** @param {unknown} [locale] @param {unknown} [options] */
    constructor (locale, options) {
      this.#form = stringify([locale ?? null, options ?? null])
      ask(kind, 'resolvedOptions', this.#form, [])
    }

    /** @param {any[]} values */
    format (...values) { return ask(kind, 'format', this.#form, read(values)) }
    /** @param {any[]} values */
    formatToParts (...values) { return ask(kind, 'formatToParts', this.#form, read(values)) }
    resolvedOptions () { return ask(kind, 'resolvedOptions', this.#form, []) }
  }
  const asTheyAre = (/** @type {unknown[]} */ values) => values
  Object.assign(globalThis, {
    Intl: {
      DateTimeFormat: format('DateTimeFormat', ([date]) => [Number(date ?? now())]),
      NumberFormat: format('NumberFormat', asTheyAre),
      RelativeTimeFormat: format('RelativeTimeFormat', asTheyAre),
      ListFormat: format('ListFormat', asTheyAre)
    }
  })
}

/**
 * After luxon: offsets are asked for at every step of it, and its own way to them goes over texts.
 * @param {{ zoneOffset: (zone: string, time: number) => number }} host
 */
export function quicken ({ zoneOffset }) {
  const { IANAZone } = /** @type {any} */(globalThis).luxon
  /** @this {{ zoneName: string, valid: boolean }} @param {number} time */
  IANAZone.prototype.offset = function (time) {
    return this.valid ? zoneOffset(this.zoneName, +time) : NaN
  }
}
