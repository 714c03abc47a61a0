import { boolean, integer, jsonb, json, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, instant, organizationId, updatedAt } from './columns.ts'

export const users = pgTable('users', {
  id: uuid('id').primaryKey(),
  email: text('email').notNull(),
  name: text('name').notNull(),
  /** Null for accounts of an organization's identity provider. */
  passwordHash: text('password_hash'),
  managedBy: uuid('managed_by'),
  createdAt: createdAt(),
  updatedAt: updatedAt()
})

export const organizations = pgTable('organizations', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  slug: text('slug').notNull(),
  concurrencyLimit: integer('concurrency_limit'),
  auditRetentionDays: integer('audit_retention_days'),
  ssoRequired: boolean('sso_required').notNull().default(false),
  createdAt: createdAt(),
  updatedAt: updatedAt()
})

export const ROLES = ['owner', 'admin', 'editor', 'operator', 'viewer'] as const
export type Role = typeof ROLES[number]

/** Roles that organizations define themselves; `role` of a membership or an invitation names one of these or a built-in one. */
export const customRoles = pgTable('roles', {
  id: uuid('id').notNull(),
  organizationId: organizationId(),
  name: text('name').notNull(),
  description: text('description').notNull(),
  permissions: text('permissions').array().notNull(),
  createdAt: createdAt(),
  updatedAt: updatedAt()
}, table => [primaryKey({ columns: [table.organizationId, table.name] })])

export const memberships = pgTable('memberships', {
  organizationId: organizationId(),
  userId: uuid('user_id').notNull(),
  role: text('role').notNull(),
  createdAt: createdAt()
}, table => [primaryKey({ columns: [table.organizationId, table.userId] })])

export const sessions = pgTable('sessions', {
  id: uuid('id').primaryKey(),
  userId: uuid('user_id').notNull(),
  refreshHash: bytea('refresh_hash').notNull(),
  generation: integer('generation').notNull().default(1),
  userAgent: text('user_agent'),
  ip: text('ip'),
  createdAt: createdAt(),
  lastUsedAt: instant('last_used_at').notNull().defaultNow(),
  expiresAt: instant('expires_at').notNull(),
  identityId: uuid('identity_id'),
  endsAt: instant('ends_at'),
  revokedAt: instant('revoked_at')
})

/** Who somebody is at an identity provider of an organization. */
export const ssoIdentities = pgTable('sso_identities', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  providerId: uuid('provider_id').notNull(),
  userId: uuid('user_id').notNull(),
  issuer: text('issuer').notNull(),
  subject: text('subject').notNull(),
  email: text('email'),
  createdAt: createdAt(),
  lastUsedAt: instant('last_used_at')
})

export const apiKeys = pgTable('api_keys', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  name: text('name').notNull(),
  secretHash: bytea('secret_hash').notNull(),
  createdBy: uuid('created_by'),
  scopes: text('scopes').array(),
  previousHash: bytea('previous_hash'),
  previousUntil: instant('previous_until'),
  createdAt: createdAt(),
  lastUsedAt: instant('last_used_at'),
  expiresAt: instant('expires_at'),
  revokedAt: instant('revoked_at')
})

export const invitations = pgTable('invitations', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  email: text('email').notNull(),
  role: text('role').notNull(),
  tokenHash: bytea('token_hash').notNull(),
  invitedBy: uuid('invited_by'),
  createdAt: createdAt(),
  expiresAt: instant('expires_at').notNull(),
  acceptedAt: instant('accepted_at'),
  revokedAt: instant('revoked_at')
})

export const passwordResets = pgTable('password_resets', {
  tokenHash: bytea('token_hash').primaryKey(),
  userId: uuid('user_id').notNull(),
  createdAt: createdAt(),
  expiresAt: instant('expires_at').notNull(),
  usedAt: instant('used_at')
})

export const auditLog = pgTable('audit_log', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  actorType: text('actor_type', { enum: ['user', 'apiKey', 'system'] }).notNull(),
  actorId: uuid('actor_id'),
  action: text('action').notNull(),
  targetType: text('target_type').notNull(),
  targetId: text('target_id').notNull(),
  before: jsonb('before'),
  after: jsonb('after'),
  ip: text('ip'),
  requestId: text('request_id'),
  at: instant('at').notNull().defaultNow()
})

export const idempotencyKeys = pgTable('idempotency_keys', {
  organizationId: organizationId(),
  key: text('key').notNull(),
  fingerprint: bytea('fingerprint').notNull(),
  status: integer('status'),
  headers: json('headers').$type<Record<string, string>>(),
  body: text('body'),
  createdAt: createdAt()
}, table => [primaryKey({ columns: [table.organizationId, table.key] })])

export const tailTickets = pgTable('tail_tickets', {
  tokenHash: bytea('token_hash').primaryKey(),
  organizationId: organizationId(),
  userId: uuid('user_id'),
  expiresAt: instant('expires_at').notNull()
})
