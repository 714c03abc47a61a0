import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { needsInPath } from '../schemas/access.ts'
import { Id, IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { OrganizationRole, Role, RoleDescription, RolePermissions } from '../schemas/identity.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import { IfMatch } from '../schemas/workflow.ts'
import { roleTag, type OrganizationRole as RoleOfOrganization } from '../services/identity/custom-roles.ts'
import type { Identity } from '../services/identity/identity.ts'
import { withIsoDates } from './views.ts'
import { tagged } from './workflow-scope.ts'

const common = { tags: ['Organizations'], security: ORGANIZATION_SECURITY }
const RoleParams = Type.Object({ id: Id, role: Role }, { additionalProperties: false })

const NewRole = Type.Object({ name: Role, description: Type.Optional(RoleDescription), permissions: RolePermissions }, {
  additionalProperties: false, examples: [{ name: 'night-watch', description: 'Looks after executions at night', permissions: ['execution:read', 'execution:manage'] }]
})
const Change = Type.Object({ description: Type.Optional(RoleDescription), permissions: Type.Optional(RolePermissions) }, {
  additionalProperties: false, minProperties: 1, examples: [{ permissions: ['execution:read'] }]
})

/** `/v1/organizations/:id/roles`. */
export const organizationRoleRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity: { roles } }) => {
  app.post('/:id/roles', {
    config: { access: needsInPath('role:manage'), idempotent: true },
    schema: {
      ...common,
      operationId: 'createRole',
      summary: 'Define a role',
      description: 'A set of permissions that members and invitations can be given. Nobody defines a role that holds more than they do.',
      params: IdParams,
      body: NewRole,
      response: { 201: OrganizationRole, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const role = await roles.create(request.organizationId, request.body, { permissions: request.permissions, origin: request.origin() })
    return await reply.code(201).send(tagged(reply, { etag: roleTag(role), value: viewOf(role) }))
  })

  app.get('/:id/roles', {
    config: { access: needsInPath('member:read') },
    schema: {
      ...common,
      operationId: 'listRoles',
      summary: 'List the roles: the built-in ones, then your own, newest first',
      params: IdParams,
      querystring: Page,
      response: { 200: listOf(OrganizationRole), ...problemResponses(401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    return toPage(await roles.list(request.organizationId, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor)), limit, ({ id }) => id, viewOf)
  })

  app.get('/:id/roles/:role', {
    config: { access: needsInPath('member:read') },
    schema: { ...common, operationId: 'getRole', summary: 'Read a role', params: RoleParams, response: { 200: OrganizationRole, ...problemResponses(401, 404, 422) } }
  }, async (request, reply) => {
    const role = await roles.read(request.organizationId, request.params.role)
    return tagged(reply, { etag: roleTag(role), value: viewOf(role) })
  })

  app.patch('/:id/roles/:role', {
    config: { access: needsInPath('role:manage') },
    schema: {
      ...common,
      operationId: 'updateRole',
      summary: 'Change a role of the organization',
      description: 'Whoever has it may what it says from the next request on, in every process within 5 seconds; the API keys that they made, too.',
      params: RoleParams,
      headers: IfMatch,
      body: Change,
      response: { 200: OrganizationRole, ...problemResponses(400, 401, 403, 404, 409, 412, 413, 415, 422) }
    }
  }, async (request, reply) => {
    const { organizationId, params, body, permissions, headers } = request
    const role = await roles.update(organizationId, params.role, body, { permissions, origin: request.origin() }, headers['if-match'])
    return tagged(reply, { etag: roleTag(role), value: viewOf(role) })
  })

  app.delete('/:id/roles/:role', {
    config: { access: needsInPath('role:manage') },
    schema: {
      ...common,
      operationId: 'deleteRole',
      summary: 'Delete a role that nobody has',
      params: RoleParams,
      response: { 204: Type.Null({ description: 'Deleted' }), ...problemResponses(401, 403, 404, 409, 422) }
    }
  }, async (request, reply) => {
    await roles.delete(request.organizationId, request.params.role, { permissions: request.permissions, origin: request.origin() })
    return await reply.code(204).send(null)
  })
}

function viewOf ({ id, permissions, ...role }: RoleOfOrganization) {
  return { ...withIsoDates(role), permissions: [...permissions] }
}
