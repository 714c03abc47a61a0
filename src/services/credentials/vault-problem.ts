import { NodeError } from '../../engine/node-error.ts'
import type { Problem } from '../../lib/problem.ts'
import { SecretBoxError } from '../../lib/secret-box.ts'
import { CredentialUnreadable, SecretUnusable, Unavailable } from '../problems.ts'

/** What clients are told of a vault or a secret store that gives nothing; anything else comes back as it is. */
export function vaultProblem (error: unknown): Problem | unknown {
  if (error instanceof NodeError && error.code === 'WC_CREDENTIAL_UNAVAILABLE') return Unavailable('secret store', error)
  if (error instanceof NodeError && error.code.startsWith('WC_SECRET_')) return SecretUnusable(error.message)
  if (!(error instanceof SecretBoxError)) return error
  return error.fault === 'away' ? Unavailable('service that has the encryption key', error) : CredentialUnreadable(error.message)
}
