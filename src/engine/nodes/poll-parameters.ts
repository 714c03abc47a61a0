import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { anyValue, duration, oneOf, STATIC } from '../schemas.ts'
import { HttpRequestParameters, Pagination } from './http-request-parameters.ts'
import { timeParameters } from './schedule.ts'

export const DEFAULT_REMEMBERED = 10_000
/** The largest window of remembered keys. */
export const LONGEST_WINDOW = '365d'

const request = HttpRequestParameters.properties

/** Of a poll: what it asks for and how, with the meaning that it has for `httpRequest`. */
const requestParameters = {
  method: request.method,
  url: request.url,
  query: request.query,
  headers: request.headers,
  body: request.body,
  bodyType: Type.Optional(oneOf(['json', 'form', 'text', 'none'], { title: 'Body type', description: 'json: any value; form: an object as application/x-www-form-urlencoded; text: as it is; none: no body.', default: 'json', ...STATIC })),
  response: Type.Optional(oneOf(['auto', 'json', 'text'], { title: 'Response', description: 'How to read the answer; auto goes by its content type.', default: 'auto', ...STATIC })),
  timeout: request.timeout,
  followRedirects: request.followRedirects,
  maxResponseSize: request.maxResponseSize,
  pagination: Type.Optional(Type.Omit(Pagination, ['items'], { title: 'Pagination', description: 'Asks for page after page; an empty list of items ends.', additionalProperties: false })),
  rateLimit: request.rateLimit,
  proxy: request.proxy,
  allowUnauthorizedCerts: request.allowUnauthorizedCerts,
  ca: request.ca,
  clientCertificateId: request.clientCertificateId,
  aws: request.aws
}

export const REQUEST_NAMES: readonly string[] = Object.keys(requestParameters)

export const PollParameters = Type.Object({
  ...timeParameters,
  ...requestParameters,
  items: Type.Optional(Type.String({ title: 'Items', description: 'Where the body has the list of items; without it the body is the list, or else the one item.', minLength: 1, maxLength: 256, examples: ['data.orders'], ...STATIC })),
  key: Type.Optional(Type.String({ title: 'Key', description: 'What tells items apart: where an item has its id, or an expression. An item whose key was seen before is not new; one for which it is null, missing or empty always is.', minLength: 1, maxLength: 4096, examples: ['id', '{{ $json.id }}:{{ $json.version }}'] })),
  window: Type.Optional(duration({ title: 'Window', description: `How long a key is remembered after it was last in an answer, up to ${LONGEST_WINDOW}; without it, until there are too many.`, ...STATIC })),
  maximum: Type.Optional(Type.Integer({ title: 'Largest memory', description: 'How many keys are remembered: the newest, and all of the last answer.', minimum: 1, maximum: 100_000, default: DEFAULT_REMEMBERED, ...STATIC })),
  cursor: Type.Optional(anyValue({ title: 'Cursor', description: 'Where the next poll goes on, as $cursor: evaluated over the answer ($response), all of its items ($input) and the last of them ($json). Null, missing or empty leaves it where it is.', examples: ['{{ $json.updatedAt }}', '{{ $response.body.nextToken }}'] })),
  initialCursor: Type.Optional(anyValue({ title: 'First cursor', description: 'What $cursor is until there is another.', examples: ['{{ $now.minus({ days: 1 }).toISO() }}', 0] })),
  firstRun: Type.Optional(oneOf(['all', 'new'], { title: 'First run', description: 'all: what the first poll finds is new. new: it is only remembered, and what comes after it is new.', default: 'all', ...STATIC })),
  start: Type.Optional(oneOf(['poll', 'item'], { title: 'Executions', description: 'One for all new items of a poll, or one for each.', default: 'poll', ...STATIC }))
}, { additionalProperties: false })

export type PollParameters = Static<typeof PollParameters>
