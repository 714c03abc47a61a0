import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { needsInPath, OWN_ACCOUNT } from '../schemas/access.ts'
import { Id, IdParams, ORGANIZATION_SECURITY, SESSION_SECURITY } from '../schemas/common.ts'
import { CreatedInvitation, Email, Invitation, Member, MembershipView, Role } from '../schemas/identity.ts'
import { decodeCursor, listOf, Page, toPage } from '../schemas/pagination.ts'
import { problemResponses } from '../schemas/problem.ts'
import type { Identity } from '../services/identity/identity.ts'
import type { MemberManager } from '../services/identity/members.ts'
import { withIsoDates } from './views.ts'

const TAGS = ['Organizations']
const common = { tags: TAGS, security: ORGANIZATION_SECURITY }
const MemberParams = Type.Object({ id: Id, userId: Id }, { additionalProperties: false })
const InvitationParams = Type.Object({ id: Id, invitationId: Id }, { additionalProperties: false })

/** `/v1/organizations/:id/members`. */
export const memberRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity: { members } }) => {
  app.get('/:id/members', {
    config: { access: needsInPath('member:read') },
    schema: {
      ...common,
      operationId: 'listMembers',
      summary: 'List the members of an organization',
      params: IdParams,
      querystring: Page,
      response: { 200: listOf(Member), ...problemResponses(401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await members.list(request.organizationId, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ userId }) => userId, withIsoDates)
  })

  app.patch('/:id/members/:userId', {
    config: { access: needsInPath('member:manage') },
    schema: {
      ...common,
      operationId: 'updateMember',
      summary: 'Give a member another role',
      description: 'Only owners make and unmake owners; the last one stays. To hand an organization over: make somebody else an owner, then give yourself another role.',
      params: MemberParams,
      body: Type.Object({ role: Role }, { additionalProperties: false, examples: [{ role: 'editor' }] }),
      response: { 200: Member, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async request => withIsoDates(await members.setRole(request.organizationId, request.params.userId, request.body.role, managerOf(request))))

  app.delete('/:id/members/:userId', {
    // Whoever reads the list may leave it; the service asks for more where somebody else is removed.
    config: { access: needsInPath('member:read') },
    schema: {
      ...common,
      operationId: 'removeMember',
      summary: 'Remove a member, or leave',
      description: 'Takes `member:manage`, and `owner:manage` for an owner; leaving takes nothing. The API keys that the member made are revoked.',
      params: MemberParams,
      response: { 204: Type.Null({ description: 'Removed' }), ...problemResponses(401, 403, 404, 409, 422) }
    }
  }, async (request, reply) => {
    await members.remove(request.organizationId, request.params.userId, managerOf(request))
    return await reply.code(204).send(null)
  })
}

/** `/v1/organizations/:id/invitations`. */
export const invitationRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity: { invitations } }) => {
  app.post('/:id/invitations', {
    config: { access: needsInPath('member:manage'), idempotent: 'sealed' },
    schema: {
      ...common,
      operationId: 'createInvitation',
      summary: 'Invite somebody by email address',
      description: 'Mailed where the operator configured a mail server; else the answer holds the token, this once, to be passed on. It takes the place of a pending one to the same address, unless that is to a role that holds more than you do.',
      params: IdParams,
      body: Type.Object({ email: Email, role: Role }, { additionalProperties: false, examples: [{ email: 'ada@example.org', role: 'editor' }] }),
      response: { 201: CreatedInvitation, ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422) }
    }
  }, async (request, reply) => await reply.code(201).send(withIsoDates(await invitations.create(request.organizationId, request.body, managerOf(request)))))

  app.get('/:id/invitations', {
    config: { access: needsInPath('member:manage') },
    schema: {
      ...common,
      operationId: 'listInvitations',
      summary: 'List the invitations that can still be accepted, newest first',
      params: IdParams,
      querystring: Page,
      response: { 200: listOf(Invitation), ...problemResponses(401, 404, 422) }
    }
  }, async request => {
    const { limit, cursor } = request.query
    const rows = await invitations.list(request.organizationId, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor))
    return toPage(rows, limit, ({ id }) => id, withIsoDates)
  })

  app.delete('/:id/invitations/:invitationId', {
    config: { access: needsInPath('member:manage') },
    schema: {
      ...common,
      operationId: 'revokeInvitation',
      summary: 'Take an invitation back',
      description: 'One that can still be accepted. One to a role that holds more than you do is not yours to take back.',
      params: InvitationParams,
      response: { 204: Type.Null({ description: 'Taken back' }), ...problemResponses(401, 404, 422) }
    }
  }, async (request, reply) => {
    await invitations.revoke(request.organizationId, request.params.invitationId, managerOf(request))
    return await reply.code(204).send(null)
  })
}

/** `/v1/invitations`: outside of any organization, since the person does not belong to it yet. */
export const acceptanceRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity: { invitations } }) => {
  app.post('/:token/accept', {
    config: { access: OWN_ACCOUNT, idempotent: true },
    schema: {
      tags: TAGS,
      security: SESSION_SECURITY,
      operationId: 'acceptInvitation',
      summary: 'Join the organization that invited you',
      description: 'Works once, for the account with the address that was invited.',
      params: Type.Object({ token: Type.String({ minLength: 1, maxLength: 200, description: 'Of the mail' }) }, { additionalProperties: false }),
      body: Type.Union([Type.Object({}, { additionalProperties: false, examples: [{}] }), Type.Null()]),
      response: { 200: MembershipView, ...problemResponses(400, 401, 403, 404, 415, 422) }
    }
  }, async request => {
    const { id, name, slug, role } = await invitations.accept(request.params.token, request.session().userId, request.origin())
    return { id, name, slug, role }
  })
}

function managerOf (request: FastifyRequest): MemberManager {
  const { credential, permissions } = request
  return { userId: credential.type === 'session' ? credential.userId : null, permissions, origin: request.origin() }
}
