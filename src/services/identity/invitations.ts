import * as queries from '../../db/queries/invitations.ts'
import type { InvitationRow } from '../../db/queries/invitations.ts'
import { findOrganization, type OrganizationRow } from '../../db/queries/organizations.ts'
import { demandMemberRoom, ifMemberRoom } from '../quotas/member-room.ts'
import { by, type Origin } from '../audit.ts'
import { Conflict, NotFound, Unavailable } from '../problems.ts'
import { ifRoleStays, type CustomRoles } from './custom-roles.ts'
import { refuseGreater } from './demand.ts'
import type { IdentityDependencies } from './identity.ts'
import { invitationLetter } from './mailer.ts'
import type { MemberManager } from './members.ts'
import type { Permissions } from './permissions.ts'
import type { Sessions } from './sessions.ts'
import { createSecret, sha256 } from './tokens.ts'

export interface CreatedInvitation extends InvitationRow {
  /** Shown this once, where no mail was sent. */
  readonly token?: string
}

export interface Invitations {
  create (organizationId: string, input: { email: string, role: string }, manager: MemberManager): Promise<CreatedInvitation>
  /** Those that can still be accepted. */
  list (organizationId: string, limit: number, before?: string): Promise<InvitationRow[]>
  /** Of one that can still be accepted. Nobody takes back, or replaces, one to a role that holds more than they do. */
  revoke (organizationId: string, id: string, manager: Pick<MemberManager, 'permissions' | 'origin'>): Promise<void>
  /** Makes the person whom the invitation was for a member. Works once. */
  accept (token: string, userId: string, origin: Origin): Promise<OrganizationRow & { role: string }>
}

const LIFETIME = 7 * 86_400_000
const UNKNOWN = 'invitation of this token for you: it was used or taken back, has expired, or is for another address'

export function createInvitations (dependencies: IdentityDependencies, sessions: Sessions, roles: Pick<CustomRoles, 'permissionsOf'>): Invitations {
  const { db, clock, nextId, mailer, address } = dependencies

  /** The role of a pending one, if there is one. */
  async function demandPending (organizationId: string, pending: queries.Pending, permissions: Permissions): Promise<string | undefined> {
    const role = await queries.findPendingRole(db, organizationId, pending, new Date(clock()))
    if (role !== undefined) refuseGreater(permissions, await roles.permissionsOf(organizationId, role))
    return role
  }

  async function takeBack (organizationId: string, id: string, role: string, origin: Origin): Promise<boolean> {
    return await queries.revokeInvitation(db, organizationId, id, role, { id: nextId(), organizationId, ...by(origin), action: 'invitation.revoked', targetType: 'invitation', targetId: id })
  }

  return {
    async revoke (organizationId, id, { permissions, origin }) {
      const role = await demandPending(organizationId, { id }, permissions)
      if (role === undefined || !await takeBack(organizationId, id, role, origin)) throw NotFound('invitation with this id')
    },
    async create (organizationId, { email, role }, { userId, permissions, origin }) {
      refuseGreater(permissions, await roles.permissionsOf(organizationId, role))
      const organization = await findOrganization(db, organizationId)
      if (organization === undefined) throw NotFound('organization with this id')
      await demandMemberRoom(db, organizationId)
      const pending = await demandPending(organizationId, { email: email.trim() }, permissions)
      const { secret: token, secretHash: tokenHash } = createSecret()
      const now = clock()
      const invitation = { id: nextId(), email: email.trim(), role, invitedBy: userId, createdAt: new Date(now), expiresAt: new Date(now + LIFETIME) }
      const audit = { id: nextId(), organizationId, ...by(origin), action: 'invitation.created', targetType: 'invitation', targetId: invitation.id, after: { email: invitation.email, role } }
      const created = await ifRoleStays(role, async () => await queries.insertInvitation(db, organizationId, { ...invitation, tokenHash }, pending, audit))
      if (!created) throw Conflict('Somebody with this email address is a member already, or was invited at the same moment.')
      if (mailer === null) return { ...invitation, token }
      try {
        await mailer.send(invitationLetter(invitation.email, organization.name, token, address))
      } catch (error) {
        // Nobody will ever have the token.
        await takeBack(organizationId, invitation.id, role, origin)
        throw Unavailable('mail server', error)
      }
      return invitation
    },
    list: async (organizationId, limit, before) => await queries.listInvitations(db, organizationId, new Date(clock()), limit, before),
    async accept (token, userId, origin) {
      const acceptance = { tokenHash: sha256(token), userId, now: new Date(clock()) }
      const found = await queries.findInvitation(db, acceptance)
      if (found === undefined) throw NotFound(UNKNOWN)
      const { id, organizationId, role } = found
      const audit = { id: nextId(), organizationId, ...by(origin), action: 'invitation.accepted', targetType: 'invitation', targetId: id, after: { userId, role } }
      const accepted = await ifMemberRoom(db, organizationId, async () => await queries.acceptInvitation(db, organizationId, acceptance, audit))
      await sessions.forget(userId)
      const organization = accepted ? await findOrganization(db, organizationId) : undefined
      if (organization === undefined) throw NotFound(UNKNOWN)
      return { ...organization, role }
    }
  }
}
