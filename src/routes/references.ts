import type { preHandlerHookHandler } from 'fastify'
import { EXECUTION_EVENTS } from '../engine/events.ts'
import type { CredentialChange } from '../services/credentials/check.ts'
import { grantedIds } from '../services/identity/grants.ts'
import type { Permission } from '../services/identity/permissions.ts'
import { PermissionMissing } from '../services/problems.ts'

const ENDS: ReadonlySet<unknown> = new Set(EXECUTION_EVENTS)

/**
 * For routes that save a workflow. Naming a credential in it takes `credential:use`, which is apart from editing workflows. Who edits
 * it by a grant alone names no workflows but those that they may start, and waits for
 * the ends of no others: else one that was shared would be the way to all others.
 */
export const mayNameOthers: preHandlerHookHandler = ({ body, permissions, grants }, _reply, done) => {
  // Whoever holds it, which is nearly everybody here, does not pay for the search.
  if (!permissions.has('credential:use')) refuseOthers(body, ['credentialId'], grantedIds(grants, 'credential', 'credential:use'), 'credential:use')
  if (!permissions.has('workflow:edit')) {
    refuseOthers(body, ['workflowId', 'errorWorkflowId'], grantedIds(grants, 'workflow', 'execution:start'), 'execution:start')
    if (anywhere(body, waitsForAll)) throw PermissionMissing('execution:start')
  }
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
  const known = new Set<unknown>(allowed)
  const namesOther = (object: object): boolean => Object.entries(object).some(([key, member]) => names.includes(key) && member !== null && !known.has(member))
  if (anywhere(body, namesOther)) throw PermissionMissing(permission)
}

/** Whether it is a node that starts at the ends of all workflows' executions, and so is told how they went. */
function waitsForAll (object: { readonly type?: unknown, readonly parameters?: unknown }): boolean {
  if (object.type !== 'event' || typeof object.parameters !== 'object' || object.parameters === null) return false
  const { name, workflowId = null } = object.parameters as { readonly name?: unknown, readonly workflowId?: unknown }
  return workflowId === null && ENDS.has(name)
}

/** Wherever a definition does it: at a node, or in its parameters. Expressions name anything. Bodies are 64 levels deep at most. */
function anywhere (value: unknown, found: (object: object) => boolean): boolean {
  return typeof value === 'object' && value !== null && (found(value) || Object.values(value).some(member => anywhere(member, found)))
}
