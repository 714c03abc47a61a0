import { PermissionMissing } from '../problems.ts'
import type { Permission, Permissions } from './permissions.ts'

/** Throws PermissionMissing. */
export function demand (permissions: Permissions, permission: Permission): void {
  if (!permissions.has(permission)) throw PermissionMissing(permission)
}

/**
 * Nobody gives, changes or takes away a role that holds more than they do: else whoever may give roles could become anything.
 * Throws PermissionMissing with what is missing, `owner:manage` before anything else.
 */
export function refuseGreater (holder: Permissions, ...roles: readonly Permissions[]): void {
  const missing = roles.flatMap(role => [...role].filter(permission => !holder.has(permission)))
  const first = missing.find(permission => permission === 'owner:manage') ?? missing[0]
  if (first !== undefined) throw PermissionMissing(first)
}
