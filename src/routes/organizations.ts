import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { OWN_ACCOUNT, OWN_ORGANIZATIONS, needsInPath } from '../schemas/access.ts'
import { IdParams, Name, ORGANIZATION_SECURITY, SESSION_SECURITY } from '../schemas/common.ts'
import { AuditRetention, ConcurrencyLimit, Organization, Slug, SsoRequirement } from '../schemas/identity.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { IfMatch } from '../schemas/workflow.ts'
import type { Identity } from '../services/identity/identity.ts'
import { organizationTag } from '../services/identity/organizations.ts'
import { withIsoDates } from './views.ts'
import { tagged } from './workflow-scope.ts'

const TAGS = ['Organizations']
const common = { tags: TAGS, security: ORGANIZATION_SECURITY }

export const organizationRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity }) => {
  app.post('/', {
    config: { access: OWN_ACCOUNT, idempotent: true },
    schema: {
      tags: TAGS,
      security: SESSION_SECURITY,
      operationId: 'createOrganization',
      summary: 'Create an organization that you own',
      body: Type.Object({ name: Name }, { additionalProperties: false, examples: [{ name: 'Acme' }] }),
      response: { 201: Organization, ...problemResponses(400, 401, 403, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const created = await identity.organizations.create(request.session().userId, request.body.name, request.origin())
    return await reply.code(201).send(tagged(reply, { etag: organizationTag(created), value: withIsoDates(created) }))
  })

  app.get('/', {
    config: { access: OWN_ORGANIZATIONS },
    schema: {
      ...common,
      operationId: 'listOrganizations',
      summary: 'List the organizations of your credential, newest first',
      querystring: Page,
      response: { 200: listOf(Organization), ...problemResponses(401, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    const { credential } = request
    const reach = credential.organizationId
    const before = cursor === undefined ? undefined : decodeCursor(cursor)
    if (credential.type === 'session' && reach === null) {
      return toPage(await identity.organizations.listOfUser(credential.userId, limit + 1, before), limit, ({ id }) => id, withIsoDates)
    }
    request.enterOrganization(reach!)
    const only = await identity.organizations.read(request.db)
    return toPage(before === undefined || only.id < before ? [only] : [], limit, ({ id }) => id, withIsoDates)
  })

  app.get('/:id', {
    config: { access: needsInPath('organization:read') },
    schema: { ...common, operationId: 'getOrganization', summary: 'Read an organization', params: IdParams, response: { 200: Organization, ...problemResponses(401, 404, 422) } }
  }, async (request, reply) => {
    const organization = await identity.organizations.read(request.db)
    return tagged(reply, { etag: organizationTag(organization), value: withIsoDates(organization) })
  })

  app.patch('/:id', {
    config: { access: needsInPath('organization:edit') },
    schema: {
      ...common,
      operationId: 'updateOrganization',
      summary: 'Change an organization',
      description: 'The slug is part of the URLs of webhooks: senders must learn the new one.',
      params: IdParams,
      headers: IfMatch,
      body: Type.Object({ name: Type.Optional(Name), slug: Type.Optional(Slug), concurrencyLimit: Type.Optional(ConcurrencyLimit), auditRetentionDays: Type.Optional(AuditRetention), ssoRequired: Type.Optional(SsoRequirement) }, { additionalProperties: false, minProperties: 1, examples: [{ name: 'Acme' }] }),
      response: { 200: Organization, ...problemResponses(400, 401, 404, 409, 412, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const organization = await identity.organizations.update(request.db, request.body, request.origin(), request.headers['if-match'])
    return tagged(reply, { etag: organizationTag(organization), value: withIsoDates(organization) })
  })

  app.delete('/:id', {
    config: { access: needsInPath('organization:delete', 'session') },
    schema: {
      tags: TAGS,
      security: SESSION_SECURITY,
      operationId: 'deleteOrganization',
      summary: 'Delete an organization with everything in it',
      description: 'Workflows, executions, files, credentials, API keys and the audit log. There is no way back. What runs is stopped where it stands.',
      params: IdParams,
      response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(401, 403, 404, 422) }
    }
  }, async (request, reply) => {
    await identity.organizations.delete(request.organizationId, request.origin())
    return await reply.code(204).send(null)
  })
}
