import { NodeError } from '../node-error.ts'
import type { HttpRequestParameters } from './http-request-parameters.ts'
import type { IncomingResponse } from './node-type.ts'
import { JsonError, parseStrictJson } from '../../lib/strict-json.ts'

/** What an answer becomes. */
export interface HttpAnswerItem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

const EXCERPT = 2000
const DAY = 86_400_000
/** Failures that pass (RFC 9110, RFC 8470): timeouts, too early, too many requests, and the server's own. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429])

/** The item that an answer makes; throws WC_HTTP_STATUS and WC_HTTP_BODY. `now` in milliseconds since the epoch. */
export function readResponse (
  response: IncomingResponse, parameters: HttpRequestParameters, method: string, now: number
): HttpAnswerItem {
  const { status, headers } = response
  if (status >= 400 && parameters.failOnStatus !== false) throw statusError(response, method, now)
  return { status, headers, body: readBody(response, parameters.response ?? 'auto') }
}

function statusError (response: IncomingResponse, method: string, now: number): NodeError {
  const { status, headers } = response
  const { origin, pathname } = new URL(response.url)
  const retryAfter = parseRetryAfter(headers['retry-after'], now)
  return new NodeError('WC_HTTP_STATUS', `${method} ${origin}${pathname} answered ${status}`, {
    retryable: status >= 500 || PASSING.has(status),
    ...(retryAfter !== null && { retryAfter }),
    data: { status, headers, body: decode(response, false).slice(0, EXCERPT) }
  })
}

/** Milliseconds, at most a day, or null. RFC 9110 section 10.2.3: seconds, or a date. */
export function parseRetryAfter (value: string | undefined, now: number): number | null {
  if (value === undefined) return null
  const text = value.trim()
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), DAY)
}

function readBody (response: IncomingResponse, form: 'auto' | 'json' | 'text' | 'binary'): unknown {
  if (form === 'binary') return null
  if (form === 'text') return decode(response, false)
  if (response.body.length === 0) return null
  const contentType = mediaType(response)
  if (form === 'json') return parseJson(response, () => { throw new NodeError('WC_HTTP_BODY', 'The answer is not JSON') })
  if (/^application\/(.+\+)?json$/.test(contentType)) return parseJson(response, () => decode(response, true))
  return decode(response, !contentType.startsWith('text/'))
}

/** JSON that may be stored; `otherwise` speaks for bytes that are no JSON at all. */
function parseJson ({ body }: IncomingResponse, otherwise: () => unknown): unknown {
  try {
    return parseStrictJson(body)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    if (error.fault === 'syntax' || error.fault === 'encoding') return otherwise()
    throw new NodeError('WC_HTTP_BODY', `The JSON of the answer cannot be kept: ${error.message}`)
  }
}

/** `strict` refuses what is no text, which would arrive as rubbish. */
function decode (response: IncomingResponse, strict: boolean): string {
  const charset = /charset="?([^\s;"]+)/i.exec(response.headers['content-type'] ?? '')?.[1] ?? 'utf-8'
  const text = decodeAs(charset, strict, response.body)
  if (text !== null && !(strict && text.includes('\0'))) return text
  throw new NodeError('WC_HTTP_BODY', `The answer (${mediaType(response) || 'of no stated type'}) is not text; response: binary makes a file of it`)
}

/** Null where `fatal` and the bytes do not fit. Charsets that nobody knows are taken for UTF-8. */
function decodeAs (charset: string, fatal: boolean, bytes: Uint8Array): string | null {
  try {
    return new TextDecoder(charset, { fatal }).decode(bytes)
  } catch (error) {
    return error instanceof RangeError ? decodeAs('utf-8', fatal, bytes) : null
  }
}

function mediaType ({ headers }: IncomingResponse): string {
  return (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}
