import { webhookShape } from '../webhook-path.ts'
import { handshakeNeedsSecret } from '../nodes/webhook-handshake.ts'
import { needsSecret } from '../nodes/webhook-verify.ts'
import type { Draft, DraftNode } from './draft.ts'
import { isPlainObject } from './json-schema.ts'
import { quote, type Report } from './report.ts'

const DEFAULT_METHOD = 'POST'

/** What starts the workflow, and who answers the request that did. */
export function checkTriggers (draft: Draft, sound: Uint8Array, report: Report): void {
  const triggers = draft.nodes.filter(({ type }) => type?.trigger === true)
  const enabled = triggers.filter(({ disabled }) => !disabled)
  if (enabled.length === 0) {
    report.publishError('/nodes', 'WC_TRIGGER_MISSING', triggers.length === 0
      ? 'the workflow needs a trigger, such as a webhook or a manual start'
      : 'the workflow needs a trigger that is not disabled')
  }
  for (const { pointer, id, disabled } of triggers) {
    if (disabled) report.warning(`${pointer}/disabled`, 'WC_TRIGGER_DISABLED', `the trigger ${quote(id)} is disabled: it starts nothing`)
  }
  const webhooks = enabled.filter(({ typeName, place }) => typeName === 'webhook' && sound[place] === 1)
  checkPaths(webhooks, report)
  for (const { pointer, parameters: { verify, deduplicate, handshake } } of webhooks) {
    // Its key is an expression; all of it cannot be one, since it is read before anything runs.
    if (typeof deduplicate === 'string') report.error(`${pointer}/parameters/deduplicate`, 'WC_EXPRESSION_NOT_ALLOWED_HERE', 'is read before anything runs and cannot be an expression; its key may hold one')
    if (isPlainObject(handshake) && handshakeNeedsSecret(handshake) && (handshake['credentialId'] ?? (isPlainObject(verify) ? verify['credentialId'] : undefined)) === undefined) {
      report.publishError(`${pointer}/parameters/handshake/credentialId`, 'WC_CREDENTIAL_REQUIRED', 'a credential is needed: the sender asks for something made with its secret')
    }
    if (verify === undefined) {
      report.warning(`${pointer}/parameters`, 'WC_WEBHOOK_OPEN', 'anyone who knows its URL can start this workflow: it verifies no signature')
    } else if (isPlainObject(verify) && needsSecret(verify) && verify['credentialId'] === undefined) {
      report.publishError(`${pointer}/parameters/verify/credentialId`, 'WC_CREDENTIAL_REQUIRED', 'a credential is needed: without its secrets nothing can be verified')
    }
  }
  checkAnswers(draft, webhooks, report)
}

/** The methods of a webhook node whose parameters are in order. */
export function webhookMethodsOf (parameters: Readonly<Record<string, unknown>>): readonly string[] {
  const method = parameters['method'] ?? DEFAULT_METHOD
  return Array.isArray(method) ? method.map(String) : [String(method)]
}

function checkPaths (webhooks: readonly DraftNode[], report: Report): void {
  const taken = new Map<string, DraftNode>()
  for (const node of webhooks) {
    const path = String(node.parameters['path'])
    for (const method of webhookMethodsOf(node.parameters)) {
      const key = `${method} ${webhookShape(path)}`
      const other = taken.get(key)
      if (other === undefined) taken.set(key, node)
      else report.publishError(`${node.pointer}/parameters/path`, 'WC_WEBHOOK_PATH_CONFLICT', `${method} ${quote(path)} is taken by ${quote(other.id)} already`)
    }
  }
}

function checkAnswers (draft: Draft, webhooks: readonly DraftNode[], report: Report): void {
  const waiting = webhooks.filter(({ parameters }) => parameters['response'] === 'respondNode')
  const responders = draft.nodes.filter(({ typeName, disabled }) => typeName === 'respond' && !disabled)
  if (responders.length === 0) {
    for (const { pointer } of waiting) {
      report.publishError(`${pointer}/parameters/response`, 'WC_RESPOND_MISSING', 'waits for a respond node, and the workflow has none that is enabled')
    }
  }
  if (waiting.length > 0) return
  for (const { pointer, id } of responders) {
    report.warning(pointer, 'WC_RESPOND_UNUSED', `${quote(id)} answers nobody: no webhook has response: "respondNode"`)
  }
}
