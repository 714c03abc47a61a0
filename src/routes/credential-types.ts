import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { CredentialType as EngineCredentialType } from '../engine/credentials/index.ts'
import { needs } from '../schemas/access.ts'
import { ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { CredentialType } from '../schemas/credential.ts'
import { listOf } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { NotFound } from '../services/problems.ts'
import { asIs } from './workflow-scope.ts'

const common = { tags: ['Credentials'], security: ORGANIZATION_SECURITY }

export const credentialTypeRoutes: FastifyPluginAsyncTypebox<{ types: ReadonlyMap<string, EngineCredentialType> }> = async (app, { types }) => {
  app.setSerializerCompiler(asIs)

  app.get('/', {
    config: { access: needs('credential:read', 'credentials') },
    schema: {
      ...common,
      operationId: 'listCredentialTypes',
      summary: 'List the types of credentials',
      description: 'All of them, on one page.',
      response: { 200: listOf(CredentialType), ...problemResponses(400, 401, 404) }
    }
  }, async () => ({ data: [...types.values()].map(viewOf), nextCursor: null }))

  app.get('/:type', {
    config: { access: needs('credential:read', 'credentials') },
    schema: {
      ...common,
      operationId: 'getCredentialType',
      summary: 'Read a type of credentials with the JSON Schema of its data',
      params: Type.Object({ type: Type.String({ minLength: 1, maxLength: 64, examples: ['bearer'] }) }, { additionalProperties: false }),
      response: { 200: CredentialType, ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const found = types.get(request.params.type)
    if (found === undefined) throw NotFound('type of credentials with this name')
    return viewOf(found)
  })
}

function viewOf ({ type, title, description, data }: EngineCredentialType) {
  return { type, title, description, data }
}
