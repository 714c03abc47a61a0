import { FileMissing, StorageError, type FileKey, type FileStorage } from '../port.ts'
import { createS3Client, type S3Address } from './client.ts'
import { upload } from './upload.ts'

export type { S3Address } from './client.ts'

/** Files in a bucket of an S3-compatible store, one prefix an organization. */
export function createS3Storage (address: S3Address): FileStorage {
  const client = createS3Client(address)
  const nameOf = ({ organizationId, fileId }: FileKey): string => `${organizationId}/${fileId}`

  return {
    async write (key, source) {
      await upload(client, nameOf(key), source)
    },
    async read (key, range) {
      const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` }
      const answer = await client.send({ method: 'GET', key: nameOf(key), headers })
      if (answer.statusCode === 404) {
        await answer.body.dump()
        throw new FileMissing(key)
      }
      if (range !== undefined && answer.statusCode !== 206) {
        answer.body.destroy()
        throw new StorageError('The object store does not give parts of a file')
      }
      return answer.body
    },
    async remove (key) {
      const answer = await client.send({ method: 'DELETE', key: nameOf(key) })
      await answer.body.dump()
    },
    close: async () => { await client.close() }
  }
}
