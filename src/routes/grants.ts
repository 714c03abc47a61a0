import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { needs } from '../schemas/access.ts'
import { Id, IdParams, ORGANIZATION_SECURITY } from '../schemas/common.ts'
import { Grant, grantPermissions } from '../schemas/identity.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Grants, GrantTarget } from '../services/identity/grants.ts'
import type { MemberManager } from '../services/identity/members.ts'
import type { GrantKind } from '../services/identity/permissions.ts'
import { withIsoDates } from './views.ts'

interface Options {
  readonly grants: Grants
  readonly kind: GrantKind
}

const GrantParams = Type.Object({ id: Id, userId: Id }, { additionalProperties: false })

/** `/v1/workflows/:id/grants` and `/v1/credentials/:id/grants`: they differ in what can be granted. */
export const grantRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { grants, kind }) => {
  const suffix = kind === 'workflow' ? 'WorkflowGrant' : 'CredentialGrant'
  const common = { tags: [kind === 'workflow' ? 'Workflows' : 'Credentials'], security: ORGANIZATION_SECURITY }
  const permissions = grantPermissions(kind)
  const targetOf = ({ id }: { id: string }): GrantTarget => ({ kind, resourceId: id.toLowerCase() })

  app.get('/:id/grants', {
    config: { access: needs('grant:manage') },
    schema: {
      ...common,
      operationId: `list${suffix}s`,
      summary: `List which members may what with this ${kind}, beyond their roles`,
      params: IdParams,
      querystring: Page,
      response: { 200: listOf(Grant), ...problemResponses(401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await grants.list(request.organizationId, targetOf(request.params), limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ userId }) => userId, withIsoDates)
  })

  app.put('/:id/grants/:userId', {
    config: { access: needs('grant:manage') },
    schema: {
      ...common,
      operationId: `put${suffix}`,
      summary: `Grant a member permissions on this ${kind}`,
      description: `In the place of what was granted before; \`${kind}:read\` is part of it. Nobody grants what they do not hold there themselves. It ends with the membership and with the ${kind}.`,
      params: GrantParams,
      body: Type.Object({ permissions }, { additionalProperties: false, examples: [{ permissions: [`${kind}:edit`] }] }),
      response: { 200: Grant, ...problemResponses(400, 401, 404, 409, 413, 415, 422) }
    }
  }, async request => {
    const target = targetOf(request.params)
    return withIsoDates(await grants.put(request.organizationId, target, request.params.userId.toLowerCase(), request.body.permissions, managerOf(request, target)))
  })

  app.delete('/:id/grants/:userId', {
    config: { access: needs('grant:manage') },
    schema: {
      ...common,
      operationId: `revoke${suffix}`,
      summary: `Take back what a member was granted on this ${kind}`,
      description: 'Counts from the next request, in every process within 5 seconds.',
      params: GrantParams,
      response: { 204: Type.Null({ description: 'Taken back' }), ...problemResponses(401, 404, 409, 422) }
    }
  }, async (request, reply) => {
    const target = targetOf(request.params)
    await grants.revoke(request.organizationId, target, request.params.userId.toLowerCase(), managerOf(request, target))
    return await reply.code(204).send(null)
  })
}

/** With what they hold on the resource itself. */
function managerOf (request: FastifyRequest, { kind, resourceId }: GrantTarget): MemberManager {
  const { credential, permissions, grants } = request
  return {
    userId: credential.type === 'session' ? credential.userId : null,
    permissions: new Set([...permissions, ...grants[kind].get(resourceId) ?? []]),
    origin: request.origin()
  }
}
