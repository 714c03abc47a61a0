import type { Readable } from 'node:stream'
import { TooLarge } from '../problems.ts'

/** Of a body that is too large the rest is read and dropped: only then does its sender read the answer. */
export async function readWhole (payload: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of payload as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= limit) chunks.push(chunk)
    else chunks.length = 0
  }
  if (size > limit) throw TooLarge(limit)
  return Buffer.concat(chunks)
}
