import type { VerifyParameters } from '../../../engine/nodes/webhook-verify.ts'
import { headerOf, type SignedRequest } from './signed-request.ts'
import type { HmacScheme } from './hmac.ts'

const asText = (secret: string): string | undefined => secret.trim() === '' ? undefined : secret
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md; Svix sends the same under its own names. */
export const standardWebhooks: HmacScheme = {
  algorithm: 'sha256',
  encoding: 'base64',
  keyOf (secret) {
    const encoded = secret.trim().replace(/^whsec_/, '')
    const key = Buffer.from(BASE64.test(encoded) ? encoded : '', 'base64')
    // Of too few digits no byte is made, and with an empty key anyone can sign.
    return key.length === 0 ? undefined : key
  },
  read (request) {
    const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map(name => headerOf(request, `webhook-${name}`) ?? headerOf(request, `svix-${name}`))
    if (id === undefined || timestamp === undefined || signatures === undefined) return undefined
    const versioned = signatures.split(' ').filter(entry => entry.startsWith('v1,')).map(entry => entry.slice(3))
    return { signatures: versioned, timestamp, signed: [`${id}.${timestamp}.`, request.body] }
  }
}

/** https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries */
export const github: HmacScheme = {
  algorithm: 'sha256',
  encoding: 'hex',
  keyOf: asText,
  read: request => prefixed(request, 'x-hub-signature-256', 'sha256=', [request.body])
}

/** https://docs.stripe.com/webhooks/signature */
export const stripe: HmacScheme = {
  algorithm: 'sha256',
  encoding: 'hex',
  keyOf: asText,
  read (request) {
    const header = headerOf(request, 'stripe-signature')
    if (header === undefined) return undefined
    const pairs = header.split(',').map(pair => pair.trim().split('=', 2))
    const timestamp = pairs.find(([name]) => name === 't')?.[1] ?? ''
    const signatures = pairs.filter(([name]) => name === 'v1').map(([, value]) => value ?? '')
    return { signatures, timestamp, signed: [`${timestamp}.`, request.body] }
  }
}

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
export const slack: HmacScheme = {
  algorithm: 'sha256',
  encoding: 'hex',
  keyOf: asText,
  read (request) {
    const timestamp = headerOf(request, 'x-slack-request-timestamp')
    const claim = prefixed(request, 'x-slack-signature', 'v0=', [`v0:${timestamp ?? ''}:`, request.body])
    return timestamp === undefined || claim === undefined ? undefined : { ...claim, timestamp }
  }
}

/** https://shopify.dev/docs/apps/build/webhooks/subscribe/https */
export const shopify: HmacScheme = {
  algorithm: 'sha256',
  encoding: 'base64',
  keyOf: asText,
  read: request => prefixed(request, 'x-shopify-hmac-sha256', '', [request.body])
}

/** Any other sender, in its own words. */
export function otherHmac ({ algorithm = 'sha256', encoding = 'hex', header = '', prefix = '', timestampHeader, content }: VerifyParameters): HmacScheme {
  const template = (content ?? (timestampHeader === undefined ? '{body}' : '{timestamp}.{body}')).split(/(\{[a-z]+\})/)
  return {
    algorithm,
    encoding,
    keyOf: asText,
    read (request) {
      const timestamp = timestampHeader === undefined ? undefined : headerOf(request, timestampHeader.toLowerCase())
      const claim = prefixed(request, header.toLowerCase(), prefix, template.map(part => part === '{body}' ? request.body : filled(part, request, timestamp)))
      if (claim === undefined || timestampHeader === undefined) return claim
      return timestamp === undefined ? undefined : { ...claim, timestamp }
    }
  }
}

function filled (part: string, { method, slug, path, queryText }: SignedRequest, timestamp = ''): string {
  switch (part) {
    case '{timestamp}': return timestamp
    case '{method}': return method
    case '{path}': return `/hooks/${slug}/${path}${queryText === '' ? '' : `?${queryText}`}`
    default: return part
  }
}

/** One signature in a header, behind a prefix that says how it is made. */
function prefixed (request: SignedRequest, name: string, prefix: string, signed: ReadonlyArray<string | Uint8Array>) {
  const value = headerOf(request, name)
  if (value === undefined) return undefined
  return { signatures: value.startsWith(prefix) ? [value.slice(prefix.length)] : [], signed }
}
