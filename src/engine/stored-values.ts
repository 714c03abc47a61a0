/** A JSON text that is kept outside of its event, since it is large. */
export interface StoredValue {
  readonly file: string
  /** Offset of its first byte in the file, and their number. */
  readonly at: number
  readonly size: number
}

/** What an event lacks until it is fetched; whoever cannot do without it throws. */
export interface StoredParts {
  /** `counts`: items by output name. */
  readonly outputs?: StoredValue & { readonly counts: Readonly<Record<string, number>> }
  readonly answer?: StoredValue
  /** The whole of it; the event has it without the items of children. */
  readonly wait?: StoredValue
}

/** Takes up what is too large for an event. */
export interface ValueStore {
  /** Characters of JSON text that may stand in an event. */
  readonly limit: number
  add (json: string): StoredValue
}

/** For events that go nowhere but back. */
export const EVERYTHING_FITS: ValueStore = { limit: Infinity, add () { throw new Error('Nothing is too large here') } }
