import { bigint, boolean, integer, json, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, instant, organizationId } from './columns.ts'

// The hot tables are written by the raw statements in db/queries; these descriptions serve the reading routes.

export const executions = pgTable('executions', {
  id: uuid('id').primaryKey(),
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  version: integer('version').notNull(),
  nodeId: text('node_id').notNull(),
  trigger: text('trigger').notNull(),
  payload: json('payload').notNull(),
  origin: json('origin'),
  beginning: json('beginning'),
  parentId: uuid('parent_id'),
  xid: bigint('xid', { mode: 'bigint' }).notNull()
})

export const executionEvents = pgTable('execution_events', {
  executionId: uuid('execution_id').notNull(),
  seq: integer('seq').notNull(),
  lastSeq: integer('last_seq').notNull(),
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  writer: uuid('writer').notNull(),
  firstAt: bigint('first_at', { mode: 'number' }).notNull(),
  lastAt: bigint('last_at', { mode: 'number' }).notNull(),
  status: text('status'),
  xid: bigint('xid', { mode: 'bigint' }).notNull(),
  events: json('events').notNull()
}, table => [primaryKey({ columns: [table.executionId, table.seq] })])

export const executionLogs = pgTable('execution_logs', {
  executionId: uuid('execution_id').notNull(),
  seq: integer('seq').notNull(),
  organizationId: organizationId(),
  at: bigint('at', { mode: 'number' }).notNull(),
  level: text('level').notNull(),
  nodeId: text('node_id'),
  run: integer('run'),
  message: text('message').notNull(),
  data: json('data')
}, table => [primaryKey({ columns: [table.executionId, table.seq] })])

export const executionLeases = pgTable('execution_leases', {
  executionId: uuid('execution_id').primaryKey(),
  organizationId: organizationId(),
  workflowId: uuid('workflow_id').notNull(),
  status: text('status', { enum: ['queued', 'running', 'waiting'] }).notNull(),
  owner: uuid('owner'),
  dueAt: instant('due_at').notNull(),
  takeovers: integer('takeovers').notNull().default(0),
  waitingFor: json('waiting_for')
})

export const executionInbox = pgTable('execution_inbox', {
  executionId: uuid('execution_id').notNull(),
  messageId: uuid('message_id').notNull(),
  organizationId: organizationId(),
  kind: text('kind').notNull(),
  body: json('body').notNull(),
  /** Whether it was read when its execution parked. */
  seen: boolean('seen').notNull().default(false),
  createdAt: createdAt()
}, table => [primaryKey({ columns: [table.executionId, table.messageId] })])
