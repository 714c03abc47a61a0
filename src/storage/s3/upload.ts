import { StorageError } from '../port.ts'
import type { S3Client } from './client.ts'

/** Bytes of a part: at least 5 MiB, and 10,000 parts at most, so a file may have 80 GiB. */
export const PART_SIZE = 8 * 1024 * 1024

/** Uploads a stream of unknown length: in one request where it fits in a part, else in parts, one of which is in memory. */
export async function upload (client: S3Client, key: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const parts = inParts(source)
  const first = await parts.next()
  const second = await parts.next()
  if (second.done === true) {
    const answer = await client.send({ method: 'PUT', key, body: first.value ?? new Uint8Array(0) })
    if (answer.statusCode === 404) throw new StorageError('The object store has no such bucket')
    return await answer.body.dump()
  }
  await uploadParts(client, key, prepend([first.value as Uint8Array, second.value], parts))
}

async function uploadParts (client: S3Client, key: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const uploadId = await begin(client, key)
  try {
    const tags: string[] = []
    for await (const body of parts) tags.push(await uploadPart(client, key, uploadId, tags.length + 1, body))
    await complete(client, key, uploadId, tags)
  } catch (error) {
    // What is left of it would be paid for and never seen.
    await client.send({ method: 'DELETE', key, query: { uploadId } }).then(async answer => { await answer.body.dump() }).catch(() => undefined)
    throw error
  }
}

async function begin (client: S3Client, key: string): Promise<string> {
  const answer = await client.send({ method: 'POST', key, query: { uploads: '' } })
  const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(await answer.body.text())?.[1]
  if (uploadId === undefined) throw new StorageError('The object store did not begin an upload')
  return uploadId
}

async function uploadPart (client: S3Client, key: string, uploadId: string, partNumber: number, body: Uint8Array): Promise<string> {
  const answer = await client.send({ method: 'PUT', key, query: { partNumber: String(partNumber), uploadId }, body })
  await answer.body.dump()
  const { etag } = answer.headers
  if (typeof etag !== 'string') throw new StorageError('The object store did not confirm a part')
  return etag
}

async function complete (client: S3Client, key: string, uploadId: string, tags: readonly string[]): Promise<void> {
  const parts = tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag.replaceAll('"', '&quot;')}</ETag></Part>`)
  const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
  const answer = await client.send({ method: 'POST', key, query: { uploadId }, headers: { 'content-type': 'application/xml' }, body })
  // It may fail behind a status of 200.
  if (!(await answer.body.text()).includes('<CompleteMultipartUploadResult')) throw new StorageError('The object store did not complete an upload')
}

/** The bytes in pieces of PART_SIZE, the last one shorter. */
async function * inParts (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  let pieces: Uint8Array[] = []
  let size = 0
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + PART_SIZE - size)
      pieces.push(piece)
      at += piece.length
      size += piece.length
      if (size < PART_SIZE) continue
      yield Buffer.concat(pieces)
      pieces = []
      size = 0
    }
  }
  if (size > 0) yield Buffer.concat(pieces)
}

async function * prepend<T> (first: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield * first
  yield * rest
}
