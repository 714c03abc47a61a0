import { pipeline } from 'node:stream'
import type { Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib'
import { FetchError } from './fetch-error.ts'

/** The whole body of `bodyOf`. */
export async function readBody (body: Readable, encoding: string, limit: number): Promise<Uint8Array> {
  return await collect(bodyOf(body, encoding, limit))
}

/**
 * The body, decompressed. `limit` in bytes holds for what arrives and for what it unpacks to,
 * counted as it streams: 10 KB of zeros in brotli become 10 GB.
 */
export async function * bodyOf (body: Readable, encoding: string, limit: number): AsyncGenerator<Buffer> {
  const raw = limited(body, limit)
  const first = await raw.next()
  // Answers to HEAD, and with status 204 or 304, may name an encoding and have no body.
  if (first.done === true) return
  const decoder = decoderFor(encoding, first.value)
  if (decoder === null) {
    yield * prepend(first.value, raw)
    return
  }
  // The iteration below throws what goes wrong anywhere in the pipeline.
  pipeline(prepend(first.value, raw), decoder, () => {})
  try {
    yield * limited(decoder, limit)
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw new FetchError('WC_HTTP_BODY', `The body of the answer is not valid ${encoding}`, { cause: error })
    }
    throw error
  }
}

async function * limited (source: Readable, limit: number): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of source as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new FetchError('WC_HTTP_TOO_LARGE', `The body of the answer is larger than ${limit} bytes`)
    yield chunk
  }
}

async function * prepend (first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield * rest
}

async function collect (source: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function decoderFor (encoding: string, first: Buffer): Transform | null {
  switch (encoding) {
    case '':
    case 'identity': return null
    case 'gzip':
    case 'x-gzip': return createGunzip()
    case 'br': return createBrotliDecompress()
    // "deflate" means the zlib format, but some servers send the bare one (RFC 9110 section 8.4.1.2).
    case 'deflate': return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw()
    // Encodings on top of each other serve nobody but those who nest bombs.
    default: throw new FetchError('WC_HTTP_BODY', `The encoding ${JSON.stringify(encoding.slice(0, 40))} of the answer is not supported`)
  }
}
