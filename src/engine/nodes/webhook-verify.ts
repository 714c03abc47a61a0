import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { headerProblem } from '../../lib/http-headers.ts'
import { parseDuration } from '../../lib/duration.ts'
import { credentialParameter } from '../credentials/references.ts'
import { duration, oneOf, STATIC } from '../schemas.ts'
import type { ParameterIssue } from './node-type.ts'

export const VERIFY_PRESETS = ['standardWebhooks', 'github', 'stripe', 'slack', 'shopify', 'twilio', 'hmac', 'basic', 'header', 'jwt'] as const
export const DEFAULT_TOLERANCE = '5m'
const MAX_TOLERANCE = '1h'

const headerName = (title: string, description: string) => Type.String({ title, description, minLength: 1, maxLength: 128 })

export const VerifyParameters = Type.Object({
  preset: oneOf(VERIFY_PRESETS, { title: 'Preset', description: 'Whose way of proving that a request is genuine; hmac, basic, header and jwt for senders of any name.' }),
  credentialId: Type.Optional(Type.String({
    title: 'Secret', description: 'A credential of the type webhookSecret; any of its secrets is valid. basic and header take those types, too.', ...credentialParameter(['webhookSecret', 'basic', 'header'])
  })),
  tolerance: Type.Optional(duration({ title: 'Tolerance', description: `How far the signed time may be from now, up to ${MAX_TOLERANCE}.`, default: DEFAULT_TOLERANCE })),
  header: Type.Optional(headerName('Header', 'hmac: where the signature is; header: where the secret is; jwt: where the token is, else Authorization: Bearer.')),
  prefix: Type.Optional(Type.String({ title: 'Prefix', description: 'hmac, header: what stands before the value, such as sha256=.', maxLength: 64 })),
  algorithm: Type.Optional(oneOf(['sha1', 'sha256', 'sha384', 'sha512'], { title: 'Algorithm', description: 'hmac: the hash.', default: 'sha256' })),
  encoding: Type.Optional(oneOf(['hex', 'base64', 'base64url'], { title: 'Encoding', description: 'hmac: how the signature is written.', default: 'hex' })),
  timestampHeader: Type.Optional(headerName('Timestamp header', 'hmac: where the signed time is, in seconds since 1970.')),
  content: Type.Optional(Type.String({
    title: 'Signed content', description: 'hmac: {body}, {timestamp}, {method} and {path} in the sender\'s order. {timestamp}.{body} with a timestamp, else {body}.', minLength: 1, maxLength: 256, examples: ['v0:{timestamp}:{body}']
  })),
  url: Type.Optional(Type.String({ title: 'Address', description: 'twilio: what it calls, without query; else the public address of the service.', format: 'uri', pattern: '^https?://[^?#]+$', maxLength: 2048 })),
  jwksUrl: Type.Optional(Type.String({ title: 'Key set', description: 'jwt: where the public keys of the sender are (JWKS).', format: 'uri', pattern: '^https?://', maxLength: 2048 })),
  issuer: Type.Optional(Type.String({ title: 'Issuer', description: 'jwt: who must have signed (iss).', minLength: 1, maxLength: 512 })),
  audience: Type.Optional(Type.String({ title: 'Audience', description: 'jwt: whom it must be meant for (aud).', minLength: 1, maxLength: 512 })),
  algorithms: Type.Optional(Type.Array(
    oneOf(['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']),
    { title: 'Algorithms', description: 'jwt: those that are believed; else all that fit the key.', minItems: 1, uniqueItems: true }
  ))
}, { additionalProperties: false, title: 'Verification', description: 'How a request proves that it is genuine. Without it anyone who knows the URL can start the workflow.', ...STATIC })

export type VerifyParameters = Static<typeof VerifyParameters>

const ONLY_FOR: Readonly<Partial<Record<keyof VerifyParameters, readonly string[]>>> = {
  tolerance: ['standardWebhooks', 'stripe', 'slack', 'hmac', 'jwt'],
  header: ['hmac', 'header', 'jwt'],
  prefix: ['hmac', 'header'],
  algorithm: ['hmac'],
  encoding: ['hmac'],
  timestampHeader: ['hmac'],
  content: ['hmac'],
  url: ['twilio'],
  jwksUrl: ['jwt'],
  issuer: ['jwt'],
  audience: ['jwt'],
  algorithms: ['jwt']
}

/** What of it does not go together; pointers are relative to the node's parameters. */
export function verifyIssues (verify: VerifyParameters | undefined): ParameterIssue[] {
  if (verify === undefined) return []
  const { preset, header, timestampHeader, content, tolerance } = verify
  const issues: ParameterIssue[] = []
  const report = (name: keyof VerifyParameters, message: string): void => { issues.push({ pointer: `/verify/${name}`, message, code: 'WC_WEBHOOK_VERIFY' }) }
  for (const [name, presets] of Object.entries(ONLY_FOR) as Array<[keyof VerifyParameters, readonly string[]]>) {
    if (verify[name] !== undefined && !presets.includes(preset)) report(name, `goes with ${presets.join(', ')}, not with ${preset}`)
  }
  if ((preset === 'hmac' || preset === 'header') && header === undefined) report('header', 'is required: it names the header with the proof')
  for (const name of ['header', 'timestampHeader'] as const) {
    const problem = verify[name] === undefined ? null : headerProblem(verify[name], '', 'response')
    if (problem !== null) report(name, problem)
  }
  if (content !== undefined) {
    if (!content.includes('{body}')) report('content', 'must hold {body}: what is not signed can be changed')
    if (content.includes('{timestamp}') !== (timestampHeader !== undefined)) report('content', 'holds {timestamp} where timestampHeader names its header, and only then')
    const unknown = [...content.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name).find(name => !['body', 'timestamp', 'method', 'path'].includes(name ?? ''))
    if (unknown !== undefined) report('content', `knows {body}, {timestamp}, {method} and {path}, not {${unknown}}`)
  }
  if (tolerance !== undefined && parseDuration(tolerance) > parseDuration(MAX_TOLERANCE)) report('tolerance', `at most ${MAX_TOLERANCE}`)
  return issues
}

/** Whether it needs a credential to verify anything. */
export function needsSecret ({ preset, jwksUrl }: Readonly<Record<string, unknown>>): boolean {
  return preset !== 'jwt' || jwksUrl === undefined
}

/** The header that holds a secret, not a signature made with one; in lower case. */
export function secretHeaderOf ({ preset, header }: VerifyParameters): string | undefined {
  if (preset === 'basic') return 'authorization'
  return preset === 'jwt' || preset === 'header' ? header?.toLowerCase() ?? 'authorization' : undefined
}
