import * as queries from '../../db/queries/members.ts'
import type { MemberRow } from '../../db/queries/members.ts'
import { by, type Origin } from '../audit.ts'
import { Conflict, NotFound } from '../problems.ts'
import type { ApiKeys } from './api-keys.ts'
import { demand, refuseGreater } from './demand.ts'
import { ifRoleStays, type CustomRoles } from './custom-roles.ts'
import type { IdentityDependencies } from './identity.ts'
import type { Permissions } from './permissions.ts'
import type { Sessions } from './sessions.ts'

/** Who changes a membership: the rights, and the person where it is one. */
export interface MemberManager {
  readonly userId: string | null
  readonly permissions: Permissions
  readonly origin: Origin
}

/** All of it with the organization as the condition: names and addresses of people are no tenant's rows. */
export interface Members {
  list (organizationId: string, limit: number, before?: string): Promise<MemberRow[]>
  setRole (organizationId: string, userId: string, role: string, manager: MemberManager): Promise<MemberRow>
  /** Removes somebody, or lets somebody leave: for that, no permission is needed. */
  remove (organizationId: string, userId: string, manager: MemberManager): Promise<void>
}

const LAST_OWNER = 'An organization keeps at least one owner. Make somebody else an owner first, or delete the organization.'

export function createMembers ({ db, nextId }: IdentityDependencies, sessions: Sessions, apiKeys: ApiKeys, roles: Pick<CustomRoles, 'permissionsOf'>): Members {
  async function find (organizationId: string, userId: string): Promise<MemberRow> {
    const member = await queries.findMember(db, organizationId, userId)
    if (member === undefined) throw NotFound('member with this id')
    return member
  }

  async function settle (outcome: queries.MemberChange, organizationId: string, userId: string): Promise<void> {
    await sessions.forget(userId)
    apiKeys.forget(organizationId)
    if (outcome === 'unknown') throw NotFound('member with this id')
    if (outcome === 'lastOwner') throw Conflict(LAST_OWNER)
  }

  return {
    list: async (organizationId, limit, before) => await queries.listMembers(db, organizationId, limit, before),
    async setRole (organizationId, userId, role, { permissions, origin }) {
      const member = await find(organizationId, userId)
      demand(permissions, 'member:manage')
      refuseGreater(permissions, await roles.permissionsOf(organizationId, role), await roles.permissionsOf(organizationId, member.role))
      if (member.role === role) return member
      // Else the provider would decide who owns the organization, and could lock its owners out.
      if (role === 'owner' && member.managed) throw Conflict('Accounts that the identity provider made cannot own the organization. Invite the person to an account of their own.')
      const audit = {
        id: nextId(), organizationId, ...by(origin), action: 'member.roleChanged', targetType: 'member', targetId: userId, before: { role: member.role }, after: { role }
      }
      await settle(await ifRoleStays(role, async () => await queries.updateMemberRole(db, organizationId, userId, role, audit)), organizationId, userId)
      return { ...member, role }
    },
    async remove (organizationId, userId, manager) {
      const member = await find(organizationId, userId)
      const leaves = manager.userId === userId
      if (!leaves) {
        demand(manager.permissions, 'member:manage')
        refuseGreater(manager.permissions, await roles.permissionsOf(organizationId, member.role))
      }
      const audit = {
        id: nextId(), organizationId, ...by(manager.origin), action: leaves ? 'member.left' : 'member.removed', targetType: 'member', targetId: userId, before: { email: member.email, role: member.role }
      }
      await settle(await queries.deleteMember(db, organizationId, userId, audit), organizationId, userId)
    }
  }
}
