import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Actor, Origin } from '../services/audit.ts'
import type { Permissions } from '../services/identity/permissions.ts'
import type { Identity } from '../services/identity/identity.ts'
import type { AuthenticatedKey } from '../services/identity/api-keys.ts'
import type { Reach } from '../services/identity/sessions.ts'
import { Forbidden, MalformedRequest, Unauthenticated } from '../services/problems.ts'
import type { TicketHolder } from '../services/tail/tickets.ts'

/** Who the request comes from. */
export type Credential =
  | { readonly type: 'session', readonly userId: string, readonly sessionId: string } & Reach
  | { readonly type: 'apiKey', readonly keyId: string, readonly organizationId: string, readonly permissions: Permissions, readonly createdBy: string | null }

export type SessionCredential = Extract<Credential, { type: 'session' }>

declare module 'fastify' {
  interface FastifyInstance {
    /** For `onRequest` of a scope: sets `request.credential` and `request.actor`, or answers 401. */
    authenticate: onRequestAsyncHookHandler
    /** The same for a credential that was shown before. Throws Unauthenticated once it is over. */
    authenticateAgain: (request: FastifyRequest, holder: TicketHolder) => Promise<void>
  }
  interface FastifyRequest {
    /** Set by `authenticate`; reading it outside such a scope is a fault of the program. */
    credential: Credential
    actor: Actor
    /** For the audit log. */
    origin (): Origin
    /** The credential of routes that only people can use. Throws Forbidden for an API key. */
    session (): SessionCredential
  }
}

const BEARER = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i

/** Authenticates by access token or API key. */
export const auth = fp<{ identity: Identity }>(async function authPlugin (app, { identity }) {
  app.decorateRequest<Credential | null>('credential', null)
  app.decorateRequest<Actor | null>('actor', null)
  app.decorateRequest('origin', function (this: FastifyRequest): Origin {
    return { actor: this.actor, ip: this.ip, requestId: this.id }
  })
  app.decorateRequest('session', function (this: FastifyRequest): SessionCredential {
    if (this.credential.type !== 'session') throw Forbidden('This belongs to a person. Log in, and use the access token instead of an API key.')
    return this.credential
  })

  app.decorate('authenticate', async function authenticate (request) {
    request.credential = await credentialOf(request)
    request.actor = actorOf(request.credential)
  })

  app.decorate('authenticateAgain', async function authenticateAgain (request, holder) {
    request.credential = holder.type === 'session' ? await sessionOf(holder) : keyOf(await identity.apiKeys.read(holder.keyId))
    request.actor = actorOf(request.credential)
  })

  function keyOf (key: AuthenticatedKey | undefined): Credential {
    if (key === undefined) throw Unauthenticated('The API key is not valid, or was revoked.')
    return { type: 'apiKey', ...key }
  }

  async function sessionOf ({ sessionId, userId }: Pick<SessionCredential, 'sessionId' | 'userId'>): Promise<Credential> {
    const reach = await identity.sessions.reach(sessionId, userId)
    if (reach === undefined) throw Unauthenticated('The session of this access token has ended. Log in again.')
    return { type: 'session', sessionId, userId, ...reach }
  }

  async function credentialOf ({ headers }: FastifyRequest): Promise<Credential> {
    const { authorization, 'x-api-key': apiKey } = headers
    if (authorization !== undefined && apiKey !== undefined) throw MalformedRequest('Send either Authorization or X-API-Key, not both.')
    if (typeof apiKey === 'string') return keyOf(await identity.apiKeys.authenticate(apiKey))
    const token = BEARER.exec(authorization ?? '')?.[1]
    if (token === undefined) throw Unauthenticated('Send "Authorization: Bearer <access token>" or "X-API-Key: <key>".')
    return await sessionOf(app.verifyAccessToken(token))
  }
}, { name: 'auth', fastify: '5.x', dependencies: ['access-tokens'] })

function actorOf (credential: Credential): Actor {
  return credential.type === 'session' ? { type: 'user', id: credential.userId } : { type: 'apiKey', id: credential.keyId }
}
