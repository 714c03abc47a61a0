import { violatedConstraint } from '../../db/errors.ts'
import * as queries from '../../db/queries/resource-grants.ts'
import type { GrantRow, GrantTarget, HeldGrantRow } from '../../db/queries/resource-grants.ts'
import { by } from '../audit.ts'
import { Conflict, NotFound } from '../problems.ts'
import { refuseGreater } from './demand.ts'
import type { IdentityDependencies } from './identity.ts'
import type { MemberManager } from './members.ts'
import { GRANTABLE, intersection, isPermission, type GrantKind, type Permission, type Permissions } from './permissions.ts'
import type { Sessions } from './sessions.ts'

export type { GrantTarget }

/** What somebody may with single resources, by their ids. */
export type HeldGrants = Readonly<Record<GrantKind, ReadonlyMap<string, Permissions>>>

export interface Grant {
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly permissions: Permission[]
  readonly grantedBy: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Grants of members on single resources. */
export interface Grants {
  list (organizationId: string, target: GrantTarget, limit: number, before?: string): Promise<Grant[]>
  /** What the member may with the resource from now on, in the place of what was granted before. Nobody grants more than they hold there themselves. */
  put (organizationId: string, target: GrantTarget, userId: string, permissions: readonly Permission[], manager: MemberManager): Promise<Grant>
  revoke (organizationId: string, target: GrantTarget, userId: string, manager: MemberManager): Promise<void>
}

/** Of a person, in all organizations: they are read with each session. */
const MOST = 1000
export const NO_GRANTS: HeldGrants = { workflow: new Map(), credential: new Map() }

export function createGrants ({ db, nextId }: IdentityDependencies, sessions: Pick<Sessions, 'forget'>): Grants {
  async function demandResource (organizationId: string, target: GrantTarget): Promise<void> {
    if (!await queries.resourceExists(db, organizationId, target)) throw NotFound(`${target.kind} with this id`)
  }

  function audit (organizationId: string, { kind, resourceId }: GrantTarget, { origin }: MemberManager, act: 'granted' | 'revoked') {
    return { id: nextId(), organizationId, ...by(origin), action: `grant.${act}`, targetType: kind, targetId: resourceId }
  }

  const changedMeanwhile = () => Conflict('The grant was changed at the same moment. Read it again and repeat what you meant to do.')

  return {
    async list (organizationId, target, limit, before) {
      await demandResource(organizationId, target)
      return (await queries.listGrants(db, organizationId, target, limit, before)).map(grant => viewOf(target.kind, grant))
    },
    async put (organizationId, target, userId, wanted, manager) {
      await demandResource(organizationId, target)
      const permissions = [...new Set([GRANTABLE[target.kind][0], ...wanted])]
      const known = await queries.findGrant(db, organizationId, target, userId)
      const before = known === undefined ? undefined : permissionsIn(target.kind, known.permissions)
      refuseGreater(manager.permissions, new Set(permissions), before ?? new Set())
      if (known === undefined && (await queries.grantsOfUser(db, userId)).length >= MOST) {
        throw Conflict(`A person has ${MOST} grants at most, in all organizations together. Give a role that holds what is needed instead.`)
      }
      try {
        const changed = await queries.putGrant(db, organizationId, target, { userId, permissions, grantedBy: manager.userId }, known?.permissions, {
          ...audit(organizationId, target, manager, 'granted'), ...(before === undefined ? {} : { before: { userId, permissions: [...before] } }), after: { userId, permissions }
        })
        if (!changed) throw changedMeanwhile()
      } catch (error) {
        const violated = violatedConstraint(error)
        if (violated === 'resource_grants_member_fkey') throw NotFound('member with this id')
        if (violated !== undefined) throw NotFound(`${target.kind} with this id`)
        throw error
      }
      await sessions.forget(userId)
      const grant = await queries.findGrant(db, organizationId, target, userId)
      if (grant === undefined) throw NotFound('grant to this member any more')
      return viewOf(target.kind, grant)
    },
    async revoke (organizationId, target, userId, manager) {
      const known = await queries.findGrant(db, organizationId, target, userId)
      if (known === undefined) throw NotFound('grant to this member')
      const before = permissionsIn(target.kind, known.permissions)
      refuseGreater(manager.permissions, before)
      const gone = await queries.deleteGrant(db, organizationId, target, userId, known.permissions, { ...audit(organizationId, target, manager, 'revoked'), before: { userId, permissions: [...before] } })
      await sessions.forget(userId)
      if (!gone) throw changedMeanwhile()
    }
  }
}

/** The resources on which a permission is held. */
export function grantedIds (grants: HeldGrants, kind: GrantKind, permission: Permission): string[] {
  return [...grants[kind]].filter(([, permissions]) => permissions.has(permission)).map(([id]) => id)
}

/**
 * Those of one organization, out of somebody's. Every request comes by here, and few ask: each kind is gone through when it is asked for.
 */
export function heldGrants (rows: readonly HeldGrantRow[], organizationId: string): HeldGrants {
  if (rows.length === 0) return NO_GRANTS
  const known = new Map<GrantKind, HeldGrants[GrantKind]>()
  const of = (kind: GrantKind): HeldGrants[GrantKind] => {
    const held = known.get(kind) ?? new Map(rows.filter(row => row.kind === kind && row.organizationId === organizationId).map(row => [row.resourceId, permissionsIn(kind, row.permissions)]))
    known.set(kind, held)
    return held
  }
  return { get workflow () { return of('workflow') }, get credential () { return of('credential') } }
}

const CAN_BE_GRANTED: Readonly<Record<GrantKind, Permissions>> = { workflow: new Set(GRANTABLE.workflow), credential: new Set(GRANTABLE.credential) }

function permissionsIn (kind: GrantKind, stored: string): Permissions {
  return intersection(stored.split('\n').filter(isPermission), CAN_BE_GRANTED[kind])
}

function viewOf (kind: GrantKind, { permissions, createdAt, updatedAt, ...row }: GrantRow): Grant {
  const { userId, email, name, grantedBy } = row
  return { userId, email, name, grantedBy, permissions: [...permissionsIn(kind, permissions)], createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) }
}
