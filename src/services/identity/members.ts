import * as queries from '../../db/queries/members.ts'
import type { MemberRow } from '../../db/queries/members.ts'
import { by, type Origin } from '../audit.ts'
import { Conflict, NotFound, PermissionMissing } from '../problems.ts'
import type { ApiKeys } from './api-keys.ts'
import type { IdentityDependencies } from './identity.ts'
import type { Permission, Permissions } from './permissions.ts'
import type { Role } from './roles.ts'
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
  setRole (organizationId: string, userId: string, role: Role, manager: MemberManager): Promise<MemberRow>
  /** Removes somebody, or lets somebody leave: for that, no permission is needed. */
  remove (organizationId: string, userId: string, manager: MemberManager): Promise<void>
}

const LAST_OWNER = 'An organization keeps at least one owner. Make somebody else an owner first, or delete the organization.'

export function createMembers ({ db, nextId }: IdentityDependencies, sessions: Sessions, apiKeys: ApiKeys): Members {
  async function find (organizationId: string, userId: string): Promise<MemberRow> {
    const member = await queries.findMember(db, organizationId, userId)
    if (member === undefined) throw NotFound('member with this id')
    return member
  }

  function settle (outcome: queries.MemberChange, organizationId: string, userId: string): void {
    sessions.forget(userId)
    apiKeys.forget(organizationId)
    if (outcome === 'unknown') throw NotFound('member with this id')
    if (outcome === 'lastOwner') throw Conflict(LAST_OWNER)
  }

  return {
    list: async (organizationId, limit, before) => await queries.listMembers(db, organizationId, limit, before),
    async setRole (organizationId, userId, role, { permissions, origin }) {
      const member = await find(organizationId, userId)
      demand(permissions, 'member:manage')
      if (role === 'owner' || member.role === 'owner') demand(permissions, 'owner:manage')
      if (member.role === role) return member
      const audit = {
        id: nextId(), organizationId, ...by(origin), action: 'member.roleChanged', targetType: 'member', targetId: userId, before: { role: member.role }, after: { role }
      }
      settle(await queries.updateMemberRole(db, organizationId, userId, role, audit), organizationId, userId)
      return { ...member, role }
    },
    async remove (organizationId, userId, manager) {
      const member = await find(organizationId, userId)
      const leaves = manager.userId === userId
      if (!leaves) demand(manager.permissions, 'member:manage')
      if (!leaves && member.role === 'owner') demand(manager.permissions, 'owner:manage')
      const audit = {
        id: nextId(), organizationId, ...by(manager.origin), action: leaves ? 'member.left' : 'member.removed', targetType: 'member', targetId: userId, before: { email: member.email, role: member.role }
      }
      settle(await queries.deleteMember(db, organizationId, userId, audit), organizationId, userId)
    }
  }
}

function demand (permissions: Permissions, permission: Permission): void {
  if (!permissions.has(permission)) throw PermissionMissing(permission)
}
