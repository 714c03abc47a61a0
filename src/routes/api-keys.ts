import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { DURATION_PATTERN, parseDuration } from '../lib/duration.ts'
import { needs } from '../schemas/access.ts'
import { IdParams, Instant, Name, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { ApiKey, CreatedApiKey, Scope } from '../schemas/identity.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Identity } from '../services/identity/identity.ts'
import { InvalidInput } from '../services/problems.ts'
import { withIsoDates } from './views.ts'

const common = { tags: ['API keys'], security: ORGANIZATION_SECURITY }
const DEFAULT_OVERLAP = '24h'
const MAX_OVERLAP = 30 * 86_400_000

const NewKey = Type.Object({
  name: Name,
  expiresAt: Type.Optional(Instant),
  scopes: Type.Optional(Type.Array(Scope, { uniqueItems: true, minItems: 1, maxItems: 100, description: 'What the key may do: permissions that you hold. All that you hold and keys can have, unless given' }))
}, { additionalProperties: false, examples: [{ name: 'Deployment', scopes: ['workflow:read', 'workflow:edit', 'workflow:publish'] }] })

const Rotation = Type.Object({
  overlap: Type.Optional(Type.String({ pattern: DURATION_PATTERN, description: `How long the present secret works beside the new one; ${DEFAULT_OVERLAP} unless given, 30d at most`, examples: ['24h'] }))
}, { additionalProperties: false, examples: [{ overlap: '1h' }] })

export const apiKeyRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity }) => {
  app.post('/', {
    config: { access: needs('apiKey:edit'), idempotent: 'sealed' },
    schema: {
      ...common,
      operationId: 'createApiKey',
      summary: 'Create an API key; its secret is shown this once',
      body: NewKey,
      response: { 201: CreatedApiKey, ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const key = await identity.apiKeys.create(request.db, request.body, { createdBy: personBehind(request), permissions: request.permissions }, request.origin())
    return await reply.code(201).send(withIsoDates(key))
  })

  app.get('/', {
    config: { access: needs('apiKey:read') },
    schema: { ...common, operationId: 'listApiKeys', summary: 'List API keys, newest first', querystring: Page, response: { 200: listOf(ApiKey), ...problemResponses(400, 401, 404, 422) } }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await identity.apiKeys.list(request.db, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, withIsoDates)
  })

  app.get('/:id', {
    config: { access: needs('apiKey:read') },
    schema: { ...common, operationId: 'getApiKey', summary: 'Read what is not secret of an API key', params: IdParams, response: { 200: ApiKey, ...problemResponses(400, 401, 404, 422) } }
  }, async request => withIsoDates(await identity.apiKeys.get(request.db, request.params.id)))

  app.post('/:id/rotate', {
    config: { access: needs('apiKey:edit'), idempotent: 'sealed' },
    schema: {
      ...common,
      operationId: 'rotateApiKey',
      summary: 'Give an API key another secret, shown this once',
      description: 'The id, scopes and expiry stay. The present secret works on for `overlap`, so that whoever uses it can change over.',
      params: IdParams,
      body: Type.Union([Rotation, Type.Null()]),
      response: { 200: CreatedApiKey, ...problemResponses(400, 401, 404, 413, 415, 422) }
    }
  }, async request => {
    const overlap = parseDuration(request.body?.overlap ?? DEFAULT_OVERLAP)
    if (overlap > MAX_OVERLAP) throw InvalidInput([{ pointer: '/overlap', message: 'must be 30d at most', code: 'WC_OUT_OF_RANGE' }])
    return withIsoDates(await identity.apiKeys.rotate(request.db, request.params.id, overlap, request.permissions, request.origin()))
  })

  app.delete('/:id', {
    config: { access: needs('apiKey:edit') },
    schema: { ...common, operationId: 'revokeApiKey', summary: 'Revoke an API key', params: IdParams, response: { 204: Type.Null({ description: 'Revoked' }), ...problemResponses(400, 401, 404, 422) } }
  }, async (request, reply) => {
    await identity.apiKeys.revoke(request.db, request.params.id, request.origin())
    return await reply.code(204).send(null)
  })
}

/** Keys that a key makes are of the person who made that one: their rights end with the person's. */
function personBehind ({ credential }: FastifyRequest): string | null {
  return credential.type === 'session' ? credential.userId : credential.createdBy
}
