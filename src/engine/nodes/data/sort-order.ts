import { canonicalText } from '../../../lib/canonical-text.ts'
import { booleanOf, isMissing, numberOf, strictNumberOf, timeOf } from '../scalars.ts'
import type { SortKey } from './sort.ts'

/** A value made ready to be compared: first by its kind, then within it. Null is missing. */
type Rank = { readonly kind: number, readonly value: number | string } | null

const NUMBER = 0
const TEXT = 1
const BOOLEAN = 2
const OTHER = 3

export function rankOf (value: unknown, type: NonNullable<SortKey['type']>): Rank {
  if (isMissing(value)) return null
  switch (type) {
    case 'number': return numberRank(numberOf(value))
    case 'date': return numberRank(timeOf(value) ?? strictNumberOf(value))
    case 'text':
    case 'natural': return { kind: TEXT, value: typeof value === 'object' ? canonicalText(value) : String(value) }
    case 'auto': return autoRank(value)
  }
}

function numberRank (value: number | null): Rank {
  return value === null ? null : { kind: NUMBER, value }
}

function autoRank (value: unknown): Rank {
  switch (typeof value) {
    case 'number': return numberRank(strictNumberOf(value))
    case 'string': return { kind: TEXT, value }
    case 'boolean': return { kind: BOOLEAN, value: booleanOf(value) === true ? 1 : 0 }
    default: return { kind: OTHER, value: canonicalText(value) }
  }
}

/** A total order of ranks, so that sorting ends the same whatever it compares first. */
export function rankOrder ({ type = 'auto', order = 'ascending', ignoreCase = false, missing = 'last' }: SortKey, locale: string): (a: Rank, b: Rank) => number {
  const { compare } = new Intl.Collator(locale, { numeric: type === 'natural', sensitivity: ignoreCase ? 'accent' : 'variant' })
  const direction = order === 'descending' ? -1 : 1
  const nothing = missing === 'first' ? -1 : 1
  return (a, b) => {
    if (a === null || b === null) return a === b ? 0 : a === null ? nothing : -nothing
    if (a.kind !== b.kind) return direction * (a.kind - b.kind)
    if (typeof a.value === 'number') return direction * Math.sign(a.value - (b.value as number))
    return direction * compare(a.value, b.value as string)
  }
}
