import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { OWN_ACCOUNT } from '../schemas/access.ts'
import { IdParams, SESSION_SECURITY } from '../schemas/common.ts'
import { Password } from '../schemas/identity.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { HandedCode, SsoIdentity } from '../schemas/sso.ts'
import type { Identity } from '../services/identity/identity.ts'

const common = { tags: ['Auth'], security: SESSION_SECURITY }

/** `/v1/auth/me/identities`: who the person is at identity providers. */
export const identityRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity: { identities } }) => {
  app.get('/', {
    config: { access: OWN_ACCOUNT },
    schema: { ...common, operationId: 'listIdentities', summary: 'List who you are at identity providers, newest first', querystring: Page, response: { 200: listOf(SsoIdentity), ...problemResponses(401, 403, 422) } }
  }, async request => {
    const { limit, cursor } = request.query
    return toPage(await identities.list(request.session().userId, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor)), limit, ({ id }) => id, one => one)
  })

  app.post('/', {
    config: { access: OWN_ACCOUNT },
    schema: {
      ...common,
      operationId: 'linkIdentity',
      summary: 'Link who you are at an identity provider to your account',
      description: 'Takes the code of a sign-in (GET /v1/auth/sso/:providerId/start) and your password. From then on that sign-in is yours, in the organization of the provider.',
      body: Type.Object({ ...HandedCode, password: Password }, { additionalProperties: false }),
      response: { 204: Type.Null({ description: 'Linked' }), ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { userId } = request.session()
    await app.accountAttempts.check(request, userId)
    await app.accountAttempts.countFailure(request, userId)
    await identities.link(userId, request.body, request.origin())
    return await reply.code(204).send(null)
  })

  app.delete('/:id', {
    config: { access: OWN_ACCOUNT },
    schema: { ...common, operationId: 'unlinkIdentity', summary: 'Unlink who you are at an identity provider, and end the sessions of that', params: IdParams, response: { 204: Type.Null({ description: 'Unlinked' }), ...problemResponses(401, 403, 404, 422) } }
  }, async (request, reply) => {
    await identities.unlink(request.session().userId, request.params.id, request.origin())
    return await reply.code(204).send(null)
  })
}
