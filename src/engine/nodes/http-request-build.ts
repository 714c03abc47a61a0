import { parseDuration } from '../../lib/duration.ts'
import { headerProblem } from '../../lib/http-headers.ts'
import { NodeError } from '../node-error.ts'
import { headerPairs } from './header-pairs.ts'
import { binaryBody, multipartBody, type Attachments } from './http-request-files.ts'
import { DEFAULT_REDIRECTS, DEFAULT_RESPONSE_SIZE, DEFAULT_TIMEOUT, MAX_REDIRECTS, MAX_TIMEOUT } from './http-request-parameters.ts'
import type { HttpRequestParameters } from './http-request-parameters.ts'
import type { OutgoingRequest, StreamedBody } from './node-type.ts'
import { addToQuery } from './url-query.ts'

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/** Evaluated parameters may hold anything where an expression stood, so each is looked at again. */
export function buildRequest (parameters: HttpRequestParameters, idempotencyKey: string, signal: AbortSignal, attachments: Attachments | undefined): OutgoingRequest {
  const method = String(parameters.method ?? 'GET').toUpperCase()
  const body = buildBody(parameters, attachments)
  const headers = new Map(headerPairs(parameters.headers))
  for (const [name, value] of headers) {
    const problem = headerProblem(name, value, 'request')
    if (problem !== null) throw new NodeError('WC_HTTP_HEADER', problem, { pointer: '/headers' })
  }
  if (body.contentType !== undefined && !headers.has('content-type')) headers.set('content-type', body.contentType)
  if (!SAFE_METHODS.has(method) && !headers.has('idempotency-key')) headers.set('idempotency-key', idempotencyKey)
  return {
    method,
    url: buildUrl(parameters),
    headers: Object.fromEntries(headers),
    ...(body.content !== undefined && { body: body.content }),
    timeout: timeoutOf(parameters.timeout),
    maxResponseSize: parameters.maxResponseSize ?? (parameters.response === 'binary' ? Number.MAX_SAFE_INTEGER : DEFAULT_RESPONSE_SIZE),
    followRedirects: redirectsOf(parameters.followRedirects),
    allowUnauthorizedCerts: parameters.allowUnauthorizedCerts === true,
    signal
  }
}

function buildUrl ({ url, query }: HttpRequestParameters): string {
  const target = String(url)
  if (query === undefined || query === null) return target
  // The guard says best what is wrong with a URL.
  if (!URL.canParse(target)) return target
  return addToQuery(target, pairsOf(query, 'query'))
}

interface Body {
  readonly content?: string | StreamedBody
  readonly contentType?: string
}

function buildBody ({ body, bodyType = 'json', binaryName, files = {} }: HttpRequestParameters, attachments: Attachments | undefined): Body {
  if (attachments === undefined && (bodyType === 'binary' || bodyType === 'multipart')) throw new NodeError('WC_HTTP_BODY', 'There is no item here whose files could be sent', { pointer: '/bodyType' })
  if (bodyType === 'binary') return binaryBody(attachments!, binaryName)
  if (bodyType === 'multipart') return multipartBody(attachments!, body === undefined ? [] : pairsOf(body, 'body'), pairsOf(files, 'files'))
  if (body === undefined || bodyType === 'none') return {}
  switch (bodyType) {
    case 'json': return { content: stringify(body), contentType: 'application/json' }
    case 'form': return { content: new URLSearchParams(pairsOf(body, 'body')).toString(), contentType: 'application/x-www-form-urlencoded' }
    case 'text': return { content: typeof body === 'string' ? body : stringify(body), contentType: 'text/plain; charset=utf-8' }
  }
}

function stringify (value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    throw new NodeError('WC_HTTP_BODY', `The body cannot be written as JSON: ${(error as Error).message}`, { pointer: '/body' })
  }
}

/** Names with values as text: lists repeat the name, null and missing values leave it out, objects become JSON. */
function pairsOf (record: unknown, parameter: 'query' | 'body' | 'files'): [string, string][] {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw new NodeError('WC_PARAMETER', `The ${parameter} must be an object of values by name`, { pointer: `/${parameter}` })
  }
  return Object.entries(record).flatMap(([name, given]) => {
    const values: unknown[] = Array.isArray(given) ? given : [given]
    return values
      .filter(value => value !== undefined && value !== null)
      .map((value): [string, string] => [name, typeof value === 'object' ? stringify(value) : String(value)])
  })
}

function timeoutOf (given: unknown): number {
  try {
    const milliseconds = parseDuration(String(given ?? DEFAULT_TIMEOUT))
    if (milliseconds > 0 && milliseconds <= parseDuration(MAX_TIMEOUT)) return milliseconds
  } catch {
    // Said below, as for a duration out of bounds.
  }
  throw new NodeError('WC_PARAMETER', `The timeout must be a duration up to ${MAX_TIMEOUT}`, { pointer: '/timeout' })
}

function redirectsOf (given: unknown): number {
  const count = Number(given ?? DEFAULT_REDIRECTS)
  if (Number.isInteger(count) && count >= 0 && count <= MAX_REDIRECTS) return count
  throw new NodeError('WC_PARAMETER', `The number of redirects must be from 0 to ${MAX_REDIRECTS}`, { pointer: '/followRedirects' })
}
