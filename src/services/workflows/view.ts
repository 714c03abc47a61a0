import type { WorkflowRow, WorkflowWithDefinition } from '../../db/queries/workflows.ts'
import type { VersionRow, VersionWithDefinition } from '../../db/queries/workflow-versions.ts'
import type { WorkflowDefinition } from '../../engine/definition.ts'
import type { Issue } from '../../engine/validate.ts'
import { etagOf } from './precondition.ts'

export interface WorkflowSummary {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly publishedVersion: number | null
  readonly createdAt: string
  readonly updatedAt: string
}

export interface WorkflowView extends WorkflowSummary, WorkflowDefinition {}

export interface SavedWorkflow extends WorkflowView {
  readonly warnings: Issue[]
}

/** With the tag of this very representation (RFC 9110 section 8.8.3). */
export interface Tagged<T> {
  readonly etag: string
  readonly value: T
}

export interface VersionSummary extends VersionRow {
  readonly published: boolean
}

export interface VersionView extends VersionSummary, WorkflowDefinition {}

export function summaryOf ({ id, name, version, publishedVersion, createdAt, updatedAt }: WorkflowRow): WorkflowSummary {
  return { id, name, version, publishedVersion, createdAt, updatedAt }
}

export function viewOf (row: WorkflowRow, { nodes, connections, settings }: WorkflowDefinition): Tagged<WorkflowView> {
  const { id, name, version, publishedVersion, createdAt, updatedAt } = row
  return { etag: etagOf(row), value: { id, name, nodes, connections, settings, version, publishedVersion, createdAt, updatedAt } }
}

export function definitionOf ({ definition }: WorkflowWithDefinition | VersionWithDefinition): WorkflowDefinition {
  // Written by a save, which validated it.
  return JSON.parse(definition) as WorkflowDefinition
}

export function versionSummaryOf ({ version, name, createdBy, createdAt }: VersionRow, publishedVersion: number | null): VersionSummary {
  return { version, name, published: version === publishedVersion, createdBy, createdAt }
}
