import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { needs, ticketFor } from '../schemas/access.ts'
import { Instant, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import { grantedIds } from '../services/identity/grants.ts'
import { Forbidden, PermissionMissing, TooManyRequests, Unauthenticated } from '../services/problems.ts'
import { createTailConnection } from '../services/tail/connection.ts'
import type { TakenTicket } from '../services/tail/tickets.ts'
import type { TailHub } from '../services/tail/index.ts'
import { UpgradeRequired } from '../services/tail/problems.ts'
import { whileAllowed } from './standing-access.ts'

interface Options {
  readonly tail: TailHub
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether a tail may go on: throws Unauthenticated once its credential is gone. */
    recheckTail: (() => Promise<void>) | null
    /** Those that a tail may follow; null: all. */
    tailWorkflows: ReadonlySet<string> | null
  }
}

const MAX_CONNECTIONS_OF_ORGANIZATION = 2000
const RETRY_SECONDS = 10
const PERMISSION = 'execution:read'
/** About as long as an access token lives, which the holder of a ticket shows no more: it comes back with a new one. Milliseconds. */
const TICKET_CONNECTION = 15 * 60_000
const POLICY_VIOLATION = 1008
// URLs end up in logs and histories.
const SECRETS_IN_QUERY = ['token', 'access_token', 'accessToken', 'apiKey', 'api_key', 'key', 'authorization']

/** `GET /v1/tail`, outside the scopes that want a header: a browser comes with a ticket. */
export const tailRoutes: FastifyPluginAsync<Options> = async (app, { tail }) => {
  const connections = new Map<string, number>()
  app.decorateRequest('recheckTail', null)
  app.decorateRequest('tailWorkflows', null)

  async function authenticate (request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const query = request.query as Record<string, unknown>
    if (SECRETS_IN_QUERY.some(name => name in query)) throw Unauthenticated('A token does not belong into a URL. Send it in a header, or get a ticket from POST /v1/tail/tickets.')
    if (query['ticket'] !== undefined) {
      const owner = typeof query['ticket'] === 'string' ? await tail.tickets.take(query['ticket']) : undefined
      if (owner === undefined) throw Unauthenticated('The ticket is not valid, was used, or has expired. Get another one from POST /v1/tail/tickets.')
      await follow(request, owner, async () => { await app.authenticateAgain(request, owner.holder) })()
      return
    }
    await app.authenticate(request, reply)
    await app.chooseOrganization(request, reply)
    follow(request, { organizationId: request.organizationId, workflowIds: followable(request) }, async () => { await app.authenticate(request, reply) })
  }

  function follow (request: FastifyRequest, { organizationId, workflowIds: workflows }: Pick<TakenTicket, 'organizationId' | 'workflowIds'>, again: () => Promise<unknown>): () => Promise<void> {
    request.tailWorkflows = workflows === null ? null : new Set(workflows)
    request.recheckTail = async () => {
      await again()
      request.enterOrganization(organizationId)
      const now = followable(request)
      if (now !== null && (workflows === null || workflows.some(id => !now.includes(id)))) throw Unauthenticated('Workflows that this tail may follow were taken back. Open another one.')
    }
    return request.recheckTail
  }

  app.addHook('onRequest', async (request, reply) => {
    if (!request.ws) throw UpgradeRequired()
    if (!app.allowsOrigin(request)) throw Forbidden('Pages of this origin may not open a tail. The operator names those that may in WECONNECT_CORS_ORIGINS.')
    await authenticate(request, reply)
    if ((connections.get(request.organizationId) ?? 0) >= MAX_CONNECTIONS_OF_ORGANIZATION) throw TooManyRequests(RETRY_SECONDS)
  })

  const schema = { hide: true, querystring: Type.Object({ ticket: Type.Optional(Type.String()) }, { additionalProperties: false }) }
  app.get('/', { websocket: true, config: { access: ticketFor(PERMISSION) }, schema }, (socket, { organizationId, log, query, recheckTail, tailWorkflows: workflows }) => {
    const connection = createTailConnection({ hub: tail, organizationId, workflows, socket, log })
    const stopChecking = whileAllowed(recheckTail!, () => { socket.close(POLICY_VIOLATION, 'The credential is no longer valid') })
    const end = 'ticket' in (query as object) ? setTimeout(() => { socket.close(POLICY_VIOLATION, 'The time of the ticket is over') }, TICKET_CONNECTION).unref() : undefined
    connections.set(organizationId, (connections.get(organizationId) ?? 0) + 1)
    socket.on('message', (data: Buffer, binary: boolean) => { connection.receive(data, binary) })
    socket.on('ping', connection.touched)
    socket.on('pong', connection.touched)
    socket.on('close', () => {
      stopChecking()
      clearTimeout(end)
      connection.closed()
      const left = connections.get(organizationId)! - 1
      if (left === 0) connections.delete(organizationId)
      else connections.set(organizationId, left)
    })
  })
}

/** The workflows whose executions the caller may read by grants alone; null: all. Throws PermissionMissing where there are none. */
function followable (request: FastifyRequest): string[] | null {
  if (request.permissions.has(PERMISSION)) return null
  const ids = grantedIds(request.grants, 'workflow', PERMISSION)
  if (ids.length === 0) throw PermissionMissing(PERMISSION)
  return ids
}

const Ticket = Type.Object({
  ticket: Type.String({ description: 'For `GET /v1/tail?ticket=`, once' }),
  expiresAt: Instant
}, { $id: 'TailTicket' })

/** `/v1/tail/tickets`, in the organization scope. */
export const tailTicketRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { tail }) => {
  app.post('/tickets', {
    config: { access: needs(PERMISSION, 'workflows') },
    schema: {
      operationId: 'createTailTicket',
      tags: ['Executions'],
      summary: 'Get a ticket that opens one tail',
      description: 'For browsers, which cannot send headers with a WebSocket. It is good for one connection within 60 seconds.',
      security: ORGANIZATION_SECURITY,
      body: Type.Union([Type.Object({}, { additionalProperties: false }), Type.Null()]),
      response: { 201: Ticket, ...problemResponses(400, 401, 404, 415, 422) }
    }
  }, async (request, reply) => {
    const { credential, organizationId } = request
    return await reply.code(201).send(await tail.tickets.issue({ organizationId, workflowIds: followable(request) }, credential))
  })
}
