import { NodeError } from '../../node-error.ts'
import { canonicalText } from '../../../lib/canonical-text.ts'
import { numberOf } from '../scalars.ts'

interface Summarizing {
  readonly separator: string
  readonly field: string
  /** Which item the value at this place comes from. */
  itemIndex (place: number): number
}

/** Of values that are there: null and missing ones are left out before. */
type Summary = (values: readonly unknown[], how: Summarizing) => unknown

/** Characters of one concatenation. */
const MAX_TEXT = 16 * 1024 * 1024

export const summaryNames = ['sum', 'average', 'min', 'max', 'count', 'countUnique', 'append', 'concatenate', 'first', 'last'] as const

export type SummaryName = typeof summaryNames[number]

export const summaries: Readonly<Record<SummaryName, Summary>> = {
  sum: (values, how) => sumOf(numbersOf(values, how)),
  average: (values, how) => values.length === 0 ? null : sumOf(numbersOf(values, how)) / values.length,
  min: (values, how) => extreme(values, how, order => order < 0),
  max: (values, how) => extreme(values, how, order => order > 0),
  count: values => values.length,
  countUnique: values => new Set(values.map(canonicalText)).size,
  append: values => [...values],
  concatenate,
  first: values => values[0] ?? null,
  last: values => values.at(-1) ?? null
}

/** Text that is a number counts as one; anything else is an error rather than a sum that is quietly wrong. */
function numbersOf (values: readonly unknown[], { field, itemIndex }: Summarizing): readonly number[] {
  return values.map((value, place) => {
    const number = numberOf(value)
    if (number !== null) return number
    throw new NodeError('WC_SUMMARIZE_VALUE', `${field} is not a number in this item`, { pointer: '/fields', itemIndex: itemIndex(place) })
  })
}

/** Neumaier's sum, which keeps what each addition rounds away: 0.1 ten times is 1. */
function sumOf (numbers: readonly number[]): number {
  let sum = 0
  let lost = 0
  for (const number of numbers) {
    const next = sum + number
    lost += Math.abs(sum) >= Math.abs(number) ? sum - next + number : number - next + sum
    sum = next
  }
  return Number.isFinite(lost) ? sum + lost : sum
}

/** Text by its characters, which suits ISO dates; everything else by number. */
function extreme (values: readonly unknown[], how: Summarizing, isBetter: (order: number) => boolean): unknown {
  if (values.length === 0) return null
  const isText = values.every(value => typeof value === 'string') && values.some(value => numberOf(value) === null)
  const comparable: readonly (string | number)[] = isText ? values : numbersOf(values, how)
  return comparable.reduce((best, value) => isBetter(value < best ? -1 : value > best ? 1 : 0) ? value : best)
}

function concatenate (values: readonly unknown[], { separator, field }: Summarizing): string {
  const texts = values.map(value => typeof value === 'object' ? JSON.stringify(value) : String(value))
  const length = texts.reduce((sum, text) => sum + text.length + separator.length, 0)
  if (length > MAX_TEXT) throw new NodeError('WC_SUMMARIZE_VALUE', `The text of ${field} is longer than ${MAX_TEXT} characters`, { pointer: '/fields' })
  return texts.join(separator)
}
