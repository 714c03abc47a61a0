import type { Credential } from '../../engine/credentials/index.ts'
import { NodeError } from '../../engine/node-error.ts'
import type { VerifyParameters } from '../../engine/nodes/webhook-verify.ts'
import { createAddressList } from '../../lib/guarded-fetch/addresses.ts'
import type { CredentialSource } from '../credentials/source.ts'
import { AddressRefused, ProofInvalid, ProofLate, ProofMissing, Unavailable, WebhookSecretUnusable } from '../problems.ts'
import { compileVerifier, UnusableSecret, type Refusal, type SignedRequest, type Verifier, type VerifierDependencies } from './verify/index.ts'

export interface ArrivingRequest extends SignedRequest {
  /** The address that it came from. */
  readonly address: string
}

/** Lets a request to an endpoint pass, or throws the Problem that it is refused with. */
export type Gate = (request: ArrivingRequest) => void | Promise<void>

export interface GateDependencies extends VerifierDependencies {
  readonly credentials: CredentialSource
  /** Milliseconds since the epoch */
  readonly now: () => number
}

type Parameters = Readonly<Record<string, unknown>>

/** What a webhook node asks of requests before they are looked into; undefined where it is open to all. */
export function compileGate (deps: GateDependencies, organizationId: string, { allowIps, verify }: Parameters): Gate | undefined {
  const isAllowed = Array.isArray(allowIps) ? createAddressList(allowIps.map(String)) : undefined
  const prove = verify === undefined ? undefined : proofOf(deps, organizationId, verify as VerifyParameters)
  if (isAllowed === undefined) return prove
  return request => {
    if (!isAllowed(request.address)) throw AddressRefused()
    return prove?.(request)
  }
}

function proofOf (deps: GateDependencies, organizationId: string, verify: VerifyParameters): Gate {
  const challenge = challengeOf(verify)
  const verifierFor = verifiers(deps, organizationId, verify)
  return async request => {
    const verifier = await verifierFor()
    const refusal = await verifier(request, deps.now())
    if (refusal !== undefined) throw PROBLEMS[refusal](challenge)
  }
}

/** The check with the secrets as they are now: the source hears of changes, and whatever it opened is compiled once. */
function verifiers (deps: GateDependencies, organizationId: string, verify: VerifyParameters): () => Promise<Verifier> {
  const { credentialId } = verify
  let present: { readonly credential: Credential | undefined, readonly verifier: Verifier } | undefined
  return async () => {
    const credential = credentialId === undefined ? undefined : await openSecret(deps.credentials, organizationId, credentialId)
    if (present !== undefined && present.credential === credential) return present.verifier
    try {
      present = { credential, verifier: compileVerifier(verify, credential, deps) }
    } catch (error) {
      throw error instanceof UnusableSecret ? WebhookSecretUnusable(error) : error
    }
    return present.verifier
  }
}

/** The credential as it is now. Throws Problem. */
export async function openSecret (credentials: CredentialSource, organizationId: string, credentialId: string): Promise<Credential> {
  try {
    return (await credentials.open(organizationId, credentialId.toLowerCase())).credential
  } catch (error) {
    if (!(error instanceof NodeError)) throw error
    throw error.code === 'WC_CREDENTIAL_UNAVAILABLE' ? Unavailable('place where the secret of this webhook is kept', error) : WebhookSecretUnusable(error)
  }
}

const PROBLEMS: Readonly<Record<Refusal, (challenge: string) => Error>> = { missing: ProofMissing, invalid: ProofInvalid, late: ProofLate }

/** RFC 9110 section 11.6.1: a 401 says how to do better. */
function challengeOf ({ preset }: VerifyParameters): string {
  if (preset === 'basic') return 'Basic realm="weconnect", charset="UTF-8"'
  return preset === 'jwt' ? 'Bearer realm="weconnect"' : 'Signature realm="weconnect"'
}
