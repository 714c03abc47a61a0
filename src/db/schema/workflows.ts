import { bigint, boolean, date, integer, json, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, instant, organizationId, updatedAt } from './columns.ts'

export const workflows = pgTable('workflows', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  name: text('name').notNull(),
  version: integer('version').notNull(),
  publishedVersion: integer('published_version'),
  createdAt: createdAt(),
  updatedAt: updatedAt()
})

export const workflowVersions = pgTable('workflow_versions', {
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  version: integer('version').notNull(),
  name: text('name').notNull(),
  definition: json('definition').notNull(),
  createdBy: uuid('created_by'),
  createdAt: createdAt()
}, table => [primaryKey({ columns: [table.workflowId, table.version] })])

export const workflowNodes = pgTable('workflow_nodes', {
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  version: integer('version').notNull(),
  nodeId: text('node_id').notNull(),
  position: integer('position').notNull(),
  type: text('type').notNull(),
  name: text('name'),
  credentialId: uuid('credential_id'),
  disabled: boolean('disabled').notNull().default(false)
}, table => [primaryKey({ columns: [table.workflowId, table.version, table.nodeId] })])

export const workflowNodeConnections = pgTable('workflow_node_connections', {
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  version: integer('version').notNull(),
  position: integer('position').notNull(),
  fromNode: text('from_node').notNull(),
  output: text('output').notNull(),
  toNode: text('to_node').notNull(),
  input: text('input').notNull()
}, table => [primaryKey({ columns: [table.workflowId, table.version, table.position] })])

/** Of the organization where `workflowId` is null, else of that workflow. */
export const variables = pgTable('variables', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  workflowId: uuid('workflow_id'),
  name: text('name').notNull(),
  value: jsonb('value').notNull(),
  createdAt: createdAt(),
  updatedAt: updatedAt()
})

export const credentials = pgTable('credentials', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  type: text('type').notNull(),
  name: text('name').notNull(),
  secret: bytea('secret').notNull(),
  keyId: text('key_id').notNull(),
  dataKey: bytea('data_key').notNull(),
  version: integer('version').notNull().default(1),
  publicData: json('public_data').notNull().default({}),
  secretFields: json('secret_fields').notNull().default([]),
  allowedHosts: json('allowed_hosts'),
  secretReferences: json('secret_references'),
  createdBy: uuid('created_by'),
  createdAt: createdAt(),
  updatedAt: updatedAt()
})

/** Of published versions only: what keeps a credential from being deleted. */
export const credentialUses = pgTable('credential_uses', {
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  credentialId: uuid('credential_id').notNull()
}, table => [primaryKey({ columns: [table.workflowId, table.credentialId] })])

export const webhookEndpoints = pgTable('webhook_endpoints', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  version: integer('version').notNull(),
  nodeId: text('node_id').notNull(),
  method: text('method').notNull(),
  path: text('path').notNull(),
  shape: text('shape').notNull(),
  createdAt: createdAt()
})

export const deliveryKeys = pgTable('delivery_keys', {
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  nodeId: text('node_id').notNull(),
  keyHash: bytea('key_hash').notNull(),
  executionId: uuid('execution_id').notNull(),
  expiresAt: instant('expires_at').notNull()
}, table => [primaryKey({ columns: [table.workflowId, table.nodeId, table.keyHash] })])

export const webhookCounts = pgTable('webhook_counts', {
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  nodeId: text('node_id').notNull(),
  method: text('method').notNull(),
  day: date('day').notNull(),
  accepted: bigint('accepted', { mode: 'number' }).notNull().default(0),
  duplicates: bigint('duplicates', { mode: 'number' }).notNull().default(0),
  refused: bigint('refused', { mode: 'number' }).notNull().default(0),
  lastAt: instant('last_at').notNull()
}, table => [primaryKey({ columns: [table.workflowId, table.nodeId, table.method, table.day] })])

export const schedules = pgTable('schedules', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  version: integer('version').notNull(),
  nodeId: text('node_id').notNull(),
  rule: jsonb('rule').notNull(),
  timeZone: text('time_zone').notNull().default('UTC'),
  nextTick: instant('next_tick'),
  nextAt: instant('next_at'),
  lastTick: instant('last_tick'),
  lastExecutionId: uuid('last_execution_id'),
  bufferedTick: instant('buffered_tick'),
  pausedAt: instant('paused_at'),
  createdAt: createdAt()
})

export const polls = pgTable('polls', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  nodeId: text('node_id').notNull(),
  version: integer('version'),
  rule: jsonb('rule').notNull(),
  nextTick: instant('next_tick'),
  nextAt: instant('next_at'),
  lease: uuid('lease'),
  leasedUntil: instant('leased_until'),
  cursor: json('cursor'),
  begun: boolean('begun').notNull().default(false),
  failures: integer('failures').notNull().default(0),
  lastError: json('last_error'),
  lastPolledAt: instant('last_polled_at'),
  lastSuccessAt: instant('last_success_at'),
  lastItems: integer('last_items'),
  lastExecutionId: uuid('last_execution_id'),
  pausedAt: instant('paused_at'),
  createdAt: createdAt()
})

export const credentialTokens = pgTable('credential_tokens', {
  credentialId: uuid('credential_id').primaryKey(),
  organizationId: organizationId(),
  version: integer('version').notNull(),
  keyId: text('key_id'),
  dataKey: bytea('data_key'),
  secret: bytea('secret'),
  expiresAt: instant('expires_at'),
  refreshingBy: uuid('refreshing_by'),
  refreshingUntil: instant('refreshing_until'),
  fault: text('fault'),
  updatedAt: updatedAt()
})

export const oauth2Authorizations = pgTable('oauth2_authorizations', {
  stateHash: bytea('state_hash').primaryKey(),
  organizationId: organizationId(),
  credentialId: uuid('credential_id').notNull(),
  actorType: text('actor_type').notNull(),
  actorId: uuid('actor_id').notNull(),
  holderId: uuid('holder_id').notNull(),
  cookieHash: bytea('cookie_hash').notNull(),
  verifierSalt: bytea('verifier_salt').notNull(),
  expiresAt: instant('expires_at').notNull()
})
