/** The locale that stands where none is given; fixed, so that every process writes the same text. */
export const LOCALE = 'en-US'

/**
 * A locale of this process for what was asked for: language, script and region only, since extensions would make a new entry
 * each in the caches of those who format, without end. The default where it knows no such language; null where this is no locale.
 */
export function knownLocale (given: string): string | null {
  if (given.length > 40) return null
  try {
    const { language, script, region } = new Intl.Locale(given.replaceAll('_', '-'))
    const plain = [language, script, region].filter((part) => part !== undefined).join('-')
    return Intl.DateTimeFormat.supportedLocalesOf(plain)[0] ?? LOCALE
  } catch {
    return null
  }
}

export function localeOf (given: string): string {
  return knownLocale(given) ?? LOCALE
}
