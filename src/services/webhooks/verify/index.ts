import { DEFAULT_TOLERANCE, type VerifyParameters } from '../../../engine/nodes/webhook-verify.ts'
import type { Credential } from '../../../engine/credentials/index.ts'
import { parseDuration } from '../../../lib/duration.ts'
import type { Fetch } from '../../../lib/guarded-fetch/index.ts'
import { hmacVerifier, type HmacScheme } from './hmac.ts'
import { jwtVerifier } from './jwt.ts'
import { github, otherHmac, shopify, slack, standardWebhooks, stripe } from './senders.ts'
import type { Verifier } from './signed-request.ts'
import { basicVerifier, headerVerifier } from './tokens.ts'
import { twilio } from './twilio.ts'

export { UnusableSecret, type Refusal, type SignedRequest, type Verifier } from './signed-request.ts'

export interface VerifierDependencies {
  readonly fetch: Fetch
  /** Where clients reach the service, without a slash at its end. */
  readonly address: string
}

/** Makes the check that a webhook node asks for, once for many requests. Throws UnusableSecret. */
export function compileVerifier (parameters: VerifyParameters, credential: Credential | undefined, { fetch, address }: VerifierDependencies): Verifier {
  const secrets = secretsIn(parameters, credential)
  const tolerance = parseDuration(parameters.tolerance ?? DEFAULT_TOLERANCE)
  const signed = (scheme: HmacScheme): Verifier => hmacVerifier(scheme, secrets, tolerance)
  switch (parameters.preset) {
    case 'standardWebhooks': return signed(standardWebhooks)
    case 'github': return signed(github)
    case 'stripe': return signed(stripe)
    case 'slack': return signed(slack)
    case 'shopify': return signed(shopify)
    case 'twilio': return signed(twilio(address, parameters.url))
    case 'hmac': return signed(otherHmac(parameters))
    case 'basic': return basicVerifier(secrets)
    case 'header': return headerVerifier(parameters.header ?? '', parameters.prefix ?? '', secrets)
    case 'jwt': return jwtVerifier(parameters, secrets, fetch, tolerance)
  }
}

/** Credentials for outgoing requests serve the presets that are their counterpart. */
function secretsIn ({ preset }: VerifyParameters, credential: Credential | undefined): readonly string[] {
  if (credential === undefined) return []
  const { type, data } = credential
  if (type === 'webhookSecret') return (data['secrets'] as readonly unknown[]).map(String)
  if (type === 'basic' && preset === 'basic') return [`${String(data['username'])}:${String(data['password'])}`]
  if (type === 'header' && preset === 'header') return [String(data['value'])]
  return []
}
