import { SaxesParser } from 'saxes'
import { signer, requireAllowedHost } from '../http-authorization.ts'
import type { Credential } from '../../credentials/credential-type.ts'
import { NodeError } from '../../node-error.ts'
import type { IncomingResponse, NodeContext, OutgoingRequest } from '../node-type.ts'

/** Bytes of an answer that is read as a whole: a list, or why something was refused. */
const MAX_READ = 50 * 1024 * 1024
const TIMEOUT = 120_000
/** For an object, which may be as large as a file; `timeout` of the node may say less. */
const TRANSFER_TIMEOUT = 60 * 60_000
const DEFAULT_REGION = 'us-east-1'

/** A request to S3, before it is signed. */
export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'DELETE' | 'HEAD'
  readonly bucket: string
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: OutgoingRequest['body']
  /** What takes the object that arrives. */
  readonly sink?: (body: AsyncIterable<Uint8Array>, headers: IncomingResponse['headers']) => Promise<void>
}

export interface S3Object {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly lastModified: string
}

export function regionOf ({ data }: Credential, region: string | undefined): string {
  return region ?? (typeof data['region'] === 'string' ? data['region'] : DEFAULT_REGION)
}

/** Amazon's own by the bucket's name; others, and names with dots, which no certificate covers, by the path. */
export function urlOf ({ data }: Credential, region: string, { bucket, key = '', query = {} }: S3Request): string {
  const path = key.split('/').map(encodeRfc3986).join('/')
  const own = typeof data['endpoint'] === 'string' ? data['endpoint'].replace(/\/+$/, '') : undefined
  const base = own !== undefined || bucket.includes('.')
    ? `${own ?? `https://s3.${region}.amazonaws.com`}/${bucket}${path === '' ? '' : `/${path}`}`
    : `https://${bucket}.s3.${region}.amazonaws.com/${path}`
  const search = Object.entries(query).map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`).join('&')
  return search === '' ? base : `${base}?${search}`
}

/** The answer to a signed request; throws WC_S3 for what S3 refuses. */
export async function callS3 (context: NodeContext<unknown>, credential: Credential, region: string, request: S3Request, signal: AbortSignal): Promise<IncomingResponse> {
  const { method, headers = {}, body, sink } = request
  const url = urlOf(credential, region, request)
  requireAllowedHost(credential, new URL(url).hostname)
  // The body is not signed (UNSIGNED-PAYLOAD): it would have to be read twice, and is a file that is sent while it is read.
  const signed = await signer({ method, url, headers }, credential, { now: context.now(), service: 's3', region }).sign()
  const response = await context.fetch({
    method,
    url: signed.url.href,
    headers: Object.fromEntries(signed.headers),
    secretHeaders: ['authorization', 'x-amz-security-token'],
    ...(body !== undefined && { body }),
    ...(sink !== undefined && { sink: ({ status, headers }) => status >= 300 ? undefined : async body => { await sink(body, headers) } }),
    timeout: sink === undefined && (body === undefined || typeof body === 'string') ? TIMEOUT : TRANSFER_TIMEOUT,
    maxResponseSize: sink === undefined ? MAX_READ : Number.MAX_SAFE_INTEGER,
    followRedirects: 0,
    signal
  })
  if (response.status >= 300) throw failure(response, request)
  return response
}

/** A URL that does the request for whoever has it, until it expires. */
export async function presign (credential: Credential, region: string, request: S3Request, seconds: number, now: number): Promise<string> {
  const url = urlOf(credential, region, { ...request, query: { ...request.query, 'X-Amz-Expires': String(seconds) } })
  return (await signer({ method: request.method, url }, credential, { now, service: 's3', region }, 'query').sign()).url.href
}

/** Of ListObjectsV2 with encoding-type=url. */
export function parseList (body: Uint8Array): { objects: S3Object[], next: string | undefined } {
  const objects: S3Object[] = []
  let next: string | undefined
  let encoded = false
  readXml(body, (path, text) => {
    const at = path.join('/')
    if (at === 'ListBucketResult/EncodingType') encoded = text === 'url'
    if (at === 'ListBucketResult/NextContinuationToken') next = text
    if (!at.startsWith('ListBucketResult/Contents/')) return
    // Key comes first in each entry.
    if (path[2] === 'Key') objects.push({ key: text, size: 0, etag: '', lastModified: '' })
    const last = objects.at(-1)
    if (last === undefined) return
    if (path[2] === 'Size') objects[objects.length - 1] = { ...last, size: Number(text) }
    if (path[2] === 'ETag') objects[objects.length - 1] = { ...last, etag: text.replaceAll('"', '') }
    if (path[2] === 'LastModified') objects[objects.length - 1] = { ...last, lastModified: text }
  })
  return { objects: encoded ? objects.map(object => ({ ...object, key: decodeKey(object.key) })) : objects, next }
}

/** Keys come encoded as in forms, since some characters cannot stand in XML. */
function decodeKey (text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

function failure (response: IncomingResponse, { method, bucket, key }: S3Request): NodeError {
  let [code, message] = ['', '']
  readXml(response.body, (path, text) => {
    if (path.join('/') === 'Error/Code') code = text
    if (path.join('/') === 'Error/Message') message = text
  })
  const { status } = response
  return new NodeError('WC_S3', `${method} ${bucket}/${key ?? ''} answered ${status} ${code}${message === '' ? '' : `: ${message.slice(0, 300)}`}`, {
    retryable: status >= 500 || status === 429 || status === 408, data: { status, code }
  })
}

/** Tells each text with the names of the elements around it. What is no XML tells nothing. */
function readXml (body: Uint8Array, tell: (path: readonly string[], text: string) => void): void {
  const path: string[] = []
  const parser = new SaxesParser()
  let broken = false
  parser.on('opentag', ({ name }) => { path.push(name) })
  parser.on('text', text => { if (!broken && text.trim() !== '') tell(path, text) })
  parser.on('closetag', () => { path.pop() })
  parser.on('error', () => { broken = true })
  parser.write(Buffer.from(body).toString()).close()
}

function encodeRfc3986 (text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}
