import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Actor, Origin } from '../services/audit.ts'
import type { Permissions } from '../services/identity/permissions.ts'
import type { Identity } from '../services/identity/identity.ts'
import type { Reach } from '../services/identity/sessions.ts'
import { Forbidden, MalformedRequest, Unauthenticated } from '../services/problems.ts'

/** Who the request comes from. */
export type Credential =
  | { readonly type: 'session', readonly userId: string, readonly sessionId: string } & Reach
  | { readonly type: 'apiKey', readonly keyId: string, readonly organizationId: string, readonly permissions: Permissions, readonly createdBy: string | null }

export type SessionCredential = Extract<Credential, { type: 'session' }>

declare module 'fastify' {
  interface FastifyInstance {
    /** For `onRequest` of a scope: sets `request.credential` and `request.actor`, or answers 401. */
    authenticate: onRequestAsyncHookHandler
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

  async function credentialOf ({ headers }: FastifyRequest): Promise<Credential> {
    const { authorization, 'x-api-key': apiKey } = headers
    if (authorization !== undefined && apiKey !== undefined) throw MalformedRequest('Send either Authorization or X-API-Key, not both.')
    if (typeof apiKey === 'string') {
      const key = await identity.apiKeys.authenticate(apiKey)
      if (key === undefined) throw Unauthenticated('The API key is not valid, or was revoked.')
      return { type: 'apiKey', ...key }
    }
    const token = BEARER.exec(authorization ?? '')?.[1]
    if (token === undefined) throw Unauthenticated('Send "Authorization: Bearer <access token>" or "X-API-Key: <key>".')
    const { sessionId, userId } = app.verifyAccessToken(token)
    const reach = await identity.sessions.reach(sessionId, userId)
    if (reach === undefined) throw Unauthenticated('The session of this access token has ended. Log in again.')
    return { type: 'session', sessionId, userId, ...reach }
  }
}, { name: 'auth', fastify: '5.x', dependencies: ['access-tokens'] })

function actorOf (credential: Credential): Actor {
  return credential.type === 'session' ? { type: 'user', id: credential.userId } : { type: 'apiKey', id: credential.keyId }
}
