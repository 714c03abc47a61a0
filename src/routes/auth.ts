import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { PUBLIC } from '../schemas/access.ts'
import { PUBLIC_SECURITY } from '../schemas/common.ts'
import { Email, Password, Tokens, TwoFactorCode } from '../schemas/identity.ts'
import { Name } from '../schemas/common.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Identity } from '../services/identity/identity.ts'
import { Unauthenticated } from '../services/problems.ts'
import { Problem } from '../lib/problem.ts'
import { clientOf, tokensOf } from './tokens.ts'

const TAGS = ['Auth']
const RefreshToken = Type.Object({ refreshToken: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false })

/** What anyone may ask, hence limited per address: the limit comes with the scope. */
export const authRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity }) => {
  const tokens = tokensOf(app)

  app.post('/register', {
    config: { access: PUBLIC },
    schema: {
      operationId: 'register',
      tags: TAGS,
      summary: 'Create an account with an organization of its own',
      security: PUBLIC_SECURITY,
      body: Type.Object({ email: Email, password: Password, name: Name, organizationName: Name }, {
        additionalProperties: false,
        examples: [{ email: 'ada@example.org', password: 'correct staple horse 9', name: 'Ada', organizationName: 'Acme' }]
      }),
      response: { 201: Tokens, ...problemResponses(400, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { account, session } = await identity.accounts.register(request.body, clientOf(request))
    return await reply.code(201).send(tokens(session, account))
  })

  app.post('/login', {
    config: { access: PUBLIC },
    schema: {
      operationId: 'login',
      tags: TAGS,
      summary: 'Start a session',
      description: '401 `WC_TWO_FACTOR_REQUIRED`: the account has a second factor, and the same request with `code` is to follow.',
      security: PUBLIC_SECURITY,
      body: Type.Object({ email: Type.String({ minLength: 1, maxLength: 254 }), password: Password, code: Type.Optional(TwoFactorCode) }, {
        additionalProperties: false, examples: [{ email: 'ada@example.org', password: 'correct staple horse 9' }]
      }),
      response: { 200: Tokens, ...problemResponses(400, 401, 413, 415, 422) }
    }
  }, async request => {
    const { email, password, code } = request.body
    await app.accountAttempts.check(request, email)
    try {
      const { account, session } = await identity.accounts.login(email, password, code, clientOf(request))
      return tokens(session, account)
    } catch (error) {
      if (error instanceof Problem && error.code === Unauthenticated.code) await app.accountAttempts.countFailure(request, email)
      throw error
    }
  })

  app.post('/refresh', {
    config: { access: PUBLIC },
    schema: {
      operationId: 'refreshTokens',
      tags: TAGS,
      summary: 'Exchange a refresh token for the next pair',
      description: 'Each refresh token works once. A used one ends its session: one of two holders must have stolen it.',
      security: PUBLIC_SECURITY,
      body: RefreshToken,
      response: { 200: Tokens, ...problemResponses(400, 401, 413, 415, 422) }
    }
  }, async request => {
    const session = await identity.sessions.refresh(request.body.refreshToken, clientOf(request))
    return tokens(session, await identity.accounts.read(session.userId, session.organizationId))
  })

  await app.register(resetRoutes, { identity })
}

const resetRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity }) => {
  app.post('/password-reset', {
    config: { access: PUBLIC },
    schema: {
      operationId: 'requestPasswordReset',
      tags: TAGS,
      summary: 'Ask for a mail that lets you set a new password',
      description: 'The answer is the same whether there is such an account or not. An account gets five mails an hour at most.',
      security: PUBLIC_SECURITY,
      body: Type.Object({ email: Type.String({ minLength: 1, maxLength: 254 }) }, { additionalProperties: false, examples: [{ email: 'ada@example.org' }] }),
      response: { 202: Type.Object({ sent: Type.Literal('if there is such an account') }), ...problemResponses(400, 413, 415, 422) }
    }
  }, async (request, reply) => {
    await identity.passwordResets.request(request.body.email)
    return await reply.code(202).send({ sent: 'if there is such an account' })
  })

  app.post('/password-reset/confirm', {
    config: { access: PUBLIC },
    schema: {
      operationId: 'confirmPasswordReset',
      tags: TAGS,
      summary: 'Set a new password by the token of the mail, and end all sessions',
      description: 'The token works once, within an hour.',
      security: PUBLIC_SECURITY,
      body: Type.Object({ token: Type.String({ minLength: 1, maxLength: 200 }), password: Password }, { additionalProperties: false, examples: [{ token: 'c2VjcmV0', password: 'correct staple horse 9' }] }),
      response: { 204: Type.Null({ description: 'Done' }), ...problemResponses(400, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { ip, requestId } = clientOf(request)
    await identity.passwordResets.confirm(request.body.token, request.body.password, { ip, requestId })
    return await reply.code(204).send(null)
  })
}
