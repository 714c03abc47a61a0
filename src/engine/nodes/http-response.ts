import { NodeError } from '../node-error.ts'
import type { HttpRequestParameters } from './http-request-parameters.ts'
import type { IncomingResponse } from './node-type.ts'
import { JsonError, parseStrictText } from '../../lib/strict-json.ts'

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
  const { status } = response
  const { origin, pathname } = new URL(response.url)
  return new NodeError('WC_HTTP_STATUS', `${method} ${origin}${pathname} answered ${status}`, {
    ...retryOf(response, now),
    data: excerptOf(response)
  })
}

/** What an answer was that is not as expected: the beginning tells a login page from a list. */
export function excerptOf (response: IncomingResponse): { status: number, headers: Readonly<Record<string, string>>, body: string } {
  return { status: response.status, headers: response.headers, body: decode(response, false).slice(0, EXCERPT) }
}

/** Whether another attempt may help after such an answer, and when. */
export function retryOf ({ status, headers }: Pick<IncomingResponse, 'status' | 'headers'>, now: number): { retryable: boolean, retryAfter?: number } {
  const retryAfter = parseRetryAfter(headers['retry-after'], now)
  return { retryable: status >= 500 || PASSING.has(status), ...(retryAfter !== null && { retryAfter }) }
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
  if (form === 'json') return parseJson(response, () => { throw new NodeError('WC_HTTP_BODY', 'The answer is not JSON', { data: excerptOf(response) }) })
  if (/^application\/(.+\+)?json$/.test(contentType)) return parseJson(response, () => decode(response, true))
  return decode(response, !contentType.startsWith('text/'))
}

/** JSON that may be stored; `otherwise` speaks for bytes that are no JSON at all. */
function parseJson (response: IncomingResponse, otherwise: () => unknown): unknown {
  // JSON is UTF-8 (RFC 8259), whatever is declared; some that is declared to be something else is.
  const text = decodeAs('utf-8', true, response.body) ?? decodeAs(charsetOf(response), true, response.body)
  if (text === null) return otherwise()
  try {
    return parseStrictText(text)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    if (error.fault === 'syntax') return otherwise()
    throw new NodeError('WC_HTTP_BODY', `The JSON of the answer cannot be kept: ${error.message}`)
  }
}

/** `strict` refuses what is no text, which would arrive as rubbish. */
function decode (response: IncomingResponse, strict: boolean): string {
  const text = decodeAs(charsetOf(response), strict, response.body)
  if (text !== null && !(strict && text.includes('\0'))) return text
  throw new NodeError('WC_HTTP_BODY', `The answer (${mediaType(response) || 'of no stated type'}) is not text; response: binary makes a file of it`)
}

function charsetOf ({ headers }: IncomingResponse): string {
  return /charset="?([^\s;"]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8'
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
