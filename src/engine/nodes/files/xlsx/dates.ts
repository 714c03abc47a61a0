const DAY = 86_400_000
/** Day 0 of the usual count. It takes 1900 for a leap year, which matters before March of it only. */
const EPOCH_1900 = Date.UTC(1899, 11, 30)
const EPOCH_1904 = Date.UTC(1904, 0, 1)
/** The last day that has four digits. */
const LAST = 2_958_465

/** ECMA-376 part 1, 18.8.30: formats that need no definition. */
const BUILT_IN = new Map<string, string>([
  ...[14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58].map(id => [String(id), 'y'] as const),
  ...[18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56].map(id => [String(id), 'h'] as const),
  ['22', 'y h']
])

/** `y`, `h` or `y h` where numbers in that format are dates, times, or both. */
export function isDateFormat (id: string, code: string | undefined): string | undefined {
  if (code === undefined) return BUILT_IN.get(id)
  const plain = code.replaceAll(/"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, '')
  const date = /[yd]/i.test(plain) || (/m/i.test(plain) && !/[hs]/i.test(plain))
  const time = /[hs]/i.test(plain)
  return date ? time ? 'y h' : 'y' : time ? 'h' : undefined
}

/** A number of days as text: a date, a time of day, or both; in no zone, since the file names none. */
export function dateText (serial: number, format: string, from1904: boolean): string | number {
  if (!(serial >= 0 && serial <= LAST)) return serial
  const iso = new Date((from1904 ? EPOCH_1904 : EPOCH_1900) + Math.round(serial * DAY / 1000) * 1000).toISOString()
  const time = iso.slice(11, 19)
  if (format === 'h') return serial < 1 ? time : serial
  return format === 'y' && time === '00:00:00' ? iso.slice(0, 10) : iso.slice(0, 19)
}
