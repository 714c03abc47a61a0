import { deleteWorkflow, findWorkflow, listWorkflows, type WorkflowFilter, type WorkflowWithDefinition } from '../../db/queries/workflows.ts'
import { findVersion, listVersions, type VersionWithDefinition } from '../../db/queries/workflow-versions.ts'
import { EXPORT_SCHEMA_VERSION, type ExportedWorkflow } from '../../engine/workflow-input.ts'
import { firstIdAt } from '../../lib/ids.ts'
import { Conflict, NotFound, WorkflowBusy } from '../problems.ts'
import { auditEntry, type Caller, type WorkflowDependencies } from './dependencies.ts'
import { etagOf, requireMatch, type Precondition } from './precondition.ts'
import { definitionOf, summaryOf, versionSummaryOf, viewOf, type Tagged, type VersionSummary, type VersionView, type WorkflowSummary, type WorkflowView } from './view.ts'

/** Milliseconds after its acceptance within which an execution may be unfinished and hold no lease, with a margin. */
const UNLEASED_WINDOW = 180_000

export async function readWorkflow (caller: Caller, id: string): Promise<Tagged<WorkflowView>> {
  const row = await find(caller, id)
  return viewOf(row, definitionOf(row))
}

export async function listSummaries ({ db }: Caller, filter: WorkflowFilter): Promise<WorkflowSummary[]> {
  const rows = await db.run(async tx => await listWorkflows(tx, db.organizationId, filter))
  return rows.map(summaryOf)
}

export async function removeWorkflow (deps: WorkflowDependencies, caller: Caller, id: string, precondition: Precondition): Promise<void> {
  const { db } = caller
  const { name, version, publishedVersion, revision } = await find(caller, id, precondition)
  const audit = auditEntry(deps, caller, { action: 'workflow.deleted', targetType: 'workflow', targetId: id, before: { name, version, publishedVersion } })
  const recent = firstIdAt(deps.clock() - UNLEASED_WINDOW)
  const { deleted, busy } = await db.run(async tx => await deleteWorkflow(tx, db.organizationId, id, revision, recent, audit))
  if (busy) throw WorkflowBusy()
  if (!deleted) throw Conflict('The workflow was changed at the same moment. Read it again before you delete it.')
  deps.onPublicationChanged(db.organizationId, id)
}

export async function readVersions (caller: Caller, id: string, limit: number, before: number | undefined): Promise<VersionSummary[]> {
  const { db } = caller
  const { publishedVersion } = await find(caller, id)
  const rows = await db.run(async tx => await listVersions(tx, db.organizationId, id, before, limit))
  return rows.map(row => versionSummaryOf(row, publishedVersion))
}

export async function readVersion (caller: Caller, id: string, version: number): Promise<VersionView> {
  const { publishedVersion } = await find(caller, id)
  const row = await findOne(caller, id, version)
  return { ...versionSummaryOf(row, publishedVersion), ...definitionOf(row) }
}

/** The newest version, or the one that is named. */
export async function exportWorkflow (caller: Caller, id: string, version: number | undefined): Promise<ExportedWorkflow> {
  const current = await find(caller, id)
  const row = version === undefined ? current : await findOne(caller, id, version)
  const { nodes, connections, settings } = definitionOf(row)
  return { schemaVersion: EXPORT_SCHEMA_VERSION, workflow: { name: row.name, nodes, connections, settings } }
}

async function find ({ db }: Caller, id: string, precondition?: Precondition): Promise<WorkflowWithDefinition> {
  const row = await db.run(async tx => await findWorkflow(tx, db.organizationId, id))
  if (row === undefined) throw NotFound('workflow')
  requireMatch(precondition, etagOf(row))
  return row
}

async function findOne ({ db }: Caller, id: string, version: number): Promise<VersionWithDefinition> {
  const row = await db.run(async tx => await findVersion(tx, db.organizationId, id, version))
  if (row === undefined) throw NotFound('version of this workflow')
  return row
}
