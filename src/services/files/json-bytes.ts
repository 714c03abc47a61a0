import type { Readable } from 'node:stream'

/** Characters that become bytes at once, so that a large text is not in memory twice. */
const PIECE = 256 * 1024

/** The texts one after the other, as UTF-8. */
export async function * bytesOf (texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    for (let at = 0; at < text.length;) {
      let end = Math.min(at + PIECE, text.length)
      if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end++
      yield Buffer.from(text.slice(at, end))
      at = end
    }
  }
}

function isHighSurrogate (unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

export async function textOf (stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
