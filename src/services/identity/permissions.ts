import { isBuiltIn, type Role } from './roles.ts'

/**
 * What a route may ask for: `<thing>:<act>`. `read` is all that shows a thing, `edit` what makes, changes and removes it.
 * Using a credential in a workflow (`credential:use`) is apart from choosing what it holds (`credential:edit`).
 */
export const PERMISSIONS = [
  'workflow:read', 'workflow:edit', 'workflow:publish',
  'variable:read', 'variable:edit',
  'execution:read', 'execution:start', 'execution:manage', 'execution:delete',
  'schedule:read', 'schedule:manage',
  'event:publish', 'eventType:read', 'eventType:edit',
  'webhook:read', 'webhook:replay',
  'credential:read', 'credential:use', 'credential:edit',
  'package:read', 'package:manage',
  'subscription:read', 'subscription:edit',
  'organization:read', 'organization:edit', 'organization:delete',
  'member:read', 'member:manage', 'owner:manage',
  'role:manage', 'grant:manage', 'sso:manage',
  'apiKey:read', 'apiKey:edit',
  'audit:read'
] as const

export type Permission = typeof PERMISSIONS[number]
export type Permissions = ReadonlySet<Permission>

const VIEWER: readonly Permission[] = [
  'workflow:read', 'variable:read', 'execution:read', 'schedule:read', 'eventType:read', 'webhook:read', 'credential:read', 'package:read',
  'subscription:read', 'organization:read', 'member:read'
]
const OPERATOR: readonly Permission[] = [...VIEWER, 'execution:start', 'execution:manage', 'schedule:manage', 'event:publish', 'webhook:replay']
const EDITOR: readonly Permission[] = [...OPERATOR, 'workflow:edit', 'workflow:publish', 'variable:edit', 'execution:delete', 'eventType:edit', 'credential:use']
/** What only owners may: it decides who owns the organization, and whether there is one. */
const OWNERS_ONLY: readonly Permission[] = ['organization:delete', 'owner:manage']
const ADMIN = PERMISSIONS.filter(permission => !OWNERS_ONLY.includes(permission))

const TABLE: Readonly<Record<Role, Permissions>> = {
  owner: new Set(PERMISSIONS),
  admin: new Set(ADMIN),
  editor: new Set(EDITOR),
  operator: new Set(OPERATOR),
  viewer: new Set(VIEWER)
}

export function permissionsOf (role: Role): Permissions {
  return TABLE[role]
}

/** What roles of an organization's own can hold: all but what decides who owns it. */
export const ROLE_PERMISSIONS: Permissions = TABLE.admin

/** Part of every role: whoever belongs to an organization sees it, and who else does, and can leave. */
export const OF_EVERY_MEMBER: readonly Permission[] = ['organization:read', 'member:read']

/**
 * What a role holds, built in or not.
 * @param stored of a role that the organization defined
 */
export function permissionsOfRole (role: string, stored: readonly string[] | null): Permissions {
  if (isBuiltIn(role)) return TABLE[role]
  return intersection((stored ?? []).filter(isPermission), ROLE_PERMISSIONS)
}

export type GrantKind = 'workflow' | 'credential'

/** What can be granted on a single one. The first is part of every grant. */
export const GRANTABLE: Readonly<Record<GrantKind, readonly [Permission, ...Permission[]]>> = {
  workflow: [
    'workflow:read', 'workflow:edit', 'workflow:publish', 'variable:read', 'variable:edit', 'execution:read', 'execution:start', 'execution:manage', 'execution:delete',
    'schedule:read', 'schedule:manage', 'webhook:read', 'webhook:replay'
  ],
  credential: ['credential:read', 'credential:use', 'credential:edit']
}

/** What API keys can be given at most: a key outlives sessions, so it never decides who owns the organization. */
export const KEY_PERMISSIONS: Permissions = ROLE_PERMISSIONS

export function intersection (left: Iterable<Permission>, right: Permissions): Permissions {
  return new Set([...left].filter(permission => right.has(permission)))
}

const NAMES: ReadonlySet<string> = new Set(PERMISSIONS)

export function isPermission (name: string): name is Permission {
  return NAMES.has(name)
}
