import type { TenantDb } from '../../db/client.ts'
import { violatedConstraint } from '../../db/errors.ts'
import { CREDENTIAL_USED, replaceCredentialUses } from '../../db/queries/credentials.ts'
import { NODE_PACKAGE_USED, replacePackageUses } from '../../db/queries/node-packages.ts'
import { announceWorkflowEvent } from '../../db/queries/event-deliveries.ts'
import { replaceEventTriggers, type EventTrigger } from '../../db/queries/events.ts'
import { deleteEndpoints, ENDPOINT_TAKEN, insertEndpoints } from '../../db/queries/webhook-endpoints.ts'
import { findWorkflow, setPublishedVersion, type WorkflowWithDefinition } from '../../db/queries/workflows.ts'
import { findVersion, findVersionPublishedBefore } from '../../db/queries/workflow-versions.ts'
import type { WorkflowDefinition } from '../../engine/definition.ts'
import { ERROR_TRIGGER } from '../../engine/nodes/error.ts'
import { EXECUTION_EVENTS } from '../../engine/events.ts'
import { validateDefinition } from '../../engine/validate.ts'
import { retirePolls, savePolls } from '../../db/queries/polls.ts'
import { deleteSchedules, saveSchedules } from '../../db/queries/schedules.ts'
import { Conflict, InvalidInput, NotFound, NothingToRollBackTo } from '../problems.ts'
import { credentialsOf, packagesOf, referenceIssues } from './check.ts'
import { auditEntry, type Caller, type WorkflowDependencies } from './dependencies.ts'
import { etagOf, requireMatch, type Precondition } from './precondition.ts'
import { endpointsOf, takenPaths } from './endpoints-of.ts'
import { pollsOf } from './polls-of.ts'
import { schedulesOf } from './schedules-of.ts'
import { definitionOf, viewOf, type Tagged, type WorkflowView } from './view.ts'

export interface PublicationRequest {
  readonly id: string
  /** Where it is left out: of a publication the newest, of a roll-back the one that was published before. */
  readonly version?: number | undefined
  readonly precondition?: Precondition | undefined
}

type Action = 'workflow.published' | 'workflow.rolledBack' | 'workflow.unpublished'

export async function publishWorkflow (deps: WorkflowDependencies, caller: Caller, request: PublicationRequest): Promise<Tagged<WorkflowView>> {
  const current = await readCurrent(caller.db, request)
  return await pointAt(deps, caller, current, request.version ?? current.version, 'workflow.published')
}

/** Publishes an older version again. It stays in history what it is: nothing is copied or renumbered. */
export async function rollBackWorkflow (deps: WorkflowDependencies, caller: Caller, request: PublicationRequest): Promise<Tagged<WorkflowView>> {
  const { db } = caller
  const current = await readCurrent(db, request)
  const { publishedVersion } = current
  const version = request.version ?? (publishedVersion === null
    ? undefined
    : await db.run(async tx => await findVersionPublishedBefore(tx, db.organizationId, request.id, publishedVersion)))
  if (version === undefined) throw NothingToRollBackTo()
  return await pointAt(deps, caller, current, version, 'workflow.rolledBack')
}

export async function unpublishWorkflow (deps: WorkflowDependencies, caller: Caller, request: PublicationRequest): Promise<Tagged<WorkflowView>> {
  return await pointAt(deps, caller, await readCurrent(caller.db, request), null, 'workflow.unpublished')
}

async function readCurrent (db: TenantDb, { id, precondition }: PublicationRequest): Promise<WorkflowWithDefinition> {
  const current = await db.run(async tx => await findWorkflow(tx, db.organizationId, id))
  if (current === undefined) throw NotFound('workflow')
  requireMatch(precondition, etagOf(current))
  return current
}

async function pointAt (deps: WorkflowDependencies, caller: Caller, current: WorkflowWithDefinition, version: number | null, action: Action): Promise<Tagged<WorkflowView>> {
  const { db } = caller
  const { organizationId } = db
  if (version === current.publishedVersion) return viewOf(current, definitionOf(current))
  const definition = version === null ? undefined : await readPublishable(deps, db, current.id, version)
  const endpoints = definition === undefined ? [] : endpointsOf(definition).map(endpoint => ({ id: deps.nextId(), ...endpoint }))
  const credentialIds = definition === undefined ? [] : credentialsOf(deps.registry, definition.nodes).map(({ id }) => id)
  const packages = definition === undefined ? [] : packagesOf(deps.registry, definition.nodes)
  const now = deps.clock()
  const schedules = definition === undefined ? [] : schedulesOf(definition, deps.nextId, now)
  const polls = definition === undefined ? [] : pollsOf(definition, deps.nextId, now)
  const audit = auditEntry(deps, caller, {
    action,
    targetType: 'workflow',
    targetId: current.id,
    before: { publishedVersion: current.publishedVersion },
    after: { publishedVersion: version }
  })
  try {
    const row = await db.run(async tx => {
      // First, since its lock keeps other publications of this workflow away from the endpoints.
      const changed = await setPublishedVersion(tx, organizationId, current.id, current.revision, version, audit)
      if (changed === undefined) return undefined
      await replaceCredentialUses(tx, organizationId, current.id, credentialIds)
      await replacePackageUses(tx, organizationId, current.id, packages)
      await deleteEndpoints(tx, organizationId, current.id)
      if (version !== null && endpoints.length > 0) await insertEndpoints(tx, organizationId, current.id, version, endpoints)
      await replaceEventTriggers(tx, organizationId, current.id, version ?? 0, definition === undefined ? [] : eventTriggersOf(definition))
      await deleteSchedules(tx, organizationId, current.id, schedules.map(({ nodeId }) => nodeId))
      if (version !== null && schedules.length > 0) await saveSchedules(tx, organizationId, current.id, version, schedules, now)
      await retirePolls(tx, organizationId, current.id, polls.map(({ nodeId }) => nodeId))
      if (version !== null && polls.length > 0) await savePolls(tx, organizationId, current.id, version, polls, now)
      await announceWorkflowEvent(tx, organizationId, { type: action, workflowId: current.id, data: JSON.stringify({ id: current.id, name: changed.name, publishedVersion: version, previousVersion: current.publishedVersion }) })
      return changed
    })
    if (row === undefined) throw Conflict('The workflow was changed at the same moment. Read it again and repeat what you meant to do.')
    deps.onPublicationChanged(organizationId, current.id)
    return viewOf(row, definitionOf(current))
  } catch (error) {
    const violated = violatedConstraint(error)
    if (violated === CREDENTIAL_USED) throw Conflict('A credential that the workflow uses was deleted at the same moment. Choose another one.')
    if (violated === NODE_PACKAGE_USED) throw Conflict('A node package that the workflow uses was disabled at the same moment. Enable it again, or publish a version without its node types.')
    if (definition === undefined || violated !== ENDPOINT_TAKEN) throw error
    throw await pathConflict(db, current.id, definition)
  }
}

async function readPublishable (deps: WorkflowDependencies, db: TenantDb, id: string, version: number): Promise<WorkflowDefinition> {
  const row = await db.run(async tx => await findVersion(tx, db.organizationId, id, version))
  if (row === undefined) throw InvalidInput([{ pointer: '/version', message: 'there is no such version of this workflow', code: 'WC_VERSION_UNKNOWN' }])
  const definition = definitionOf(row)
  const { errors } = validateDefinition(definition, deps.registry)
  if (errors.length > 0) throw InvalidInput(errors)
  const missing = await referenceIssues(deps, db, definition)
  if (missing.length > 0) throw InvalidInput(missing)
  const unusable = await deps.checkSecrets(db.organizationId, definition)
  if (unusable.length > 0) throw InvalidInput(unusable)
  return definition
}

function eventTriggersOf ({ nodes }: WorkflowDefinition): EventTrigger[] {
  return nodes.filter(({ disabled }) => disabled !== true).flatMap(({ id, type, parameters = {} }): EventTrigger[] => {
    if (type === ERROR_TRIGGER) return [{ nodeId: id, kind: 'error', name: '', sourceWorkflowId: null }]
    if (type !== 'event') return []
    const { name, workflowId } = parameters
    return [{ nodeId: id, kind: EXECUTION_EVENTS.includes(String(name)) ? 'execution' : 'event', name: String(name), sourceWorkflowId: workflowId === undefined ? null : String(workflowId) }]
  })
}

async function pathConflict (db: TenantDb, id: string, definition: WorkflowDefinition): Promise<Error> {
  const taken = await takenPaths(db, id, definition)
  if (taken.length === 0) return Conflict('Another workflow held the path of a webhook a moment ago. Publish once more.')
  return InvalidInput(taken.map(({ pointer, endpoint: { method, path }, by: { workflowId, workflowName } }) => ({
    pointer,
    message: `${method} ${path} is taken by the workflow ${JSON.stringify(workflowName)} (${workflowId})`,
    code: 'WC_WEBHOOK_PATH_CONFLICT'
  })))
}
