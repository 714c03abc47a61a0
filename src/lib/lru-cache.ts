/** Keeps the most recently used entries, up to a number. */
export class LruCache<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #capacity: number
  #newest: K | undefined

  constructor (capacity: number) {
    this.#capacity = capacity
  }

  get (key: K): V | undefined {
    const value = this.#entries.get(key)
    // One hot entry, asked for again and again, is not moved each time: that would make the map anew every few turns.
    if (value !== undefined && key !== this.#newest) {
      this.#entries.delete(key)
      this.#entries.set(key, value)
      this.#newest = key
    }
    return value
  }

  set (key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    this.#newest = key
    if (this.#entries.size > this.#capacity) {
      const oldest = this.#entries.keys().next()
      if (oldest.done !== true) this.#entries.delete(oldest.value)
    }
  }

  delete (key: K): void {
    this.#entries.delete(key)
  }

  clear (): void {
    this.#entries.clear()
  }

  get size (): number {
    return this.#entries.size
  }
}
