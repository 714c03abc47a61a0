import type { VerifyParameters } from '../../engine/nodes/webhook-verify.ts'

const SIGNATURES: Readonly<Record<string, string>> = {
  standardWebhooks: 'webhook-signature', github: 'x-hub-signature-256', stripe: 'stripe-signature', slack: 'x-slack-signature', shopify: 'x-shopify-hmac-sha256', twilio: 'x-twilio-signature'
}

/** How an OpenAPI document says what a request must prove; undefined for an open endpoint. */
export function securityOf (verify: VerifyParameters | undefined): { readonly name: string, readonly scheme: object } | undefined {
  if (verify === undefined) return undefined
  const { preset, header } = verify
  if (preset === 'basic') return { name: 'basic', scheme: { type: 'http', scheme: 'basic' } }
  if (preset === 'jwt' && header === undefined) return { name: 'bearer', scheme: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } }
  const name = header?.toLowerCase() ?? SIGNATURES[preset] ?? ''
  const description = preset === 'header' || preset === 'jwt' ? 'A secret of the sender' : `A signature of the request (${preset})`
  return { name: `${preset}-${name}`.replaceAll(/[^A-Za-z0-9._-]/g, '_'), scheme: { type: 'apiKey', in: 'header', name, description } }
}
