import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { credentialParameter } from '../credentials/references.ts'
import { anyValue, dictionary, duration, oneOf, STATIC } from '../schemas.ts'

export const MAX_TIMEOUT = '1h'
export const MAX_REDIRECTS = 20
export const DEFAULT_TIMEOUT = '30s'
export const DEFAULT_REDIRECTS = 10
/** bytes */
export const DEFAULT_RESPONSE_SIZE = 10_485_760

/** bytes of an answer that is held in memory */
export const MAX_RESPONSE_SIZE = 52_428_800

export const DEFAULT_CONCURRENCY = 10
export const DEFAULT_MAX_PAGES = 100
export const MAX_PAGES = 10_000

export const Pagination = Type.Object({
  mode: oneOf(['page', 'cursor', 'link', 'expression'], {
    title: 'Mode', description: 'page: a number that rises; cursor: a value of the answer; link: its Link header; expression: what the parameters make of $response and $pageCount.'
  }),
  parameter: Type.Optional(Type.String({ title: 'Parameter', description: 'Of the query, for the number or the cursor; page or cursor by default.', minLength: 1, maxLength: 256 })),
  start: Type.Optional(Type.Integer({ title: 'First page', description: 'page: the number to begin with.', minimum: 0, maximum: 1_000_000_000, default: 1 })),
  cursor: Type.Optional(Type.String({ title: 'Cursor', description: 'Where the body has the cursor of the next page, or its URL.', minLength: 1, maxLength: 256, examples: ['meta.next'] })),
  items: Type.Optional(Type.String({ title: 'Items', description: 'Where the body has the list whose entries become items; without it each page is one. An empty one ends.', minLength: 1, maxLength: 256, examples: ['data'] })),
  until: Type.Optional(anyValue({ title: 'Until', description: 'An expression over $response that is true of the last page.', examples: ['{{ $response.body.done }}'] })),
  maxPages: Type.Optional(Type.Integer({ title: 'Most pages', description: `How many pages at most; what is left is not asked for. Without it more than ${DEFAULT_MAX_PAGES} are an error.`, minimum: 1, maximum: MAX_PAGES }))
}, { title: 'Pagination', description: 'Asks for page after page.', additionalProperties: false })

export type Pagination = Static<typeof Pagination>

export const HttpRequestParameters = Type.Object({
  method: Type.Optional(oneOf(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'], { title: 'Method', description: 'The HTTP method of the request.', default: 'GET' })),
  url: Type.String({ title: 'URL', description: 'Where to send the request: http or https.', minLength: 1, examples: ['https://api.example.com/orders'] }),
  query: Type.Optional(dictionary(anyValue(), { title: 'Query', description: 'Added to the query of the URL; a list adds its name several times.' })),
  headers: Type.Optional(dictionary(anyValue(), { title: 'Headers', description: 'Headers of the request by name.' })),
  body: Type.Optional(anyValue({ title: 'Body', description: 'What to send, in the form that the body type says.' })),
  bodyType: Type.Optional(oneOf(['json', 'form', 'text', 'multipart', 'binary', 'none'], {
    title: 'Body type',
    description: 'json: any value; form: an object as application/x-www-form-urlencoded; text: as it is; multipart: an object and files; binary: binary data of the item; none: no body.',
    default: 'json',
    ...STATIC
  })),
  binaryName: Type.Optional(Type.String({ title: 'Binary data', description: 'binary: what of the item to send; by default the only one that it has.', minLength: 1, maxLength: 255 })),
  files: Type.Optional(dictionary(Type.String({ minLength: 1, maxLength: 255 }), { title: 'Files', description: 'multipart: the names of binary data of the item, by the names of the fields that they are sent as.' })),
  response: Type.Optional(oneOf(['auto', 'json', 'text', 'binary'], {
    title: 'Response', description: 'How to read the answer; auto goes by its content type, binary makes a file of it.', default: 'auto', ...STATIC
  })),
  responseName: Type.Optional(Type.String({ title: 'Name of the file', description: 'response: binary: the name under which the item gets the answer.', minLength: 1, maxLength: 255, default: 'file' })),
  timeout: Type.Optional(duration({ title: 'Timeout', description: `For the whole exchange with redirects, up to ${MAX_TIMEOUT}.`, default: DEFAULT_TIMEOUT })),
  failOnStatus: Type.Optional(Type.Boolean({ title: 'Fail on status', description: 'Whether a status of 400 or more is an error.', default: true })),
  followRedirects: Type.Optional(Type.Integer({ title: 'Redirects', description: 'How many to follow.', minimum: 0, maximum: MAX_REDIRECTS, default: DEFAULT_REDIRECTS })),
  allowUnauthorizedCerts: Type.Optional(Type.Boolean({
    title: 'Allow unauthorized certificates', description: 'Do not verify whom the request reaches.', default: false, ...STATIC
  })),
  ca: Type.Optional(Type.String({
    title: 'Authorities', description: 'Certificates (PEM) of the authorities that the server\'s certificate must come from, in place of the well-known ones.', maxLength: 65_536, pattern: '^\\s*-----BEGIN CERTIFICATE-----|\\{\\{'
  })),
  pagination: Type.Optional(Pagination),
  concurrency: Type.Optional(Type.Integer({ title: 'Concurrency', description: 'Items whose requests are under way together.', minimum: 1, maximum: 50, default: DEFAULT_CONCURRENCY, ...STATIC })),
  rateLimit: Type.Optional(Type.Object({
    requests: Type.Integer({ title: 'Requests', description: 'How many may begin in that time.', minimum: 1, maximum: 10_000 }),
    per: duration({ title: 'Per', description: 'Up to 1h.', default: '1s' })
  }, { title: 'Rate limit', description: 'How many requests to one host may begin in that time, all executions of the organization in this process together.', additionalProperties: false, ...STATIC })),
  proxy: Type.Optional(Type.String({ title: 'Proxy', description: 'The URL of a public proxy to go through, in place of the operator\'s.', pattern: '^https?://|\\{\\{', examples: ['http://proxy.example.com:3128'] })),
  clientCertificateId: Type.Optional(Type.String({ title: 'Client certificate', description: 'The id of a credential: whom to be where the server asks for a certificate.', ...credentialParameter(['clientCertificate']) })),
  aws: Type.Optional(Type.Object({
    service: Type.String({ title: 'Service', description: 'The name by which AWS signs for the service.', minLength: 1, maxLength: 64, examples: ['execute-api'] }),
    region: Type.Optional(Type.String({ title: 'Region', description: 'Where the service is.', minLength: 1, maxLength: 64, examples: ['eu-central-1'] }))
  }, { title: 'AWS', description: 'What the request is signed for with an aws credential, where its host does not say.', additionalProperties: false, ...STATIC })),
  maxResponseSize: Type.Optional(Type.Integer({
    title: 'Largest response', description: `In bytes, after decompression; up to ${MAX_RESPONSE_SIZE}, and for files as large as files may be.`, minimum: 0, default: DEFAULT_RESPONSE_SIZE, ...STATIC
  }))
}, { additionalProperties: false })

export type HttpRequestParameters = Static<typeof HttpRequestParameters>
