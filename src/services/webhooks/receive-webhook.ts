import type { Readable } from 'node:stream'
import type { HttpAnswer } from '../../engine/nodes/node-type.ts'
import type { Claim } from '../accept-once.ts'
import type { Acceptance } from '../acceptance.ts'
import type { AnswerWaiter, Waiting } from '../await-answer.ts'
import { isId } from '../../lib/ids.ts'
import { Problem } from '../../lib/problem.ts'
import type { Files } from '../files/files.ts'
import { ExecutionFailed, NotFound } from '../problems.ts'
import { answerOtherMethod } from './other-methods.ts'
import { deliver, type Delivery } from './deliver.ts'
import type { Endpoint, Endpoints } from './endpoints.ts'
import type { ArrivingRequest } from './gate.ts'
import type { ReadRequest, RequestReader } from './read-request.ts'

/** Its body is as it came over the wire: what signatures are computed over. */
export type IncomingRequest = ArrivingRequest

interface Told {
  /** What the client is told beside the answer. */
  readonly headers?: Readonly<Record<string, string>>
}

export type Received = Told & (
  | Claim & { readonly kind: 'accepted' }
  /** `content`: the bytes of the file that is its body. */
  | Claim & { readonly kind: 'answered', readonly answer: HttpAnswer, readonly content?: Readable }
  /** Nothing was started. */
  | { readonly kind: 'direct', readonly answer: HttpAnswer }
)

export interface WebhookReceiver {
  /** Resolves after the commit. Throws Problem. */
  receive (request: IncomingRequest): Promise<Received>
  /** What a browser is told with whatever a request there is answered, read or not. */
  headersOf (request: Pick<IncomingRequest, 'slug' | 'method' | 'path' | 'headers'>): Promise<Readonly<Record<string, string>>>
}

export interface WebhookReceiverOptions {
  readonly endpoints: Endpoints
  readonly acceptance: Acceptance
  readonly answers: AnswerWaiter
  readonly read: RequestReader
  readonly files: Files
}

export function createWebhookReceiver ({ endpoints, acceptance, answers, read, files }: WebhookReceiverOptions): WebhookReceiver {
  async function attempt (request: IncomingRequest): Promise<Received | undefined> {
    const { slug, method, path } = request
    const match = endpoints.known(slug, method, path) ?? await endpoints.find(slug, method, path)
    if (match.kind === 'none') throw NotFound('webhook')
    if (match.kind === 'otherMethod') return { kind: 'direct', answer: await answerOtherMethod(request, match) }
    const { endpoint, params } = match
    const headers = endpoint.cors?.headers(request.headers)
    try {
      const received = await proceed(request, endpoint, params)
      return headers === undefined || received === undefined ? received : { ...received, headers: { ...headers, ...received.headers } }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      // What was accepted and then failed was not refused.
      if (error.status < 500 && error.code !== ExecutionFailed.code) endpoint.tally.refused++
      throw headers === undefined ? error : error.with(headers)
    }
  }

  // Not `async`, like all that an open endpoint's request passes from here on: see acceptance.ts.
  function proceed (request: IncomingRequest, endpoint: Endpoint, params: Readonly<Record<string, string>>): Promise<Received | undefined> {
    if (endpoint.greeting !== undefined || endpoint.gate !== undefined || endpoint.limit !== undefined) return proceedGuarded(request, endpoint, params)
    void read.admit(request, endpoint)
    return receiveAt(request, endpoint, params)
  }

  async function proceedGuarded (request: IncomingRequest, endpoint: Endpoint, params: Readonly<Record<string, string>>): Promise<Received | undefined> {
    if (endpoint.greeting !== undefined) {
      const answer = endpoint.greeting.answer(request)
      if (answer !== undefined) return { kind: 'direct', answer: await answer }
    }
    const admitted = read.admit(request, endpoint)
    if (admitted !== undefined) await admitted
    if (endpoint.limit === undefined) return await receiveAt(request, endpoint, params)
    const headers = await endpoint.limit()
    try {
      const received = await receiveAt(request, endpoint, params)
      return received === undefined ? undefined : { ...received, headers }
    } catch (error) {
      throw error instanceof Problem ? error.with(headers) : error
    }
  }

  function receiveAt (request: IncomingRequest, endpoint: Endpoint, params: Readonly<Record<string, string>>): Promise<Received | undefined> {
    const delivery = read.read(request, endpoint, params)
    return delivery instanceof Promise ? delivery.then(known => start(endpoint, known)) : start(endpoint, delivery)
  }

  function start (endpoint: Endpoint, delivery: ReadRequest): Promise<Received | undefined> {
    if ('answer' in delivery) return Promise.resolve({ kind: 'direct', answer: delivery.answer })
    if (endpoint.response !== 'immediate') return acceptAndWait(endpoint, delivery)
    return deliver(acceptance, endpoint, delivery).then(claim => claim === undefined ? undefined : { kind: 'accepted', executionId: claim.executionId, duplicate: claim.duplicate })
  }

  async function acceptAndWait (endpoint: Endpoint, delivery: Delivery): Promise<Received | undefined> {
    // Before it is accepted: it may answer before this process hears of its commit.
    let waiting = waitFor(endpoint, delivery.execution.id)
    let claim: Claim | undefined
    try {
      claim = await deliver(acceptance, endpoint, delivery)
    } finally {
      if (claim === undefined || claim.duplicate) waiting.cancel()
    }
    if (claim === undefined) return undefined
    // A repetition gets the answer that the first one got.
    if (claim.duplicate) waiting = waitFor(endpoint, claim.executionId)
    const answer = await waiting.answer
    if (answer === undefined) return { kind: 'accepted', ...claim }
    const { file } = answer
    if (file === undefined) return { kind: 'answered', ...claim, answer }
    // The reference comes out of an item, and those out of anything: it reaches this organization's files only.
    if (!isId(file.fileId)) throw NotFound('file to answer with')
    return { kind: 'answered', ...claim, answer, content: await files.download(endpoint.organizationId, file.fileId) }
  }

  function waitFor ({ organizationId, response, responseTimeout }: Endpoint, executionId: string): Waiting {
    return answers.wait({ organizationId, executionId, until: response === 'respondNode' ? 'answer' : 'end', timeout: responseTimeout })
  }

  return {
    async headersOf ({ slug, method, path, headers }) {
      const match = endpoints.known(slug, method, path) ?? await endpoints.find(slug, method, path)
      return match.kind === 'found' ? match.endpoint.cors?.headers(headers) ?? {} : {}
    },
    async receive (request) {
      const received = await attempt(request)
      if (received !== undefined) return received
      // What the cache said is no longer published in that version: look again, once.
      await endpoints.refresh(request.slug)
      const second = await attempt(request)
      if (second === undefined) throw NotFound('webhook')
      return second
    }
  }
}
