/** A month of the calendar, in UTC. */
export interface Month {
  /** `2026-01-01` */
  readonly first: string
  /** Milliseconds since the epoch. */
  readonly begin: number
  /** Where the next one begins. */
  readonly end: number
}

export function monthOf (time: number): Month {
  const date = new Date(time)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  const begin = Date.UTC(year, month, 1)
  return { first: new Date(begin).toISOString().slice(0, 10), begin, end: Date.UTC(year, month + 1, 1) }
}
