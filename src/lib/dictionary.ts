/**
 * A map by text whose entries come and go all the time.
 *
 * A `Map` that is full, or nearly empty, goes on in a new table, and V8 links the old one to it. Once the collector has
 * moved such a table to the old generation, all later ones count as alive until the next full collection, each with the
 * entries that it had: a good part of what short-lived entries hold is then moved to the old generation too. The
 * properties of an object are kept in tables without such a link.
 */
export class Dictionary<V> {
  readonly #entries = Object.create(null) as Record<string, V | undefined>
  #size = 0

  get size (): number { return this.#size }
  has (key: string): boolean { return this.#entries[key] !== undefined }
  get (key: string): V | undefined { return this.#entries[key] }
  values (): V[] { return Object.values(this.#entries) as V[] }

  set (key: string, value: V & {}): void {
    if (this.#entries[key] === undefined) this.#size++
    this.#entries[key] = value
  }

  delete (key: string): void {
    if (this.#entries[key] === undefined) return
    this.#size--
    delete this.#entries[key]
  }
}
