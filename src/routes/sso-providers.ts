import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { needsInPath } from '../schemas/access.ts'
import { Id, IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { NewSsoProvider, SsoProvider, SsoProviderChange } from '../schemas/sso.ts'
import { IfMatch } from '../schemas/workflow.ts'
import type { Identity } from '../services/identity/identity.ts'
import { providerTag, type ProviderManager } from '../services/sso/providers.ts'
import { callerOf, tagged } from './workflow-scope.ts'

const common = { tags: ['Organizations'], security: ORGANIZATION_SECURITY }
const config = { access: needsInPath('sso:manage') }
const ProviderParams = Type.Object({ id: Id, providerId: Id }, { additionalProperties: false })

/** `/v1/organizations/:id/sso-providers`. */
export const ssoProviderRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity: { providers } }) => {
  app.post('/:id/sso-providers', {
    config: { ...config, idempotent: true },
    schema: {
      ...common,
      operationId: 'createSsoProvider',
      summary: 'Let people sign in by an identity provider (OpenID Connect)',
      description: 'The issuer is asked before anything is stored: 422 says why it cannot be used. Then register `redirectUri` there. Sessions that it vouches for reach this organization only.',
      params: IdParams,
      body: NewSsoProvider,
      response: { 201: SsoProvider, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const created = await providers.create(managerOf(request), request.body)
    return await reply.code(201).send(tagged(reply, { etag: providerTag(created), value: created }))
  })

  app.get('/:id/sso-providers', {
    config,
    schema: { ...common, operationId: 'listSsoProviders', summary: 'List identity providers, newest first', params: IdParams, querystring: Page, response: { 200: listOf(SsoProvider), ...problemResponses(401, 403, 404, 422) } }
  }, async request => {
    const { limit, cursor } = request.query
    return toPage(await providers.list(request.db, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor)), limit, ({ id }) => id, one => one)
  })

  app.get('/:id/sso-providers/:providerId', {
    config,
    schema: { ...common, operationId: 'getSsoProvider', summary: 'Read an identity provider', params: ProviderParams, response: { 200: SsoProvider, ...problemResponses(401, 403, 404, 422) } }
  }, async (request, reply) => {
    const provider = await providers.get(request.db, request.params.providerId)
    return tagged(reply, { etag: providerTag(provider), value: provider })
  })

  await app.register(oneProviderRoutes, { providers })
}

const oneProviderRoutes: FastifyPluginAsyncTypebox<Pick<Identity, 'providers'>> = async (app, { providers }) => {
  app.patch('/:id/sso-providers/:providerId', {
    config,
    schema: {
      ...common,
      operationId: 'changeSsoProvider',
      summary: 'Change an identity provider',
      description: 'What is left out stays. Another issuer or client takes the secret again, and is asked first. Disabled, it lets nobody in, and who came by it is out at once.',
      params: ProviderParams,
      headers: IfMatch,
      body: SsoProviderChange,
      response: { 200: SsoProvider, ...problemResponses(400, 401, 403, 404, 409, 412, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const provider = await providers.change(managerOf(request), request.params.providerId, request.body, request.headers['if-match'])
    return tagged(reply, { etag: providerTag(provider), value: provider })
  })

  app.post('/:id/sso-providers/:providerId/test', {
    config,
    schema: {
      ...common,
      operationId: 'testSsoProvider',
      summary: 'Ask the issuer whether people could sign in by it',
      description: 'Reads its description as signing in does. Whether it knows the client and takes its secret shows only when somebody signs in.',
      params: ProviderParams,
      body: Type.Union([Type.Object({}, { additionalProperties: false, examples: [{}] }), Type.Null()]),
      response: { 200: Type.Object({ ok: Type.Literal(true) }), ...problemResponses(400, 401, 403, 404, 409, 415, 422) }
    }
  }, async request => {
    await providers.test(request.db, request.params.providerId)
    return { ok: true as const }
  })

  app.delete('/:id/sso-providers/:providerId', {
    config,
    schema: {
      ...common,
      operationId: 'deleteSsoProvider',
      summary: 'Delete an identity provider, with the sessions that it vouched for',
      description: 'Who came by it is no longer known: accounts that it made stay members, and can only be removed.',
      params: ProviderParams,
      response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(401, 403, 404, 409, 422) }
    }
  }, async (request, reply) => {
    await providers.delete(managerOf(request), request.params.providerId)
    return await reply.code(204).send(null)
  })
}

function managerOf (request: FastifyRequest): ProviderManager {
  return { ...callerOf(request), permissions: request.permissions }
}
