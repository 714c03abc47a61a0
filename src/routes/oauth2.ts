import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { BY_ADDRESS, needs } from '../schemas/access.ts'
import { Id, Instant, ORGANIZATION_SECURITY, PUBLIC_SECURITY } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Authorizations } from '../services/oauth2/authorizations.ts'
import { cookiesOf, sendPage, setFlowCookie, wantsPage } from './browser-cookie.ts'
import { callerOf } from './workflow-scope.ts'

const CALLBACK_PATH = '/v1/oauth2/callback'
/** Guesses at a state are hopeless; what they cost is a query each. A minute and address. */
const CALLBACK_LIMIT = { max: 120, timeWindow: 60_000, groupId: 'oauth2' } as const

const AuthorizationUrl = Type.Object({
  url: Type.String({ format: 'uri', description: 'Where to send the browser', examples: ['https://login.example.com/authorize?response_type=code&client_id=weconnect'] }),
  expiresAt: Instant
}, { $id: 'AuthorizationUrl' })

/** `/v1/oauth2`, in the organization scope. */
export const oauth2Routes: FastifyPluginAsyncTypebox<{ authorizations: Authorizations, secure: boolean }> = async (app, { authorizations, secure }) => {
  app.get('/authorize-url', {
    config: { access: needs('credential:edit') },
    schema: {
      operationId: 'authorizeCredential',
      tags: ['Credentials'],
      summary: 'Begin to connect an OAuth 2 credential',
      description: 'Answers where to send the browser. What comes back is taken from the same browser, by a cookie that is set here, or from the same session or API key in the headers of the callback; once, and within 10 minutes.',
      security: ORGANIZATION_SECURITY,
      querystring: Type.Object({ credentialId: Id }, { additionalProperties: false }),
      response: { 200: AuthorizationUrl, ...problemResponses(400, 401, 404, 409, 422) }
    }
  }, async (request, reply) => {
    const { url, expiresAt, cookie } = await authorizations.begin(callerOf(request), request.query.credentialId, holderOf(request))
    setFlowCookie(reply, cookie, CALLBACK_PATH, secure)
    return { url, expiresAt: new Date(expiresAt).toISOString() }
  })
}

const Connected = Type.Object({
  credentialId: Id,
  connected: Type.Literal(true)
}, { $id: 'ConnectedCredential' })

const CallbackQuery = Type.Object({
  state: Type.Optional(Type.String({ maxLength: 512, examples: ['PpWUNCx0E7kmxPYF1KM4XQqjs9mhkTCQVcE1jLQnTJM'] })),
  code: Type.Optional(Type.String({ maxLength: 8192 })),
  iss: Type.Optional(Type.String({ maxLength: 2048 })),
  error: Type.Optional(Type.String({ maxLength: 512 })),
  error_description: Type.Optional(Type.String({ maxLength: 4096 }))
})

const PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Connected</title><p>The credential is connected. This window can be closed.</p></html>\n'

/** `/v1/oauth2/callback`, outside the scopes that want a header: a browser comes with a cookie. */
export const oauth2CallbackRoutes: FastifyPluginAsyncTypebox<{ authorizations: Authorizations }> = async (app, { authorizations }) => {
  app.addHook('onRequest', app.rateLimit(CALLBACK_LIMIT))
  // A code in an address must not be kept, nor told to whom a page links to.
  app.addHook('onRequest', async (_request, reply) => { reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' }) })
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.authorization !== undefined || request.headers['x-api-key'] !== undefined) await app.authenticate(request, reply)
  })

  app.get('/callback', {
    config: { access: BY_ADDRESS },
    schema: {
      operationId: 'finishAuthorization',
      tags: ['Credentials'],
      summary: 'Where an authorization server sends browsers back to',
      security: PUBLIC_SECURITY,
      querystring: CallbackQuery,
      response: { 200: Connected, ...problemResponses(400, 401, 404, 409, 422) }
    }
  }, async (request, reply) => {
    const bearer = { holderId: request.credential === null ? null : holderOf(request), cookie: cookiesOf(request) }
    const { credentialId } = await authorizations.finish(new URL(request.url, 'http://callback').searchParams, bearer, { ip: request.ip, requestId: request.id })
    return wantsPage(request) ? await sendPage(reply, PAGE) : { credentialId, connected: true as const }
  })
}

function holderOf ({ credential }: FastifyRequest): string {
  return credential.type === 'session' ? credential.sessionId : credential.keyId
}
