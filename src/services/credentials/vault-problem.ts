import type { Problem } from '../../lib/problem.ts'
import { SecretBoxError } from '../../lib/secret-box.ts'
import { CredentialUnreadable, Unavailable } from '../problems.ts'

/** What clients are told of a vault that does not seal or open; anything else comes back as it is. */
export function vaultProblem (error: unknown): Problem | unknown {
  if (!(error instanceof SecretBoxError)) return error
  return error.fault === 'away' ? Unavailable('service that has the encryption key', error) : CredentialUnreadable(error.message)
}
