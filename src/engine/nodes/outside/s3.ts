import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { parseDuration } from '../../../lib/duration.ts'
import type { Credential } from '../../credentials/credential-type.ts'
import type { BinaryRef, OutputItem } from '../../item.ts'
import { NodeError } from '../../node-error.ts'
import { anyValue, duration, oneOf, STATIC } from '../../schemas.ts'
import { binaryOf } from '../files/binary-of.ts'
import { itemByItem } from '../item-by-item.ts'
import { defineNode } from '../node-type.ts'
import type { NodeContext, StreamedBody } from '../node-type.ts'
import { callS3, parseList, presign, regionOf } from './s3-requests.ts'
import type { S3Object } from './s3-requests.ts'

/** Requests of one step that are under way together. */
const CONCURRENCY = 5
const MAX_EXPIRY = '7d'
const PAGE = 1000
const UNKNOWN = 'application/octet-stream'

const S3Parameters = Type.Object({
  operation: oneOf(['get', 'put', 'list', 'delete', 'presign'], { title: 'Operation', description: 'presign makes a URL by which others read or write the object without a credential.', ...STATIC }),
  bucket: Type.String({ title: 'Bucket', description: 'The name of the bucket.', pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$|\\{\\{', examples: ['reports'] }),
  key: Type.Optional(Type.String({ title: 'Key', description: 'Of the object; not for list.', minLength: 1, maxLength: 1024, examples: ['2030/january.csv'] })),
  binaryName: Type.Optional(Type.String({ title: 'Binary data', description: 'get: the name under which the item gets the object, file by default; put: what of the item to store, in place of content.', minLength: 1, maxLength: 64 })),
  content: Type.Optional(anyValue({ title: 'Content', description: 'put: text as it is, anything else as JSON.' })),
  contentType: Type.Optional(Type.String({ title: 'Content type', description: 'put: of the object; by default that of the binary data, or what the content is.', maxLength: 256, examples: ['text/csv'] })),
  prefix: Type.Optional(Type.String({ title: 'Prefix', description: 'list: only keys that begin with it.', maxLength: 1024 })),
  limit: Type.Optional(Type.Integer({ title: 'Limit', description: 'list: how many at most.', minimum: 1, maximum: 100_000, default: PAGE })),
  method: Type.Optional(oneOf(['GET', 'PUT'], { title: 'Method', description: 'presign: what the URL is for.', default: 'GET', ...STATIC })),
  expires: Type.Optional(duration({ title: 'Expires', description: `presign: how long the URL is good, up to ${MAX_EXPIRY}.`, default: '15m' })),
  region: Type.Optional(Type.String({ title: 'Region', description: 'In place of the credential\'s.', pattern: '^[a-z0-9-]{1,64}$', ...STATIC }))
}, { additionalProperties: false })
type S3Parameters = Static<typeof S3Parameters>

export const s3 = defineNode({
  type: 's3',
  title: 'S3',
  description: 'Reads, writes, lists and deletes objects of S3 and what speaks it, and makes URLs for others.',
  icon: 'archive',
  category: 'outside',
  effects: 'idempotent',
  parameters: S3Parameters,
  credentials: ['aws'],
  credentialRequired: true,
  check: ({ operation, key, content, binaryName }) => [
    ...(operation !== 'list' && key === undefined ? [{ pointer: '/key', message: 'is required by the operation', code: 'WC_REQUIRED' }] : []),
    ...(operation === 'put' && content === undefined && binaryName === undefined ? [{ pointer: '/content', message: 'content or binaryName is required', code: 'WC_REQUIRED' }] : [])
  ],
  async run (context) {
    const credential = await context.credential()
    if (credential === undefined) throw new NodeError('WC_CREDENTIAL_REQUIRED', 'The node names no credential')
    return await itemByItem(context, CONCURRENCY, async (index, signal) => await runOne(context, credential, index, signal))
  }
})

async function runOne (context: NodeContext<S3Parameters>, credential: Credential, index: number, signal: AbortSignal): Promise<OutputItem[]> {
  const parameters = context.parameters(index)
  const { operation } = parameters
  const region = regionOf(credential, parameters.region)
  const bucket = String(parameters.bucket)
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw new NodeError('WC_PARAMETER', 'Not the name of a bucket', { pointer: '/bucket' })
  if (operation === 'list') {
    const objects = await list(context, credential, region, bucket, parameters, signal)
    return objects.map(json => ({ from: index, json: { ...json } }))
  }
  const key = String(parameters.key ?? '')
  // `..` would be resolved away before the request is sent, into another bucket even.
  if (key === '' || key.split('/').some(part => part === '.' || part === '..')) throw new NodeError('WC_PARAMETER', 'Not a key: it is empty or has a part that is . or ..', { pointer: '/key' })
  const place = { bucket, key }
  switch (operation) {
    case 'get': return [await get(context, credential, region, place, parameters, index, signal)]
    case 'put': {
      const { body, type, size } = contentOf(context, parameters, index)
      const { headers } = await callS3(context, credential, region, { method: 'PUT', ...place, headers: { 'content-type': type }, body }, signal)
      return [{ from: index, json: { ...place, etag: etagOf(headers), size } }]
    }
    case 'delete':
      await callS3(context, credential, region, { method: 'DELETE', ...place }, signal)
      return [{ from: index, json: place }]
    case 'presign': return [{ from: index, json: { ...place, ...await presigned(context, credential, region, place, parameters) } }]
  }
}

async function get (context: NodeContext<S3Parameters>, credential: Credential, region: string, place: { bucket: string, key: string }, { binaryName = 'file' }: S3Parameters, index: number, signal: AbortSignal): Promise<OutputItem> {
  let file: BinaryRef | undefined
  const fileName = place.key.split('/').at(-1)!
  const { headers } = await callS3(context, credential, region, {
    method: 'GET',
    ...place,
    sink: async (body, head) => { file = await context.files.write(body, { mimeType: head['content-type'] ?? UNKNOWN, ...(fileName !== '' && { fileName }) }) }
  }, signal)
  const { size } = file!
  return {
    from: index,
    json: { ...place, contentType: headers['content-type'] ?? UNKNOWN, size, etag: etagOf(headers), lastModified: headers['last-modified'] ?? null },
    binary: { [binaryName]: file! }
  }
}

function contentOf (context: NodeContext<S3Parameters>, { content, contentType, binaryName }: S3Parameters, index: number): { body: string | StreamedBody, type: string, size: number } {
  if (binaryName === undefined) {
    const text = typeof content === 'string'
    const body = text ? content : JSON.stringify(content ?? null)
    return { body, type: contentType ?? (text ? 'text/plain; charset=utf-8' : 'application/json'), size: Buffer.byteLength(body) }
  }
  const file = binaryOf(context.items[index]!, binaryName)
  return { body: { size: file.size, open: () => context.files.read(file) }, type: contentType ?? file.mimeType, size: file.size }
}

async function list (context: NodeContext<S3Parameters>, credential: Credential, region: string, bucket: string, { prefix = '', limit = PAGE }: S3Parameters, signal: AbortSignal): Promise<S3Object[]> {
  const found: S3Object[] = []
  let token: string | undefined
  do {
    const query = { 'list-type': '2', 'encoding-type': 'url', 'max-keys': String(Math.min(PAGE, limit - found.length)), ...(prefix !== '' && { prefix }), ...(token !== undefined && { 'continuation-token': token }) }
    const { body } = await callS3(context, credential, region, { method: 'GET', bucket, query }, signal)
    const { objects, next } = parseList(body)
    found.push(...objects)
    token = next
  } while (token !== undefined && found.length < limit)
  return found.slice(0, limit)
}

async function presigned (context: NodeContext<S3Parameters>, credential: Credential, region: string, place: { bucket: string, key: string }, { method = 'GET', expires = '15m' }: S3Parameters): Promise<{ url: string, method: string, expiresAt: string }> {
  // The URL would hold the token, which is a secret, and end with it.
  if (credential.data['sessionToken'] !== undefined) throw new NodeError('WC_CREDENTIAL_TYPE', 'URLs for others cannot be made with a credential that has a session token')
  const wait = parseDuration(String(expires))
  if (wait < 1000 || wait > parseDuration(MAX_EXPIRY)) throw new NodeError('WC_PARAMETER', `From 1s to ${MAX_EXPIRY}`, { pointer: '/expires' })
  const now = context.now()
  return { url: await presign(credential, region, { method, ...place }, Math.floor(wait / 1000), now), method, expiresAt: new Date(now + wait).toISOString() }
}

function etagOf (headers: Readonly<Record<string, string>>): string {
  return (headers['etag'] ?? '').replaceAll('"', '')
}
