import type { preHandlerHookHandler } from 'fastify'
import type { CredentialChange } from '../services/credentials/check.ts'
import { grantedIds } from '../services/identity/grants.ts'
import type { Permission } from '../services/identity/permissions.ts'
import { PermissionMissing } from '../services/problems.ts'

/**
 * For routes that save a workflow. Naming a credential in it takes `credential:use`, which is apart from editing workflows. Who edits
 * it by a grant alone names no workflows but those that they may start: else one that was shared would be the way to all others.
 */
export const mayNameOthers: preHandlerHookHandler = ({ body, permissions, grants }, _reply, done) => {
  // Whoever holds it, which is nearly everybody here, does not pay for the search.
  if (!permissions.has('credential:use')) refuseOthers(body, ['credentialId'], grantedIds(grants, 'credential', 'credential:use'), 'credential:use')
  if (!permissions.has('workflow:edit')) refuseOthers(body, ['workflowId', 'errorWorkflowId'], grantedIds(grants, 'workflow', 'execution:start'), 'execution:start')
  done()
}

/**
 * Every secret of the organization in the operator's store can be referred to, so that takes the role: a grant on one credential would
 * else be the way to all of them.
 */
export const mayReferToSecrets: preHandlerHookHandler = ({ body, permissions }, _reply, done) => {
  if ((body as CredentialChange).secretReferences !== undefined && !permissions.has('credential:edit')) throw PermissionMissing('credential:edit')
  done()
}

function refuseOthers (body: unknown, names: readonly string[], allowed: readonly string[], permission: Permission): void {
  if (namesOther(body, names, new Set(allowed))) throw PermissionMissing(permission)
}

/** Wherever a definition does it: at a node, or in its parameters. Expressions name anything. Bodies are 64 levels deep at most. */
function namesOther (value: unknown, names: readonly string[], allowed: ReadonlySet<unknown>): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, member]) => (names.includes(key) && member !== null && !allowed.has(member)) || namesOther(member, names, allowed))
}
