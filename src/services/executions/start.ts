import { encodeBeginning } from '../../engine/beginning.ts'
import type { Plan, PlanNode } from '../../engine/plan.ts'
import type { TenantDb } from '../../db/client.ts'
import { findWorkflow } from '../../db/queries/workflows.ts'
import { writeOrigin, type Priority } from '../../lib/execution-origin.ts'
import { compileJsonSchema, JsonSchemaError } from '../../lib/json-schema.ts'
import type { InputError } from '../../lib/problem.ts'
import { InvalidInput, NotFound } from '../problems.ts'
import { accept } from './accept.ts'
import { disabledPackages } from './disabled-packages.ts'
import type { ExecutionDependencies } from './index.ts'
import { planPart, type PartRequest } from './partial.ts'

export interface StartRequest extends PartRequest {
  readonly workflowId: string
  readonly input: Record<string, unknown>
  /** The published one if there is one, else the newest, unless named. */
  readonly version: number | undefined
  /** The workflow's, unless named. */
  readonly priority?: Priority | undefined
}

const MANUAL = 'manual'

/** Starts an execution by hand or over the API: accepted like a webhook, committed before it is answered. */
export async function startExecution (deps: ExecutionDependencies, db: TenantDb, request: StartRequest): Promise<{ executionId: string }> {
  const { plans, packages, nextId } = deps
  const workflow = await db.run(async tx => await findWorkflow(tx, db.organizationId, request.workflowId))
  if (workflow === undefined) throw NotFound('workflow with this id')
  const version = request.version ?? workflow.publishedVersion ?? workflow.version
  const plan = await plans.get(db.organizationId, workflow.id, version)
  if (plan === undefined) throw NotFound(`version ${version} of this workflow`)
  const part = await planPart(deps, db, plan, startNode(plan), request)
  if (part === undefined) throw InvalidInput([{ pointer: '', message: 'This workflow has no trigger to start from; add a node of type manual', code: 'WC_NO_TRIGGER' }])
  const { nodeId, payload, partial, steps } = part
  const errors = [...payload === undefined ? inputErrors(plan.byId.get(nodeId)!, request.input) : [], ...await disabledPackages(plan, packages, db)]
  if (errors.length > 0) throw InvalidInput(errors)
  const prepared = partial !== undefined || steps.length > 0
  const id = nextId()
  await accept(deps, {
    id,
    organizationId: db.organizationId,
    workflowId: workflow.id,
    version,
    nodeId,
    trigger: MANUAL,
    payload: payload ?? JSON.stringify(request.input),
    origin: writeOrigin({ priority: request.priority ?? plan.limits.priority, ...(prepared ? { prepared } : {}) }),
    published: false
  }, prepared ? encodeBeginning({ steps, ...(partial === undefined ? {} : { partial }) }) : undefined, request.fromExecutionId)
  return { executionId: id }
}

/** The manual trigger, or else the first other one, which then gets the input for its item. */
function startNode (plan: Plan): PlanNode | undefined {
  const triggers = plan.nodes.filter(node => node.type.trigger && !node.disabled)
  return triggers.find(node => node.type.type === MANUAL) ?? triggers[0]
}

function inputErrors (trigger: PlanNode, input: unknown): InputError[] {
  const schema = trigger.written['inputSchema']
  if (typeof schema !== 'object' || schema === null) return []
  try {
    return compileJsonSchema(schema as Record<string, unknown>)(input).map(error => ({ ...error, pointer: `/input${error.pointer}` }))
  } catch (error) {
    if (!(error instanceof JsonSchemaError)) throw error
    return [{ pointer: '', message: `The workflow's inputSchema cannot be used: ${error.message}`, code: 'WC_INPUT_SCHEMA' }]
  }
}
