import type { Readable } from 'node:stream'
import type { FastifyBaseLogger, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from '@sinclair/typebox'
import type { HttpAnswer } from '../engine/nodes/node-type.ts'
import { LazyLogger } from '../lib/lazy-logger.ts'
import { Problem } from '../lib/problem.ts'
import { pinCookie } from '../lib/tenant-cookies.ts'
import { BY_ADDRESS } from '../schemas/access.ts'
import { Id, PUBLIC_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import { acceptBatches, answerBatch, isBatch } from './hook-batches.ts'
import type { BatchReceiver } from '../services/webhooks/receive-batch.ts'
import type { RefusedRequest, Refusals } from '../services/deliveries/refusals.ts'
import { ExecutionFailed, TooLarge } from '../services/problems.ts'
import type { IncomingRequest, WebhookReceiver } from '../services/webhooks/receive-webhook.ts'

export const WEBHOOK_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const

const Accepted = Type.Object({ executionId: Id })

const schema = {
  tags: ['Ingestion'],
  summary: 'Start the workflow that is published here',
  description: 'Answered after the execution is committed: 202 with its id, or what the workflow answers where its webhook node says so. ' +
    'A POST with `?batch=true` and a body of type application/x-ndjson starts an execution for each line, and answers a line for each: `{ "line", "executionId" }`, or a problem with its `line`.',
  security: PUBLIC_SECURITY,
  params: Type.Object({
    organizationSlug: Type.String({ minLength: 1, maxLength: 64, examples: ['local'] }),
    '*': Type.String({ description: 'The path of the webhook node, its parameters filled in', examples: ['orders'] })
  }),
  response: {
    200: { description: 'What the workflow answers; its respond node chooses the status' },
    202: {
      description: 'Accepted and committed',
      headers: {
        'X-Execution-Id': { ...Id, description: 'The id of the execution' },
        'X-WeConnect-Duplicate': Type.Optional(Type.String({ description: '`true` where an earlier delivery with the same key has started it', examples: ['true'] }))
      },
      content: { 'application/json': { schema: Accepted, example: { executionId: '01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b' } } }
    },
    ...problemResponses(400, 401, 403, 404, 405, 408, 413, 415, 422, 429)
  }
}

const EMPTY = Buffer.alloc(0)
const BODY_TOO_LARGE = 'FST_ERR_CTP_BODY_TOO_LARGE'
const MAX_INTEGER = 2_147_483_647

/** `/hooks/:organizationSlug/<path>`: any method, any body, as fast as it can be made durable. */
export const hookRoutes: FastifyPluginAsync<{ receiver: WebhookReceiver, batches: BatchReceiver, refusals: Refusals, maxBodySize: number }> = async (app, { receiver, batches, refusals, maxBodySize }) => {
  app.setChildLoggerFactory((logger, bindings) => new LazyLogger(logger as never, bindings) as unknown as FastifyBaseLogger)
  // The body stays as it came: its bytes are what a signature is over, and the service reads it once.
  app.removeAllContentTypeParsers()
  // What most send is named beside the rest: Fastify finds it without taking the header apart.
  for (const type of ['application/json', '*']) app.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: maxBodySize }, (_request, body, done) => { done(null, body) })
  acceptBatches(app, maxBodySize)
  app.addHook('onError', async (request, reply, error) => {
    const problem = error instanceof Problem ? error : error.code === BODY_TOO_LARGE ? TooLarge(maxBodySize) : undefined
    if (problem === undefined) return
    const refused = refusedRequest(request as HookRequest)
    const executionId = problem.headers['x-execution-id']
    // It was accepted, and then its workflow failed.
    if (problem.code === ExecutionFailed.code && executionId !== undefined) return refusals.answered(refused.slug, executionId, problem.status)
    // What is too large is refused before anything else is looked at, and a page could not read why.
    if (problem.code === TooLarge.code) reply.headers(await receiver.headersOf(refused))
    refusals.note(refused, problem)
  })

  for (const method of WEBHOOK_METHODS) {
    app.route<{ Params: { organizationSlug: string, '*': string } }>({
      method,
      url: '/:organizationSlug/*',
      exposeHeadRoute: false,
      config: { access: BY_ADDRESS, quiet: true },
      bodyLimit: maxBodySize,
      schema: { ...schema, operationId: `receiveWebhook${method[0]}${method.slice(1).toLowerCase()}` },
      // The path is the tenant's to choose; only what is ours is looked at, by hand.
      validatorCompiler: () => () => true,
      async handler (request, reply) {
        const url = request.raw.url ?? ''
        const mark = url.indexOf('?')
        const path = mark === -1 ? url : url.slice(0, mark)
        const incoming = new Arrived(request, path.slice(path.indexOf('/', '/hooks/'.length) + 1), mark === -1 ? '' : url.slice(mark + 1))
        if (mark !== -1 && isBatch(method, incoming.queryText)) return await answerBatch(batches, incoming, request, reply, (problem, line) => { refusals.note(refusedRequest(request), problem, line) })
        const received = await receiver.receive(incoming)
        if (received.headers !== undefined) reply.headers(received.headers)
        if (received.kind === 'direct') return sendAnswer(reply, incoming.slug, received.answer)
        reply.header('x-execution-id', received.executionId)
        if (received.duplicate) reply.header('x-weconnect-duplicate', 'true')
        if (received.kind === 'accepted') {
          return reply.code(202).type('application/json; charset=utf-8').serializer(asText).send(`{"executionId":"${received.executionId}"}`)
        }
        const { executionId, answer } = received
        const { slug } = incoming
        const { status } = answer
        // Once it is sent: a caller that went away was answered nothing.
        reply.raw.once('finish', () => { refusals.answered(slug, executionId, status) })
        return sendAnswer(reply, slug, answer, received.content)
      }
    })
  }
}

type HookRequest = FastifyRequest<{ Params: { organizationSlug: string, '*': string } }>

/**
 * A request as the services take it. A class, not a literal with a getter: V8 gives each such literal a hidden class of
 * its own, and keeps what hangs on it until the next full collection.
 */
class Arrived implements IncomingRequest {
  readonly slug: string
  readonly method: string
  readonly path: string
  readonly queryText: string
  readonly headers: IncomingRequest['headers']
  readonly body: Buffer
  readonly #request: HookRequest

  constructor (request: HookRequest, path: string, queryText: string) {
    this.path = path
    this.queryText = queryText
    this.slug = request.params.organizationSlug
    this.method = request.method
    this.headers = request.headers
    this.body = Buffer.isBuffer(request.body) ? request.body : EMPTY
    this.#request = request
  }

  /** Worked out when it is asked for, which most endpoints do not. */
  get address (): string { return this.#request.ip }
}

function refusedRequest ({ raw: { url = '', method = '' }, params, headers, ip, body }: HookRequest): RefusedRequest {
  const [path = '', queryText = ''] = url.split('?', 2)
  const bodySize = Buffer.isBuffer(body) ? body.length : Number(headers['content-length'] ?? 0)
  return { slug: params.organizationSlug, method, path: path.slice(path.indexOf('/', '/hooks/'.length) + 1), queryText, headers, address: ip, bodySize: Number.isSafeInteger(bodySize) ? Math.min(bodySize, MAX_INTEGER) : 0 }
}

function asText (payload: unknown): string {
  return String(payload)
}

/** Of several policies each one holds: whatever the workflow's own allows, its page has an origin of its own. */
const SANDBOX = 'sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts'

/** What a workflow answers is a stranger's content on the service's origin: it gets no rights there, and none that it gives to itself. */
function sendAnswer (reply: FastifyReply, slug: string, { status, headers, body }: HttpAnswer, content?: Readable): FastifyReply {
  const policy = headers['content-security-policy']
  reply.code(status)
    .headers(pinned(headers, `/hooks/${slug}/`))
    .header('content-security-policy', policy === undefined ? "default-src 'none'; sandbox" : `${String(policy)}, ${SANDBOX}`)
    .header('x-content-type-options', 'nosniff')
    .serializer(asText)
  if (content !== undefined) return reply.send(content)
  if (body === null || body === undefined) return reply.send()
  const hasType = Object.keys(headers).some(name => name.toLowerCase() === 'content-type')
  if (typeof body === 'string') return (hasType ? reply : reply.type('text/plain; charset=utf-8')).send(body)
  return (hasType ? reply : reply.type('application/json; charset=utf-8')).send(JSON.stringify(body))
}

function pinned (headers: HttpAnswer['headers'], below: string): HttpAnswer['headers'] {
  const cookies = headers['set-cookie']
  return cookies === undefined ? headers : { ...headers, 'set-cookie': [cookies].flat().map(cookie => pinCookie(cookie, below)) }
}
