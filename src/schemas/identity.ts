import { Type } from '@sinclair/typebox'
import { GRANTABLE, KEY_PERMISSIONS, ROLE_PERMISSIONS, type GrantKind, type Permission } from '../services/identity/permissions.ts'
import { ROLES } from '../services/identity/roles.ts'
import { Id, Instant, Name, Nullable } from './common.ts'

export const Email = Type.String({ format: 'email', maxLength: 254, examples: ['ada@example.org'] })
/** Length is judged in code points by the service; this bound only keeps megabytes away from the hash. */
export const Password = Type.String({ minLength: 1, maxLength: 256, format: 'password', examples: ['correct staple horse 9'] })
export const TwoFactorCode = Type.String({ minLength: 6, maxLength: 40, description: 'Of the authenticator, or a recovery code', examples: ['123456'] })
export const Slug = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,53}[a-z0-9])?$', description: 'Part of the URLs of webhooks', examples: ['acme'] })
/** A built-in role, or one that the organization defined. */
export const Role = Type.String({ pattern: '^[a-z][a-z0-9-]{0,49}$', description: `${ROLES.join(', ')}, or a role of the organization`, examples: ['editor'] })

export const ConcurrencyLimit = Nullable(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Executions of the organization that run at once; null is without limit' }))

export const AuditRetention = Nullable(Type.Integer({ minimum: 30, maximum: 36_500, description: 'Days that the audit log is kept; null is for ever' }))

export const SsoRequirement = Type.Boolean({ description: 'Whether members other than owners come in by an identity provider only' })

export const MembershipView = Type.Object({ id: Id, name: Name, slug: Slug, role: Role }, { $id: 'Membership' })

export const User = Type.Object({
  id: Id, email: Email, name: Name, createdAt: Instant, organizations: Type.Array(MembershipView)
}, { $id: 'User' })

export const Tokens = Type.Object({
  accessToken: Type.String({ description: 'For `Authorization: Bearer`', examples: ['eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln'] }),
  refreshToken: Type.String({ description: 'Exchanges once for the next pair', examples: ['wcr_01980a2b7c3d7e4f8a5b6c7d8e9f0a1b_1_c2VjcmV0'] }),
  expiresIn: Type.Integer({ minimum: 1, description: 'Seconds that the access token lives', examples: [900] }),
  user: User
}, { $id: 'Tokens' })

export const Session = Type.Object({
  id: Id,
  current: Type.Boolean({ description: 'Whether this request comes from it' }),
  userAgent: Nullable(Type.String()),
  ip: Nullable(Type.String()),
  createdAt: Instant,
  lastUsedAt: Instant,
  expiresAt: Instant
}, { $id: 'Session' })

export const Organization = Type.Object({ id: Id, name: Name, slug: Slug, concurrencyLimit: ConcurrencyLimit, auditRetentionDays: AuditRetention, ssoRequired: SsoRequirement, createdAt: Instant, updatedAt: Instant }, { $id: 'Organization' })
export const Member = Type.Object({ userId: Id, email: Email, name: Name, role: Role, managed: Type.Boolean({ description: 'Whether the account was made by the identity provider of the organization, and is its own' }), createdAt: Instant }, { $id: 'Member' })

export const Scope = Type.Unsafe<Permission>({ type: 'string', enum: [...KEY_PERMISSIONS], examples: ['workflow:read'] })

export const RoleDescription = Type.String({ maxLength: 500, description: 'What it is for', examples: ['Looks after deliveries, changes nothing'] })
export const RolePermissions = Type.Array(Type.Unsafe<Permission>({ type: 'string', enum: [...ROLE_PERMISSIONS], examples: ['execution:read'] }), {
  uniqueItems: true, maxItems: 100, description: 'Those that you hold, but for what only owners may. `organization:read` and `member:read` are part of every role'
})
export const OrganizationRole = Type.Object({
  name: Role,
  description: RoleDescription,
  builtIn: Type.Boolean({ description: 'Whether every organization has it, and nobody can change it' }),
  permissions: Type.Array(Type.String({ examples: ['execution:read'] })),
  createdAt: Nullable(Instant),
  updatedAt: Nullable(Instant)
}, { $id: 'Role' })

export function grantPermissions (kind: GrantKind) {
  return Type.Array(Type.Unsafe<Permission>({ type: 'string', enum: [...GRANTABLE[kind]], examples: [GRANTABLE[kind][0]] }), { uniqueItems: true, minItems: 1, maxItems: 100 })
}
export const Grant = Type.Object({
  userId: Id, email: Email, name: Name, permissions: Type.Array(Type.String({ examples: ['workflow:edit'] })), grantedBy: Nullable(Id), createdAt: Instant, updatedAt: Instant
}, { $id: 'Grant' })

const apiKey = {
  id: Id,
  name: Name,
  createdBy: Nullable(Id),
  scopes: Type.Array(Scope, { description: 'What it may do, as far as who made it still may' }),
  createdAt: Instant,
  lastUsedAt: Nullable(Instant),
  expiresAt: Nullable(Instant),
  previousUntil: Nullable(Type.Unsafe<string>({ ...Instant, description: 'Until when the secret before the last rotation works' }))
}
export const ApiKey = Type.Object(apiKey, { $id: 'ApiKey' })
export const CreatedApiKey = Type.Object({
  ...apiKey, secret: Type.String({ description: 'The key itself, shown this once', examples: ['wc_01980a2b7c3d7e4f8a5b6c7d8e9f0a1b_c2VjcmV0'] })
}, { $id: 'CreatedApiKey' })

const invitation = { id: Id, email: Email, role: Role, invitedBy: Nullable(Id), createdAt: Instant, expiresAt: Instant }
export const Invitation = Type.Object(invitation, { $id: 'Invitation' })
export const CreatedInvitation = Type.Object({
  ...invitation, token: Type.Optional(Type.String({ description: 'Only where no mail was sent, and this once', examples: ['c2VjcmV0'] }))
}, { $id: 'CreatedInvitation' })
