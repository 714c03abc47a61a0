import type { TenantDb } from '../../db/client.ts'
import { deleteEventType, findEventType, findTriggers, listEventTypes, putEventType, type EventTypeRow, type StartedByEvent } from '../../db/queries/events.ts'
import { oneLine } from '../../db/queries/lines.ts'
import { EXECUTION_EVENTS } from '../../engine/events.ts'
import { validateStorable } from '../../engine/validate.ts'
import { writeOrigin } from '../../lib/execution-origin.ts'
import { compileJsonSchema, JsonSchemaError } from '../../lib/json-schema.ts'
import type { Acceptance } from '../acceptance.ts'
import type { Plans } from '../plans.ts'
import { Conflict, InvalidInput, NotFound } from '../problems.ts'
import { auditEntry, type Caller } from '../workflows/dependencies.ts'
import type { Quotas } from '../quotas/quotas.ts'

export interface EventDependencies {
  readonly plans: Plans
  readonly acceptance: Acceptance
  readonly quotas: Pick<Quotas, 'demand'>
  readonly nextId: () => string
  readonly now: () => number
}

type JsonSchema = Record<string, unknown>

export interface EventType {
  readonly name: string
  readonly schema: JsonSchema
  readonly createdAt: string
  readonly updatedAt: string
}

export interface Events {
  /** Starts an execution for each trigger of that name; resolves once all are committed. */
  publish (db: TenantDb, name: string, payload: unknown): Promise<{ executionIds: string[] }>
  types (db: TenantDb): Promise<EventType[]>
  type (db: TenantDb, name: string): Promise<EventType>
  putType (caller: Caller, name: string, schema: JsonSchema): Promise<{ type: EventType, created: boolean }>
  deleteType (caller: Caller, name: string): Promise<void>
}

/** What one event may start: the request waits for the commit of all of them. */
export const MAX_TRIGGERS = 500
export const MAX_EVENT_TYPES = 1000
const MAX_SCHEMA_SIZE = 64 * 1024
const WHAT = 'event type of this name'

export function createEvents (deps: EventDependencies): Events {
  return {
    publish: async (db, name, payload) => await publish(deps, db, name, payload),
    types: async db => (await db.run(async tx => await listEventTypes(tx, db.organizationId, MAX_EVENT_TYPES))).map(viewOf),
    async type (db, name) {
      const row = await db.run(async tx => await findEventType(tx, db.organizationId, name))
      if (row === undefined) throw NotFound(WHAT)
      return viewOf(row)
    },
    async putType (caller, name, schema) {
      const { db } = caller
      refuseReserved(name, '/name')
      const text = checkedSchema(schema)
      const audit = auditEntry(deps, caller, { action: 'eventType.set', targetType: 'eventType', targetId: name })
      const row = await db.run(async tx => await putEventType(tx, db.organizationId, name, text, MAX_EVENT_TYPES, audit))
      if (row === undefined) throw Conflict(`An organization may have ${MAX_EVENT_TYPES} event types.`)
      return { type: viewOf(row), created: row.inserted }
    },
    async deleteType (caller, name) {
      const { db } = caller
      const audit = auditEntry(deps, caller, { action: 'eventType.deleted', targetType: 'eventType', targetId: name })
      if (!await db.run(async tx => await deleteEventType(tx, db.organizationId, name, audit))) throw NotFound(WHAT)
    }
  }
}

/** Nobody publishes what executions publish themselves. */
function refuseReserved (name: string, pointer: string): void {
  if (EXECUTION_EVENTS.includes(name)) throw InvalidInput([{ pointer, message: 'is published by executions when they end, and by nobody else', code: 'WC_EVENT_RESERVED' }])
}

async function publish (deps: EventDependencies, db: TenantDb, name: string, payload: unknown): Promise<{ executionIds: string[] }> {
  refuseReserved(name, '/name')
  const { organizationId } = db
  const [type, triggers] = await db.run(async tx => [await findEventType(tx, organizationId, name), await findTriggers(tx, organizationId, name, MAX_TRIGGERS)] as const)
  if (type !== undefined) checkPayload(JSON.parse(type.schema) as JsonSchema, payload)
  if (triggers.length > MAX_TRIGGERS) throw Conflict(`More than ${MAX_TRIGGERS} triggers wait for this event; none of them was started.`)
  // All or none, as far as can be known.
  await deps.quotas.demand(organizationId, triggers.length)
  const item = oneLine(JSON.stringify({ name, payload, at: new Date(deps.now()).toISOString() }))
  const started = await Promise.all(triggers.map(async trigger => await start(deps, organizationId, trigger, item)))
  return { executionIds: started.filter(id => id !== undefined) }
}

/** Undefined where the version was unpublished a moment ago. */
async function start ({ plans, acceptance, nextId }: EventDependencies, organizationId: string, { workflowId, version, nodeId }: StartedByEvent, payload: string): Promise<string | undefined> {
  const plan = await plans.get(organizationId, workflowId, version)
  if (plan === undefined) return undefined
  const id = nextId()
  const origin = writeOrigin({ priority: plan.limits.priority })
  return await acceptance.accept({ id, organizationId, workflowId, version, nodeId, trigger: 'event', payload, origin, published: true }) ? id : undefined
}

function checkPayload (schema: JsonSchema, payload: unknown): void {
  const errors = compileJsonSchema(schema)(payload)
  if (errors.length > 0) throw InvalidInput(errors.map(error => ({ ...error, pointer: `/payload${error.pointer}` })))
}

function checkedSchema (schema: JsonSchema): string {
  const issues = validateStorable({ schema })
  if (issues.length > 0) throw InvalidInput(issues)
  const text = JSON.stringify(schema)
  const refuse = (message: string): Error => InvalidInput([{ pointer: '/schema', message, code: 'WC_SCHEMA' }])
  if (Buffer.byteLength(text) > MAX_SCHEMA_SIZE) throw refuse(`must have at most ${MAX_SCHEMA_SIZE} bytes as JSON`)
  try {
    compileJsonSchema(schema)
  } catch (error) {
    throw error instanceof JsonSchemaError ? refuse(`cannot be used: ${error.message}`) : error
  }
  return text
}

function viewOf ({ name, schema, createdAt, updatedAt }: EventTypeRow): EventType {
  return { name, schema: JSON.parse(schema) as JsonSchema, createdAt, updatedAt }
}
