import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { S3Address } from '../../src/storage/s3/index.ts'
import type { Teardown } from './database.ts'

interface Server {
  run (): Promise<AddressInfo>
  close (): Promise<void>
}

// It comes without types.
const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as new (options: object) => Server

export interface S3Server {
  readonly address: S3Address
  /** Its bucket, a directory a prefix. */
  readonly directory: string
  /** As an outage: connections are refused from then on. */
  stop (): Promise<void>
}

/** An S3-compatible server of the test's own, which checks signatures; gone with the test. */
export async function startS3Server (t: Teardown, bucket = 'files'): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'weconnect-s3-'))
  const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: [{ name: bucket, configs: [] }] })
  const { port } = await server.run()
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => { await (stopped ??= server.close()) }
  t.teardown(async () => {
    await stop()
    await rm(directory, { recursive: true, force: true })
  })
  return {
    address: { endpoint: `http://127.0.0.1:${port}`, bucket, region: 'us-east-1', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER', pathStyle: true },
    directory: join(directory, bucket),
    stop
  }
}
