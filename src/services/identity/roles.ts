import { ROLES, type Role } from '../../db/schema/identity.ts'

export { ROLES, type Role }

const NAMES: ReadonlySet<string> = new Set(ROLES)

/** Whether a name is one of the roles that every organization has. */
export function isBuiltIn (role: string): role is Role {
  return NAMES.has(role)
}
