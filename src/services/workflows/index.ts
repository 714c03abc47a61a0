import type { WorkflowFilter } from '../../db/queries/workflows.ts'
import type { ValidationResult } from '../../engine/validate.ts'
import type { ExportedWorkflow } from '../../engine/workflow-input.ts'
import { inspect } from './check.ts'
import type { Caller, WorkflowDependencies } from './dependencies.ts'
import type { Precondition } from './precondition.ts'
import { publishWorkflow, rollBackWorkflow, unpublishWorkflow, type PublicationRequest } from './publish.ts'
import { exportWorkflow, listSummaries, readVersion, readVersions, readWorkflow, removeWorkflow } from './read.ts'
import { createWorkflow, importWorkflow, patchWorkflow, replaceWorkflow } from './save.ts'
import type { SavedWorkflow, Tagged, VersionSummary, VersionView, WorkflowSummary, WorkflowView } from './view.ts'

export type { Caller, WorkflowDependencies } from './dependencies.ts'

/** Bodies come as the client sent them: all that is wrong with one is reported together, as InvalidInput. */
export interface WorkflowService {
  create (caller: Caller, body: unknown): Promise<Tagged<SavedWorkflow>>
  import (caller: Caller, body: unknown): Promise<Tagged<SavedWorkflow>>
  get (caller: Caller, id: string): Promise<Tagged<WorkflowView>>
  list (caller: Caller, filter: WorkflowFilter): Promise<WorkflowSummary[]>
  replace (caller: Caller, id: string, body: unknown, precondition: Precondition): Promise<Tagged<SavedWorkflow>>
  patch (caller: Caller, id: string, body: unknown, precondition: Precondition): Promise<Tagged<SavedWorkflow>>
  delete (caller: Caller, id: string, precondition: Precondition): Promise<void>
  versions (caller: Caller, id: string, limit: number, before?: number): Promise<VersionSummary[]>
  version (caller: Caller, id: string, version: number): Promise<VersionView>
  publish (caller: Caller, request: PublicationRequest): Promise<Tagged<WorkflowView>>
  unpublish (caller: Caller, request: PublicationRequest): Promise<Tagged<WorkflowView>>
  rollBack (caller: Caller, request: PublicationRequest): Promise<Tagged<WorkflowView>>
  validate (caller: Caller, body: unknown): Promise<ValidationResult>
  export (caller: Caller, id: string, version?: number): Promise<ExportedWorkflow>
}

export function createWorkflowService (deps: WorkflowDependencies): WorkflowService {
  return {
    create: async (caller, body) => await createWorkflow(deps, caller, body),
    import: async (caller, body) => await importWorkflow(deps, caller, body),
    get: readWorkflow,
    list: listSummaries,
    replace: async (caller, id, body, precondition) => await replaceWorkflow(deps, caller, id, body, precondition),
    patch: async (caller, id, body, precondition) => await patchWorkflow(deps, caller, id, body, precondition),
    delete: async (caller, id, precondition) => await removeWorkflow(deps, caller, id, precondition),
    versions: readVersions,
    version: readVersion,
    publish: async (caller, request) => await publishWorkflow(deps, caller, request),
    unpublish: async (caller, request) => await unpublishWorkflow(deps, caller, request),
    rollBack: async (caller, request) => await rollBackWorkflow(deps, caller, request),
    validate: async ({ db }, body) => await inspect(deps, db, body),
    export: exportWorkflow
  }
}
