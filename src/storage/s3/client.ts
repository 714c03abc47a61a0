import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsV4Signer } from 'aws4fetch'
import { Agent, type Dispatcher } from 'undici'
import { StorageError } from '../port.ts'

export interface S3Address {
  /** http or https, without a path */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Whether the bucket is a part of the path; else of the host's name. */
  readonly pathStyle: boolean
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Of the object: letters, digits, `/` and `-` only. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

export type S3Answer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>

export interface S3Client {
  /** Answers with 2xx, or 404. Throws StorageError. Whoever asked reads the body to its end. */
  send (request: S3Request): Promise<S3Answer>
  close (): Promise<void>
}

const ATTEMPTS = 4
const FIRST_PAUSE = 100
const CONNECT_TIMEOUT = 5000
/** Between two pieces of an answer, and until its first one, milliseconds. */
const SILENCE_LIMIT = 30_000
const EXCERPT = 300

/**
 * Signed requests to one bucket. The endpoint is the operator's, like the database's, so the guard of outgoing requests does not
 * apply. Every request of this API may be repeated, and passing failures are.
 */
export function createS3Client ({ endpoint, bucket, region, accessKeyId, secretAccessKey, pathStyle }: S3Address): S3Client {
  const agent = new Agent({ connect: { timeout: CONNECT_TIMEOUT }, headersTimeout: SILENCE_LIMIT, bodyTimeout: SILENCE_LIMIT })
  const base = new URL(endpoint)
  if (!pathStyle) base.hostname = `${bucket}.${base.hostname}`
  const root = pathStyle ? `/${bucket}/` : '/'
  const cache = new Map<string, ArrayBuffer>()

  async function once ({ method, key, query = {}, headers = {}, body }: S3Request): Promise<S3Answer> {
    const url = new URL(root + key, base)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const signed = await new AwsV4Signer({
      method,
      url: url.href,
      headers: { ...headers, 'x-amz-content-sha256': createHash('sha256').update(body ?? '').digest('hex') },
      accessKeyId,
      secretAccessKey,
      region,
      service: 's3',
      cache
    }).sign()
    const path = signed.url.pathname + signed.url.search
    return await agent.request({ origin: base.origin, path, method, headers: Object.fromEntries(signed.headers), body: body ?? null })
  }

  async function send (request: S3Request): Promise<S3Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await once(request).catch((error: unknown) => error as Error)
      if (!(answer instanceof Error) && (answer.statusCode < 300 || answer.statusCode === 404)) return answer
      const failure = await toFailure(answer, request)
      if (!failure.passing || attempt === ATTEMPTS) throw failure.error
      await sleep(FIRST_PAUSE * 2 ** attempt * Math.random())
    }
  }

  return { send, close: async () => { await agent.destroy() } }
}

async function toFailure (answer: S3Answer | Error, { method }: S3Request): Promise<{ error: StorageError, passing: boolean }> {
  if (answer instanceof Error) return { error: new StorageError(`The object store does not answer: ${codeOf(answer)}`, answer), passing: true }
  const text = await answer.body.text().catch(() => '')
  const code = /<Code>([^<]{1,100})<\/Code>/.exec(text)?.[1] ?? text.slice(0, EXCERPT)
  const { statusCode } = answer
  return {
    error: new StorageError(`The object store answered ${method} with ${statusCode} ${code}`),
    passing: statusCode >= 500 || statusCode === 408 || statusCode === 429
  }
}

function codeOf (error: Error): string {
  return String((error as NodeJS.ErrnoException).code ?? error.message)
}
