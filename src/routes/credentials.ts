import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needs } from '../schemas/access.ts'
import { IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { Credential, CredentialChange, CredentialTestResult, NewCredential } from '../schemas/credential.ts'
import { decodeCursor, listOf, pageProperties, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { IfMatch } from '../schemas/workflow.ts'
import type { CredentialService } from '../services/credentials/index.ts'
import { mayReferToSecrets } from './references.ts'
import { asIs, callerOf, tagged } from './workflow-scope.ts'

const common = { tags: ['Credentials'], security: ORGANIZATION_SECURITY }

const ListQuery = Type.Object({
  ...pageProperties,
  type: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Only those of this type', examples: ['bearer'] }))
}, { additionalProperties: false })

export const credentialRoutes: FastifyPluginAsyncTypebox<{ credentials: CredentialService }> = async (app, { credentials }) => {
  app.setSerializerCompiler(asIs)

  app.post('/', {
    config: { access: needs('credential:edit'), idempotent: true },
    schema: {
      ...common,
      operationId: 'createCredential',
      summary: 'Store a credential; its secrets are never shown again',
      body: NewCredential,
      response: { 201: Credential, ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const created = await credentials.create(callerOf(request), request.body)
    return await reply.code(201).header('location', `/v1/credentials/${created.value.id}`).send(tagged(reply, created))
  })

  app.get('/', {
    config: { access: needs('credential:read', 'credentials') },
    schema: {
      ...common,
      operationId: 'listCredentials',
      summary: 'List credentials, newest first',
      querystring: ListQuery,
      response: { 200: listOf(Credential), ...problemResponses(400, 401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor, type } = request.query
    const rows = await credentials.list(callerOf(request), { type, before: cursor === undefined ? undefined : decodeCursor(cursor), limit: limit + 1 })
    return toPage(rows, limit, ({ id }) => id, row => row)
  })

  app.get('/:id', {
    config: { access: needs('credential:read', 'credential') },
    schema: { ...common, operationId: 'getCredential', summary: 'Read what is not secret of a credential', params: IdParams, response: { 200: Credential, ...problemResponses(400, 401, 404, 422) } }
  }, async (request, reply) => tagged(reply, await credentials.get(callerOf(request), request.params.id)))

  await app.register(changeRoutes, { credentials })
}

const changeRoutes: FastifyPluginAsyncTypebox<{ credentials: CredentialService }> = async (app, { credentials }) => {
  app.patch('/:id', {
    config: { access: needs('credential:edit', 'credential') },
    preHandler: mayReferToSecrets,
    schema: {
      ...common,
      operationId: 'updateCredential',
      summary: 'Change some of a credential',
      description: 'What is left out stays, secrets too. A change that lets the credential go to another place must bring all of its secrets and `secretReferences`. Who may change it by a grant alone cannot give `secretReferences`.',
      params: IdParams,
      headers: IfMatch,
      body: CredentialChange,
      response: { 200: Credential, ...problemResponses(400, 401, 404, 409, 412, 413, 415, 422) }
    }
  }, async (request, reply) => tagged(reply, await credentials.patch(callerOf(request), request.params.id, request.body, request.headers['if-match'])))

  app.delete('/:id', {
    config: { access: needs('credential:edit', 'credential') },
    schema: {
      ...common,
      operationId: 'deleteCredential',
      summary: 'Delete a credential',
      description: 'Refused while a published workflow uses it.',
      params: IdParams,
      headers: IfMatch,
      response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(400, 401, 404, 409, 412, 422) }
    }
  }, async (request, reply) => {
    await credentials.delete(callerOf(request), request.params.id, request.headers['if-match'])
    return await reply.code(204).send(null)
  })

  app.post('/:id/test', {
    config: { access: needs('credential:use', 'credential') },
    schema: {
      ...common,
      operationId: 'testCredential',
      summary: 'Try a credential where its own data says',
      params: IdParams,
      body: Type.Union([Type.Object({}, { additionalProperties: false, examples: [{}] }), Type.Null()]),
      response: { 200: CredentialTestResult, ...problemResponses(400, 401, 404, 409, 415, 422) }
    }
  }, async request => await credentials.test(callerOf(request), request.params.id))
}
