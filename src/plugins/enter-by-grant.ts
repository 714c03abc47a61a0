import type { FastifyRequest } from 'fastify'
import { resourcesOf, type GrantedThing } from '../db/queries/resource-grants.ts'
import { isId } from '../lib/ids.ts'
import type { GrantedBy } from '../schemas/access.ts'
import { grantedIds } from '../services/identity/grants.ts'
import type { GrantKind, Permission } from '../services/identity/permissions.ts'
import { NotFound, PermissionMissing } from '../services/problems.ts'

/** What shows a thing: whoever may see it is told what they lack, everybody else that it does not exist. */
const SEEN_BY: Readonly<Record<GrantedThing, Permission>> = {
  workflow: 'workflow:read', execution: 'execution:read', schedule: 'schedule:read', poll: 'schedule:read', delivery: 'webhook:read', file: 'execution:read', credential: 'credential:read'
}

/**
 * Lets a request in whose role does not hold the permission, where grants on single resources do; from then on it sees
 * those resources and no others. Throws PermissionMissing, or NotFound for what the caller may not even see.
 */
export async function enterByGrant (request: FastifyRequest, permission: Permission, grantedBy: GrantedBy): Promise<void> {
  const kind = kindOf(grantedBy)
  const ids = grantedIds(request.grants, kind, permission)
  // Whoever was granted it nowhere learns what is missing, and nothing of what there is.
  if (ids.length === 0) throw PermissionMissing(permission)
  if (grantedBy !== 'workflows' && grantedBy !== 'credentials') await demandOne(request, permission, grantedBy, kind, ids)
  request.confine({ kind, ids })
}

async function demandOne (request: FastifyRequest, permission: Permission, thing: GrantedThing, kind: GrantKind, ids: readonly string[]): Promise<void> {
  const { id = '' } = request.params as { id?: string }
  const asked = id.toLowerCase()
  const resources = isId(asked) ? await request.db.run(async tx => await resourcesOf(tx, request.organizationId, thing, asked)) : []
  if (resources.some(resource => ids.includes(resource))) return
  const seenBy = SEEN_BY[thing]
  const seen = resources.some(resource => request.permissions.has(seenBy) || request.grants[kind].get(resource)?.has(seenBy) === true)
  throw seen ? PermissionMissing(permission) : NotFound(`${thing} with this id`)
}

function kindOf (grantedBy: GrantedBy): GrantKind {
  return grantedBy === 'credential' || grantedBy === 'credentials' ? 'credential' : 'workflow'
}
