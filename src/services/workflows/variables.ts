import { deleteVariable, findVariable, listVariables, putVariable, type VariableRow } from '../../db/queries/variables.ts'
import { workflowExists } from '../../db/queries/workflows.ts'
import { validateStorable } from '../../engine/validate.ts'
import { InvalidInput, NotFound } from '../problems.ts'
import { auditEntry, type Caller, type WorkflowDependencies } from './dependencies.ts'

export interface Variable {
  readonly id: string
  readonly name: string
  readonly value: unknown
  readonly createdAt: string
  readonly updatedAt: string
}

/** Of the organization where `workflowId` is null, else of that workflow. */
export interface VariableOwner {
  readonly workflowId: string | null
}

export interface Variables {
  /** Newest first, those before the id `before`. */
  list (caller: Caller, owner: VariableOwner, limit: number, before?: string): Promise<Variable[]>
  get (caller: Caller, owner: VariableOwner, name: string): Promise<Variable>
  put (caller: Caller, owner: VariableOwner, name: string, value: unknown): Promise<{ variable: Variable, created: boolean }>
  delete (caller: Caller, owner: VariableOwner, name: string): Promise<void>
}

/** Of the value as JSON text, in bytes: every execution that starts reads all variables. */
export const MAX_VARIABLE_SIZE = 32 * 1024

type Dependencies = Pick<WorkflowDependencies, 'nextId'>

export function createVariables (deps: Dependencies): Variables {
  return {
    async list ({ db }, { workflowId }, limit, before) {
      const rows = await db.run(async tx => {
        if (workflowId !== null && !await workflowExists(tx, db.organizationId, workflowId)) throw NotFound('workflow')
        return await listVariables(tx, db.organizationId, workflowId, before, limit)
      })
      return rows.map(viewOf)
    },
    async get ({ db }, { workflowId }, name) {
      const row = await db.run(async tx => await findVariable(tx, db.organizationId, workflowId, name))
      if (row === undefined) throw NotFound('variable')
      return viewOf(row)
    },
    async put (caller, { workflowId }, name, value) {
      const { db } = caller
      const text = storable(value)
      const audit = auditEntry(deps, caller, { action: 'variable.set', targetType: 'variable', targetId: name, after: { workflowId } })
      const row = await db.run(async tx => await putVariable(tx, db.organizationId, workflowId, { id: deps.nextId(), name, value: text }, audit))
      if (row === undefined) throw NotFound('workflow')
      return { variable: viewOf(row), created: row.inserted }
    },
    async delete (caller, { workflowId }, name) {
      const { db } = caller
      const audit = auditEntry(deps, caller, { action: 'variable.deleted', targetType: 'variable', targetId: name, before: { workflowId } })
      const deleted = await db.run(async tx => await deleteVariable(tx, db.organizationId, workflowId, name, audit))
      if (!deleted) throw NotFound('variable')
    }
  }
}

function storable (value: unknown): string {
  const issues = validateStorable({ value })
  if (issues.length > 0) throw InvalidInput(issues)
  const text = JSON.stringify(value)
  if (Buffer.byteLength(text) > MAX_VARIABLE_SIZE) {
    throw InvalidInput([{ pointer: '/value', message: `must have at most ${MAX_VARIABLE_SIZE} bytes as JSON`, code: 'WC_OUT_OF_RANGE' }])
  }
  return text
}

function viewOf ({ id, name, value, createdAt, updatedAt }: VariableRow): Variable {
  return { id, name, value: JSON.parse(value), createdAt, updatedAt }
}
