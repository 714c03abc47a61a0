import { finished, type Readable, type Transform } from 'node:stream'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { MalformedRequest, TooLarge, UnsupportedMediaType } from '../problems.ts'

type Decode = (body: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>

const gunzip: Decode = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(zlib.gunzip)
const inflate: Decode = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(zlib.inflate)
const inflateRaw: Decode = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(zlib.inflateRaw)

const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  // "deflate" means the zlib format, but some clients send the bare one (RFC 9110 section 8.4.1.2).
  ['deflate', async (body, options) => await (((body[0] ?? 0) & 0x0f) === 8 ? inflate : inflateRaw)(body, options)],
  ['br', promisify<Uint8Array, { maxOutputLength: number }, Buffer>(zlib.brotliDecompress)]
])

/** The body without its content encoding; a bomb ends at the limit. */
export async function decodeContent (body: Uint8Array, encoding: string | undefined, limit: number): Promise<Uint8Array> {
  const name = encoding?.trim().toLowerCase() ?? 'identity'
  if (name === 'identity' || name === '') return body
  const decode = DECODERS.get(name)
  if (decode === undefined) throw unknownEncoding(name)
  if (body.length === 0) return body
  try {
    return await decode(body, { maxOutputLength: limit })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw TooLarge(limit)
    throw MalformedRequest(`The body is not valid ${name}.`)
  }
}

const STREAMS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', zlib.createGunzip], ['x-gzip', zlib.createGunzip], ['deflate', zlib.createInflate], ['br', zlib.createBrotliDecompress]
])

/** A body that is read bit by bit, without its content encoding. Who stops reading leaves the connection as it is. */
export function decodeStream (body: Readable, encoding: string | undefined): AsyncIterable<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? 'identity'
  if (name === 'identity' || name === '') return body.iterator({ destroyOnReturn: false })
  const create = STREAMS.get(name)
  if (create === undefined) throw unknownEncoding(name)
  const decoder = body.pipe(create())
  finished(body, error => { if (error) decoder.destroy(error) })
  return decoder
}

function unknownEncoding (name: string): Error {
  return UnsupportedMediaType(`The content encoding ${name.slice(0, 40)} is not understood. Send gzip, deflate, br, or none.`)
}
