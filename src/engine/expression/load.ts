import { createRequire } from 'node:module'

/**
 * luxon and re2js take some 15 and 20 ms to load, and most processes start without an expression that needs
 * them. Evaluation is synchronous, so a dynamic import will not do.
 */
const require = createRequire(import.meta.url)

type Luxon = typeof import('luxon')
type Re2 = typeof import('re2js')

let loadedLuxon: Luxon | null = null
let loadedRe2: Re2 | null = null

export function luxon (): Luxon {
  loadedLuxon ??= require('luxon') as Luxon
  return loadedLuxon
}

/** Null as long as nothing asked for it, when no value can be one of its instances. */
export function luxonIfLoaded (): Luxon | null {
  return loadedLuxon
}

export function re2 (): Re2 {
  loadedRe2 ??= require('re2js') as Re2
  return loadedRe2
}
