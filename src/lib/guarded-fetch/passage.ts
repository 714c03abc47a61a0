import { Readable } from 'node:stream'
import type { StreamedBody } from './types.ts'

/**
 * What others give and take while an exchange is under way. Their failures come back out of the HTTP client as its own, in
 * one form or another: here they are known by having happened.
 */
export class Passage {
  failed = false
  failure: unknown

  /** Reads what is sent. */
  async * from (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield * source
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  /** Hands over what arrives. A failure of the source, which the taker passes on, is the exchange's. */
  async into (take: (body: AsyncIterable<Uint8Array>) => Promise<void>, source: AsyncIterable<Uint8Array>): Promise<void> {
    const cut: { error?: Error } = {}
    try {
      await take((async function * () {
        try {
          yield * source
        } catch (error) {
          cut.error = error as Error
          throw error
        }
      })())
    } catch (error) {
      if (cut.error !== undefined) throw cut.error
      this.#fail(error)
      throw error
    }
  }

  #fail (error: unknown): void {
    this.failed = true
    this.failure = error
  }
}

/** A body as the client takes it, with the header that goes with it. */
export function toBody (body: string | Uint8Array | StreamedBody | null, passage: Passage): { body: string | Uint8Array | Readable | null, headers: Record<string, string> } {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return { body, headers: {} }
  return { body: Readable.from(passage.from(body.open()), { objectMode: false }), headers: { 'content-length': String(body.size) } }
}
