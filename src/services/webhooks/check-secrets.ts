import type { WorkflowDefinition } from '../../engine/definition.ts'
import { NodeError } from '../../engine/node-error.ts'
import { needsSecret, type VerifyParameters } from '../../engine/nodes/webhook-verify.ts'
import type { Issue } from '../../engine/validate.ts'
import type { CredentialSource } from '../credentials/source.ts'
import { Unavailable } from '../problems.ts'
import { compileVerifier, UnusableSecret, type VerifierDependencies } from './verify/index.ts'

export interface SecretCheckDependencies extends VerifierDependencies {
  readonly credentials: Pick<CredentialSource, 'open'>
}

/** Webhooks that ask for a proof which their secrets cannot check: they must not be published, neither shut for all nor open by accident. */
export function createSecretCheck (deps: SecretCheckDependencies): (organizationId: string, definition: WorkflowDefinition) => Promise<Issue[]> {
  return async (organizationId, { nodes }) => {
    const found = await Promise.all(nodes.map(async ({ type, disabled, parameters = {} }, index): Promise<Issue[]> => {
      const verify = parameters['verify'] as VerifyParameters | undefined
      if (type !== 'webhook' || disabled === true || verify === undefined) return []
      const why = await whyUnusable(deps, organizationId, verify)
      if (why === undefined) return []
      return [{ pointer: `/nodes/${index}/parameters/verify/credentialId`, message: why, code: 'WC_WEBHOOK_SECRET' }]
    }))
    return found.flat()
  }
}

async function whyUnusable (deps: SecretCheckDependencies, organizationId: string, verify: VerifyParameters): Promise<string | undefined> {
  const { credentialId, preset } = verify
  if (credentialId === undefined && needsSecret(verify)) return 'a credential is needed: without its secrets nothing can be verified'
  try {
    const credential = credentialId === undefined ? undefined : (await deps.credentials.open(organizationId, credentialId.toLowerCase())).credential
    compileVerifier(verify, credential, deps)
    return undefined
  } catch (error) {
    if (error instanceof UnusableSecret) return `${error.message} (${preset})`
    if (!(error instanceof NodeError)) throw error
    if (error.code === 'WC_CREDENTIAL_UNAVAILABLE') throw Unavailable('database', error)
    return error.message
  }
}
