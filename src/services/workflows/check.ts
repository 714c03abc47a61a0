import type { TSchema } from '@sinclair/typebox'
import type { TenantDb } from '../../db/client.ts'
import { findCredentialTypes } from '../../db/queries/credentials.ts'
import { workflowExists } from '../../db/queries/workflows.ts'
import { credentialReferences, type CredentialReference } from '../../engine/credentials/references.ts'
import type { WorkflowDefinition } from '../../engine/definition.ts'
import type { NodeRegistry } from '../../engine/nodes/registry.ts'
import { validateDefinition, type Issue, type Stage, type ValidationResult } from '../../engine/validate.ts'
import { WorkflowInput } from '../../engine/workflow-input.ts'
import { InvalidInput } from '../problems.ts'
import { toContent, type Content } from './content.ts'
import type { WorkflowDependencies } from './dependencies.ts'
import { takenPathWarnings } from './endpoints-of.ts'
import { referenceWarnings } from './reference-warnings.ts'

type References = Pick<WorkflowDependencies, 'registry' | 'packages' | 'checkSecrets'>

const NONE: ReadonlySet<string> = new Set()

export interface Checked {
  readonly content: Content
  readonly warnings: readonly Issue[]
}

/**
 * The content of a body that may be saved, or published. Throws InvalidInput with all that is wrong; `at` is
 * where the workflow stands in the body, `own` its id if it has one.
 */
export async function checkContent (deps: References, db: TenantDb, body: unknown, stage: Stage, { at = '', own = null }: { at?: string, own?: string | null } = {}): Promise<Checked> {
  const { errors, warnings } = validateDefinition(body, deps.registry, { stage, shape: WorkflowInput })
  if (errors.length > 0) throw InvalidInput(below(at, errors))
  // Its shape is what validation has just established.
  const content = toContent(body as Parameters<typeof toContent>[0])
  const missing = await referenceIssues(deps, db, content.definition)
  if (missing.length > 0) throw InvalidInput(below(at, missing))
  const found = await outsideWarnings(deps, db, own, content.definition)
  return { content, warnings: below(at, [...warnings, ...found]) }
}

/** What publishing would say, for any value at all. */
export async function inspect (deps: References, db: TenantDb, body: unknown, shape: TSchema = WorkflowInput): Promise<ValidationResult> {
  const result = validateDefinition(body, deps.registry, { shape })
  if (result.errors.length > 0) return result
  const { definition } = toContent(body as Parameters<typeof toContent>[0])
  const missing = await referenceIssues(deps, db, definition)
  const errors = missing.length > 0 ? missing : await deps.checkSecrets(db.organizationId, definition)
  return { errors, warnings: [...result.warnings, ...await outsideWarnings(deps, db, null, definition)] }
}

/** What other workflows have to do with it now. */
async function outsideWarnings ({ registry }: References, db: TenantDb, own: string | null, definition: WorkflowDefinition): Promise<readonly Issue[]> {
  return [...await takenPathWarnings(db, own, definition), ...await referenceWarnings(registry, db, definition)]
}

/** References to what the organization does not have; what others have does not exist for it. */
export async function referenceIssues ({ registry, packages }: References, db: TenantDb, { nodes, settings }: WorkflowDefinition): Promise<readonly Issue[]> {
  const disabled = packageIssues(nodes, registry, packagesOf(registry, nodes).length === 0 ? NONE : await packages.enabled(db))
  if (disabled.length > 0) return disabled
  const credentials = credentialsOf(registry, nodes)
  const errorWorkflow = settings.errorWorkflowId?.toLowerCase()
  if (credentials.length === 0 && errorWorkflow === undefined) return []
  return await db.run(async tx => {
    const types = credentials.length === 0 ? new Map<string, string>() : await findCredentialTypes(tx, db.organizationId, credentials.map(({ id }) => id))
    const issues = credentials.flatMap(reference => credentialIssues(reference, types.get(reference.id)))
    if (errorWorkflow !== undefined && !await workflowExists(tx, db.organizationId, errorWorkflow)) {
      issues.push({ pointer: '/settings/errorWorkflowId', message: 'there is no such workflow here', code: 'WC_WORKFLOW_UNKNOWN' })
    }
    return issues
  })
}

/** Every place of the nodes that names a credential, with pointers into the workflow. */
export function credentialsOf (registry: NodeRegistry, nodes: WorkflowDefinition['nodes']): CredentialReference[] {
  return nodes.flatMap((node, index) => {
    const type = registry.get(node.type)
    return type === undefined ? [] : credentialReferences(node, type).map(reference => ({ ...reference, pointer: `/nodes/${index}${reference.pointer}` }))
  })
}

/** The names of the packages that the nodes are from, each once. */
export function packagesOf (registry: NodeRegistry, nodes: WorkflowDefinition['nodes']): string[] {
  return [...new Set(nodes.flatMap(({ type }) => registry.get(type)?.package?.name ?? []))]
}

function packageIssues (nodes: WorkflowDefinition['nodes'], registry: NodeRegistry, enabled: ReadonlySet<string>): Issue[] {
  return nodes.flatMap(({ type }, index) => {
    const name = registry.get(type)?.package?.name
    if (name === undefined || enabled.has(name)) return []
    const message = `is of the package ${JSON.stringify(name)}, which the organization has not enabled: PUT /v1/node-packages/${encodeURIComponent(name)} enables it`
    return [{ pointer: `/nodes/${index}/type`, message, code: 'WC_NODE_PACKAGE_DISABLED' }]
  })
}

function credentialIssues ({ pointer, types }: CredentialReference, type: string | undefined): Issue[] {
  if (type === undefined) return [{ pointer, message: 'there is no such credential here', code: 'WC_CREDENTIAL_UNKNOWN' }]
  if (types.includes(type)) return []
  return [{ pointer, message: `is a credential of the type ${type}; here it must be ${types.join(' or ')}`, code: 'WC_CREDENTIAL_TYPE' }]
}

function below (at: string, issues: readonly Issue[]): readonly Issue[] {
  return at === '' ? issues : issues.map(issue => ({ ...issue, pointer: at + issue.pointer }))
}
