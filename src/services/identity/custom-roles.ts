import { createHash } from 'node:crypto'
import { violatedConstraint } from '../../db/errors.ts'
import * as queries from '../../db/queries/custom-roles.ts'
import type { CustomRoleRow } from '../../db/queries/custom-roles.ts'
import { by, type Origin } from '../audit.ts'
import { Conflict, InvalidInput, NotFound, PreconditionFailed, RoleInUse } from '../problems.ts'
import { etagOf, requireMatch, type Precondition } from '../workflows/precondition.ts'
import type { ApiKeys } from './api-keys.ts'
import { refuseGreater } from './demand.ts'
import type { IdentityDependencies } from './identity.ts'
import type { MemberManager } from './members.ts'
import { OF_EVERY_MEMBER, permissionsOf, permissionsOfRole, type Permission, type Permissions } from './permissions.ts'
import { isBuiltIn, ROLES, type Role } from './roles.ts'
import type { Sessions } from './sessions.ts'

export interface OrganizationRole {
  /** Orders lists; no part of what is shown. */
  readonly id: string
  readonly name: string
  readonly description: string
  readonly builtIn: boolean
  readonly permissions: readonly Permission[]
  readonly createdAt: Date | null
  readonly updatedAt: Date | null
}

export interface RoleChange {
  readonly description?: string
  readonly permissions?: readonly Permission[]
}

type Manager = Pick<MemberManager, 'permissions' | 'origin'>

/** The roles of an organization: those that every one has, and its own. */
export interface CustomRoles {
  /** The built-in ones first. */
  list (organizationId: string, limit: number, before?: string): Promise<OrganizationRole[]>
  read (organizationId: string, name: string): Promise<OrganizationRole>
  /** What a role holds. Throws InvalidInput for one that is not there. */
  permissionsOf (organizationId: string, name: string): Promise<Permissions>
  create (organizationId: string, role: { name: string } & RoleChange, manager: Manager): Promise<OrganizationRole>
  /** Counts for those who have it from their next request, in processes that share no Redis after 5 s at most. */
  update (organizationId: string, name: string, change: RoleChange, manager: Manager, precondition?: Precondition): Promise<OrganizationRole>
  /** Throws RoleInUse as long as anybody has it. */
  delete (organizationId: string, name: string, manager: Manager): Promise<void>
}

/** Of one organization: they are all read at once. */
const MOST = 100
const SHOWN_HOLDERS = 10
const FOREIGN_KEYS = new Set(['memberships_role_fkey', 'invitations_role_fkey'])

const DESCRIPTIONS: Readonly<Record<Role, string>> = {
  owner: 'May everything, and decides who owns the organization',
  admin: 'May everything but decide who owns the organization',
  editor: 'Builds, publishes and runs workflows',
  operator: 'Runs workflows and looks after executions',
  viewer: 'Looks on'
}

export function createCustomRoles ({ db, clock, nextId }: IdentityDependencies, sessions: Sessions, apiKeys: ApiKeys): CustomRoles {
  async function own (organizationId: string, name: string): Promise<CustomRoleRow> {
    if (isBuiltIn(name)) throw Conflict('This role is the same in every organization. Define one of your own.')
    const row = await queries.findCustomRole(db, organizationId, name)
    if (row === undefined) throw NotFound('role with this name')
    return row
  }

  async function read (organizationId: string, name: string): Promise<OrganizationRole> {
    return isBuiltIn(name) ? builtIn(name) : viewOf(await own(organizationId, name))
  }

  function audit (organizationId: string, origin: Origin, act: 'created' | 'updated' | 'deleted', name: string) {
    return { id: nextId(), organizationId, ...by(origin), action: `role.${act}`, targetType: 'role', targetId: name }
  }

  return {
    read,
    async list (organizationId, limit, before) {
      const all = [...ROLES.map(builtIn), ...(await queries.listCustomRoles(db, organizationId)).map(viewOf)]
      return all.filter(({ id }) => before === undefined || id < before).slice(0, limit)
    },
    async permissionsOf (organizationId, name) {
      if (isBuiltIn(name)) return permissionsOf(name)
      const row = await queries.findCustomRole(db, organizationId, name)
      if (row === undefined) throw unknownRole(name)
      return permissionsOfRole(name, row.permissions)
    },
    async create (organizationId, { name, description = '', permissions = [] }, { permissions: held, origin }) {
      if (isBuiltIn(name)) throw Conflict(`Every organization has the role ${name} already. Choose another name.`)
      const stored = complete(permissions)
      refuseGreater(held, stored)
      const role = { id: nextId(), name, description, permissions: [...stored] }
      const { id, ...after } = role
      try {
        const created = await queries.insertCustomRole(db, organizationId, role, MOST, { ...audit(organizationId, origin, 'created', name), after })
        if (!created) throw Conflict(`An organization has ${MOST} roles of its own at most. Delete one that nobody has.`)
      } catch (error) {
        if (violatedConstraint(error) === 'roles_pkey') throw Conflict('The organization has a role of this name. Change that one, or choose another name.')
        throw error
      }
      return await read(organizationId, name)
    },
    async update (organizationId, name, change, { permissions: held, origin }, precondition) {
      const known = await own(organizationId, name)
      requireMatch(precondition, roleTag(viewOf(known)))
      const next = { description: change.description ?? known.description, permissions: [...change.permissions === undefined ? known.permissions : complete(change.permissions)] }
      refuseGreater(held, permissionsOfRole(name, known.permissions), permissionsOfRole(name, next.permissions))
      const { description, permissions } = known
      const changed = await queries.updateCustomRole(db, organizationId, known, next, { ...audit(organizationId, origin, 'updated', name), before: { description, permissions }, after: change })
      await sessions.forgetMembers(organizationId)
      apiKeys.forget(organizationId)
      const role = await read(organizationId, name)
      // What was judged is not what was there: whoever asks reads it again.
      if (!changed) throw PreconditionFailed(roleTag(role))
      return role
    },
    async delete (organizationId, name, { permissions: held, origin }) {
      const known = await own(organizationId, name)
      refuseGreater(held, permissionsOfRole(name, known.permissions))
      const before = { description: known.description, permissions: known.permissions }
      try {
        if (!await queries.deleteCustomRole(db, organizationId, name, new Date(clock()), { ...audit(organizationId, origin, 'deleted', name), before })) throw NotFound('role with this name')
      } catch (error) {
        if (!FOREIGN_KEYS.has(violatedConstraint(error) ?? '')) throw error
        const holders = await queries.holdersOfRole(db, organizationId, name, SHOWN_HOLDERS + 1)
        throw RoleInUse(holders.slice(0, SHOWN_HOLDERS).map(({ email, invited }) => invited ? `${email} (invited)` : email), holders.length > SHOWN_HOLDERS)
      }
    }
  }
}

/** Runs what gives somebody a role. Throws InvalidInput where the role is gone by then. */
export async function ifRoleStays<T> (role: string, give: () => Promise<T>): Promise<T> {
  try {
    return await give()
  } catch (error) {
    if (FOREIGN_KEYS.has(violatedConstraint(error) ?? '')) throw unknownRole(role)
    throw error
  }
}

export function roleTag ({ name, description, permissions, updatedAt }: OrganizationRole): string {
  return etagOf({ revision: createHash('sha256').update(JSON.stringify([name, description, permissions, updatedAt])).digest('base64url') })
}

function unknownRole (name: string) {
  return InvalidInput([{ pointer: '/role', message: `must be ${ROLES.join(', ')} or a role of the organization: ${name} is neither`, code: 'WC_UNKNOWN_ROLE' }])
}

function complete (permissions: readonly Permission[]): Permissions {
  return new Set([...OF_EVERY_MEMBER, ...permissions])
}

/** Ids after all that are made, in the order of the table. */
function builtIn (name: Role): OrganizationRole {
  const id = `ffffffff-ffff-7fff-bfff-fffffffffff${9 - ROLES.indexOf(name)}`
  return { id, name, description: DESCRIPTIONS[name], builtIn: true, permissions: [...permissionsOf(name)], createdAt: null, updatedAt: null }
}

function viewOf ({ permissions, ...row }: CustomRoleRow): OrganizationRole {
  return { ...row, builtIn: false, permissions: [...permissionsOfRole(row.name, permissions)] }
}
