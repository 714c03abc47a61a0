import { isDeepStrictEqual } from 'node:util'
import { findWorkflow, insertWorkflow, saveWorkflow, type WorkflowWithDefinition } from '../../db/queries/workflows.ts'
import { isPlainObject } from '../../engine/validation/json-schema.ts'
import { validateShape } from '../../engine/validate.ts'
import { EXPORT_SCHEMA_VERSION, WorkflowExport, WorkflowPatch } from '../../engine/workflow-input.ts'
import { Conflict, InvalidInput, NotFound } from '../problems.ts'
import { checkContent, type Checked } from './check.ts'
import { toVersionContent } from './content.ts'
import { auditEntry, userOf, type Caller, type WorkflowDependencies } from './dependencies.ts'
import { etagOf, requireMatch, type Precondition } from './precondition.ts'
import { definitionOf, viewOf, type SavedWorkflow, type Tagged } from './view.ts'

// Without If-Match a lost race is run again; each round some writer wins, so few are left after some.
const ATTEMPTS = 12

export async function createWorkflow (deps: WorkflowDependencies, caller: Caller, body: unknown): Promise<Tagged<SavedWorkflow>> {
  return await insert(deps, caller, await checkContent(deps, caller.db, body, 'save'), 'workflow.created')
}

/** A new workflow out of an exported one: whatever ids the file came with, these are fresh. */
export async function importWorkflow (deps: WorkflowDependencies, caller: Caller, body: unknown): Promise<Tagged<SavedWorkflow>> {
  const file = isPlainObject(body) ? body : {}
  const workflow = file['workflow']
  const envelope = validateShape(body, WorkflowExport).filter(({ pointer }) => !pointer.startsWith('/workflow/'))
  if (envelope.length > 0) throw InvalidInput(envelope)
  if (file['schemaVersion'] !== EXPORT_SCHEMA_VERSION) throw new Error('The envelope of an import was not checked')
  return await insert(deps, caller, await checkContent(deps, caller.db, workflow, 'save', { at: '/workflow' }), 'workflow.imported')
}

export async function replaceWorkflow (deps: WorkflowDependencies, caller: Caller, id: string, body: unknown, precondition: Precondition): Promise<Tagged<SavedWorkflow>> {
  return await save(deps, caller, id, precondition, () => body)
}

/** Each property that is given takes the place of what was there. */
export async function patchWorkflow (deps: WorkflowDependencies, caller: Caller, id: string, body: unknown, precondition: Precondition): Promise<Tagged<SavedWorkflow>> {
  const unknown = validateShape(body, WorkflowPatch).filter(({ code, pointer }) => code === 'WC_UNKNOWN_PROPERTY' || pointer === '')
  return await save(deps, caller, id, precondition, current => {
    if (unknown.length > 0) throw InvalidInput(unknown)
    return { name: current.name, ...definitionOf(current), ...body as object }
  })
}

async function insert (deps: WorkflowDependencies, caller: Caller, { content, warnings }: Checked, action: string): Promise<Tagged<SavedWorkflow>> {
  const { db } = caller
  const id = deps.nextId()
  const audit = auditEntry(deps, caller, { action, targetType: 'workflow', targetId: id, after: { name: content.name, version: 1 } })
  const row = await db.run(async tx => await insertWorkflow(
    tx, db.organizationId, id, toVersionContent(content, deps.registry, userOf(caller)), audit))
  return withWarnings(viewOf(row, content.definition), warnings)
}

/**
 * Reads, edits, and writes if nothing else did in between. The workflow is looked up before the body is judged:
 * what is not there cannot be edited wrongly.
 */
async function save (
  deps: WorkflowDependencies, caller: Caller, id: string, precondition: Precondition, edit: (current: WorkflowWithDefinition) => unknown
): Promise<Tagged<SavedWorkflow>> {
  const { db } = caller
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = await db.run(async tx => await findWorkflow(tx, db.organizationId, id))
    if (current === undefined) throw NotFound('workflow')
    requireMatch(precondition, etagOf(current))
    const { content, warnings } = await checkContent(deps, db, edit(current), 'save', { own: id })
    const before = { name: current.name, definition: definitionOf(current) }
    if (isDeepStrictEqual(before, content)) return withWarnings(viewOf(current, before.definition), warnings)
    const audit = auditEntry(deps, caller, {
      action: 'workflow.updated',
      targetType: 'workflow',
      targetId: id,
      before: { name: current.name, version: current.version },
      after: { name: content.name, version: current.version + 1 }
    })
    const row = await db.run(async tx => await saveWorkflow(
      tx, db.organizationId, id, current.revision, toVersionContent(content, deps.registry, userOf(caller)), audit))
    if (row !== undefined) return withWarnings(viewOf(row, content.definition), warnings)
  }
  throw Conflict('Others keep changing this workflow. Read it again, apply your change, send it once more.')
}

function withWarnings ({ etag, value }: ReturnType<typeof viewOf>, warnings: Checked['warnings']): Tagged<SavedWorkflow> {
  return { etag, value: { ...value, warnings: [...warnings] } }
}
