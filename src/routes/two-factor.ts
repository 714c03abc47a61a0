import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { OWN_ACCOUNT } from '../schemas/access.ts'
import { SESSION_SECURITY } from '../schemas/common.ts'
import { Password, TwoFactorCode } from '../schemas/identity.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Identity } from '../services/identity/identity.ts'

const common = { tags: ['Auth'], security: SESSION_SECURITY }

/** `/v1/auth/me/two-factor`. */
export const twoFactorRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity: { twoFactor } }) => {
  /** Whoever has a session must not try passwords and codes at will. */
  const limited = async (request: Parameters<typeof app.accountAttempts.check>[0], userId: string): Promise<void> => {
    await app.accountAttempts.check(request, userId)
    await app.accountAttempts.countFailure(request, userId)
  }

  app.get('/', {
    config: { access: OWN_ACCOUNT },
    schema: {
      ...common,
      operationId: 'getTwoFactor',
      summary: 'Whether a second factor is in force',
      response: { 200: Type.Object({ enabled: Type.Boolean(), recoveryCodes: Type.Integer({ minimum: 0, description: 'How many are left' }) }), ...problemResponses(401, 403) }
    }
  }, async request => await twoFactor.state(request.session().userId))

  app.post('/', {
    config: { access: OWN_ACCOUNT },
    schema: {
      ...common,
      operationId: 'beginTwoFactor',
      summary: 'Get a secret for an authenticator, shown this once',
      description: 'Nothing changes until a code of it is confirmed.',
      body: Type.Object({ password: Password }, { additionalProperties: false, examples: [{ password: 'correct staple horse 9' }] }),
      response: {
        200: Type.Object({ secret: Type.String({ description: 'Base32', examples: ['JBSWY3DPEHPK3PXP'] }), otpauthUrl: Type.String({ description: 'For a QR code' }) }),
        ...problemResponses(400, 401, 403, 409, 413, 415, 422)
      }
    }
  }, async request => {
    const { userId } = request.session()
    await limited(request, userId)
    return await twoFactor.begin(userId, request.body.password)
  })

  app.post('/confirm', {
    config: { access: OWN_ACCOUNT },
    schema: {
      ...common,
      operationId: 'confirmTwoFactor',
      summary: 'Put the second factor in force; recovery codes are shown this once',
      body: Type.Object({ code: TwoFactorCode }, { additionalProperties: false, examples: [{ code: '123456' }] }),
      response: { 200: Type.Object({ recoveryCodes: Type.Array(Type.String({ description: 'Each works once in the place of a code' })) }), ...problemResponses(400, 401, 403, 409, 413, 415, 422) }
    }
  }, async request => {
    const { userId } = request.session()
    await limited(request, userId)
    return await twoFactor.confirm(userId, request.body.code, request.origin())
  })

  app.post('/disable', {
    config: { access: OWN_ACCOUNT },
    schema: {
      ...common,
      operationId: 'disableTwoFactor',
      summary: 'Do without a second factor again',
      body: Type.Object({ password: Password, code: TwoFactorCode }, { additionalProperties: false, examples: [{ password: 'correct staple horse 9', code: '123456' }] }),
      response: { 204: Type.Null({ description: 'Done' }), ...problemResponses(400, 401, 403, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { userId } = request.session()
    await limited(request, userId)
    await twoFactor.disable(userId, request.body.password, request.body.code, request.origin())
    return await reply.code(204).send(null)
  })
}
