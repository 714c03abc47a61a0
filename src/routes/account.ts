import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { OWN_ACCOUNT, OWN_SESSION } from '../schemas/access.ts'
import { IdParams, Name, SESSION_SECURITY } from '../schemas/common.ts'
import { Password, Session, User } from '../schemas/identity.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Identity } from '../services/identity/identity.ts'
import { userView, withIsoDates } from './views.ts'

const common = { tags: ['Auth'], security: SESSION_SECURITY }
const NO_CONTENT = Type.Null({ description: 'Done' })

/** What belongs to the person behind a session. */
export const accountRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity }) => {
  app.get('/me', {
    config: { access: OWN_SESSION },
    schema: { ...common, operationId: 'getMe', summary: 'Read your account', response: { 200: User, ...problemResponses(401, 403) } }
  }, async request => {
    const { userId, organizationId } = request.session()
    return userView(await identity.accounts.read(userId, organizationId))
  })

  app.patch('/me', {
    config: { access: OWN_ACCOUNT },
    schema: {
      ...common,
      operationId: 'updateMe',
      summary: 'Change your name',
      body: Type.Object({ name: Name }, { additionalProperties: false, examples: [{ name: 'Ada' }] }),
      response: { 200: User, ...problemResponses(400, 401, 403, 413, 415, 422) }
    }
  }, async request => userView(await identity.accounts.rename(request.session().userId, request.body.name, request.origin())))

  app.post('/me/password', {
    config: { access: OWN_ACCOUNT },
    schema: {
      ...common,
      operationId: 'changePassword',
      summary: 'Change your password, and end your other sessions',
      body: Type.Object({ currentPassword: Password, newPassword: Password }, { additionalProperties: false }),
      response: { 204: NO_CONTENT, ...problemResponses(400, 401, 403, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { userId, sessionId } = request.session()
    await app.accountAttempts.check(request, userId)
    await app.accountAttempts.countFailure(request, userId)
    await identity.accounts.changePassword(userId, sessionId, request.body, request.origin())
    return await reply.code(204).send(null)
  })

  app.post('/logout', {
    config: { access: OWN_SESSION },
    schema: { ...common, operationId: 'logout', summary: 'End this session', response: { 204: NO_CONTENT, ...problemResponses(400, 401, 403, 404, 415) } }
  }, async (request, reply) => {
    const session = request.session()
    await identity.sessions.revoke(session, session.sessionId, request.origin())
    return await reply.code(204).send(null)
  })

  app.get('/sessions', {
    config: { access: OWN_SESSION },
    schema: {
      ...common,
      operationId: 'listSessions',
      summary: 'List your live sessions, newest first',
      querystring: Page,
      response: { 200: listOf(Session), ...problemResponses(401, 403, 422) }
    }
  }, async request => {
    const session = request.session()
    const { limit, cursor } = request.query
    const rows = await identity.sessions.list(session, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, row => ({ ...withIsoDates(row), current: row.id === session.sessionId }))
  })

  app.delete('/sessions', {
    config: { access: OWN_SESSION },
    schema: { ...common, operationId: 'endOtherSessions', summary: 'End all sessions but this one', response: { 204: NO_CONTENT, ...problemResponses(401, 403) } }
  }, async (request, reply) => {
    const session = request.session()
    await identity.sessions.revokeOthers(session, session.sessionId, request.origin())
    return await reply.code(204).send(null)
  })

  app.delete('/sessions/:id', {
    config: { access: OWN_SESSION },
    schema: { ...common, operationId: 'endSession', summary: 'End one of your sessions', params: IdParams, response: { 204: NO_CONTENT, ...problemResponses(401, 403, 404, 422) } }
  }, async (request, reply) => {
    await identity.sessions.revoke(request.session(), request.params.id, request.origin())
    return await reply.code(204).send(null)
  })
}
