import { createHash } from 'node:crypto'
import { parseDuration } from '../../lib/duration.ts'
import { dropCredentials } from '../../lib/guarded-fetch/redirect.ts'
import type { Credential } from '../credentials/credential-type.ts'
import type { OutputItem } from '../item.ts'
import { NodeError } from '../node-error.ts'
import { requireAllowedHost, type AuthorizedFetch } from './http-authorization.ts'
import { fitting } from './fitting.ts'
import { authoritiesProblem } from './http-authorities.ts'
import { createDownload, type Download } from './http-download.ts'
import { withPageNumber } from './http-errors.ts'
import { firstPage, itemOf, itemsOf, MAX_PAGES_SIZE, nextPage } from './http-pagination.ts'
import type { NextPage, Place } from './http-pagination.ts'
import { buildRequest } from './http-request-build.ts'
import type { Attachments } from './http-request-files.ts'
import { Pagination, type HttpRequestParameters } from './http-request-parameters.ts'
import { readResponse } from './http-response.ts'
import type { HttpAnswerItem } from './http-response.ts'
import type { NodeContext, OutgoingRequest } from './node-type.ts'
import { setInQuery } from './url-query.ts'

/** What a request needs of the powers of a node. */
export type RequestContext = Pick<NodeContext<HttpRequestParameters>, 'parameters' | 'idempotencyKey' | 'now'>

/** What all requests of a step share. */
export interface Session {
  readonly context: RequestContext
  /** With the credential in what it sends. */
  readonly fetch: AuthorizedFetch
  readonly clientCertificate: Credential | undefined
  /** What files of item `index` are taken from, where there are any. */
  readonly attachments?: (index: number) => Attachments
}

interface NodeSession extends Session {
  readonly context: NodeContext<HttpRequestParameters>
}

interface Answered {
  readonly answer: HttpAnswerItem
  readonly place: Place
  readonly size: number
}

/** The items that item `index` makes: its answer, or all of its pages. */
export async function exchange (session: NodeSession, index: number, signal: AbortSignal): Promise<OutputItem[]> {
  const { context } = session
  const parameters = context.parameters(index)
  if (parameters.pagination !== undefined) return await allPages(session, index, parameters, signal)
  const download = parameters.response === 'binary' ? createDownload(context.files) : undefined
  const { answer } = await send(session, parameters, context.idempotencyKey(index), { by: 'parameters' }, signal, index, download)
  const file = download?.file
  return [{ from: index, json: { ...answer }, ...(file !== undefined && { binary: { [parameters.responseName ?? 'file']: file } }) }]
}

async function allPages (session: Session, index: number, first: HttpRequestParameters, signal: AbortSignal): Promise<OutputItem[]> {
  const found: OutputItem[] = []
  for await (const { answer, pagination } of pagesOf(session, index, first, signal)) {
    const entries = pagination.items === undefined ? [answer] : itemsOf(pagination, answer)!
    for (const entry of entries) found.push({ from: index, json: { ...itemOf(entry) } })
  }
  return found
}

export interface Page {
  readonly answer: HttpAnswerItem
  /** As the answer has it: expressions in it see the answer. */
  readonly pagination: Pagination
}

/** Page after page, for parameters with a pagination. Throws NodeError where there are too many bytes, or no way on. */
export async function * pagesOf (session: Session, index: number, first: HttpRequestParameters, signal: AbortSignal): AsyncGenerator<Page> {
  const { context } = session
  let parameters = first
  let next: NextPage | null = firstPage(fitting(Pagination, first.pagination, '/pagination'))
  let size = 0
  const asked = new Set<string>()
  for (let pages = 1; next !== null; pages++) {
    // Each page is a request of its own: with one key for all, the far side would answer with the first again.
    const key = pages === 1 ? context.idempotencyKey(index) : `${context.idempotencyKey(index)}:${pages}`
    const { answer, place, size: received }: Answered = await send(session, parameters, key, next, signal, index).catch((error: unknown) => { throw withPageNumber(error, pages) })
    size += received
    if (size > MAX_PAGES_SIZE) throw new NodeError('WC_HTTP_TOO_LARGE', `The pages together are larger than ${MAX_PAGES_SIZE} bytes`)
    parameters = context.parameters(index, { response: answer, count: pages })
    // Its parts may be expressions over the answer: a number of pages that is none would never end.
    const pagination = fitting(Pagination, parameters.pagination, '/pagination')
    yield { answer, pagination }
    asked.add(keyOf(next)).add(keyOf({ by: 'url', url: place.asked }))
    next = nextPage(pagination, answer, place, pages)
    if (next !== null && next.by !== 'parameters' && asked.has(keyOf(next))) {
      throw new NodeError('WC_HTTP_PAGINATION', 'The answer names a page as the next one that was there before')
    }
  }
}

/** The answer to one request, for parameters without a pagination; it is no file. */
export async function answerOf (session: Session, index: number, parameters: HttpRequestParameters, signal: AbortSignal): Promise<HttpAnswerItem> {
  const { answer } = await send(session, parameters, session.context.idempotencyKey(index), { by: 'parameters' }, signal, index)
  return answer
}

async function send ({ context, fetch, clientCertificate, attachments }: Session, parameters: HttpRequestParameters, key: string, page: NextPage, signal: AbortSignal, index: number, download?: Download): Promise<Answered> {
  const own = { ...buildRequest(parameters, key, signal, attachments?.(index)), ...waysOf(parameters) }
  const away = page.by === 'url' && URL.canParse(own.url) && new URL(page.url).origin !== new URL(own.url).origin
  const built = away ? withoutCredentials({ ...own, url: page.url }) : withCertificate(withPage(own, page), clientCertificate)
  const request = download === undefined || built.method === 'HEAD' ? built : { ...built, sink: download.sink(parameters.failOnStatus !== false) }
  const { service, region } = parameters.aws ?? {}
  const response = await fetch(request, { now: context.now(), service, region, anonymous: away })
  return {
    answer: readResponse(response, parameters, request.method, context.now()),
    place: { asked: request.url, answered: response.url },
    size: response.body.length
  }
}

/** Pages may be many and their addresses long. */
function keyOf (page: NextPage): string {
  return createHash('sha256').update(JSON.stringify(page)).digest('base64')
}

function withPage (request: OutgoingRequest, page: NextPage): OutgoingRequest {
  if (page.by === 'parameters') return request
  if (page.by === 'url') return { ...request, url: page.url }
  if (!URL.canParse(request.url)) return request
  return { ...request, url: setInQuery(request.url, page.name, page.value) }
}

/** To where a redirect has led before: as that one did, it takes no credentials along. */
function withoutCredentials (request: OutgoingRequest): OutgoingRequest {
  return { ...request, headers: dropCredentials(request.headers ?? {}, []) }
}

function withCertificate (request: OutgoingRequest, certificate: Credential | undefined): OutgoingRequest {
  if (certificate === undefined) return request
  if (URL.canParse(request.url)) requireAllowedHost(certificate, new URL(request.url).hostname)
  return { ...request, clientCertificate: certificate.data as unknown as NonNullable<OutgoingRequest['clientCertificate']> }
}

/** How the request goes: paced, through a proxy, to whom it trusts. */
function waysOf ({ proxy, ca, rateLimit }: HttpRequestParameters): Partial<OutgoingRequest> {
  const problem = isGiven(ca) ? authoritiesProblem(String(ca)) : null
  if (problem !== null) throw new NodeError('WC_PARAMETER', `What ca gave ${problem}`, { pointer: '/ca' })
  return {
    ...(isGiven(proxy) && { proxy: String(proxy) }),
    ...(isGiven(ca) && { ca: String(ca) }),
    ...(rateLimit !== undefined && { pace: { requests: rateLimit.requests, per: parseDuration(rateLimit.per) } })
  }
}

/** An expression that comes to nothing leaves it out. */
function isGiven (value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}
