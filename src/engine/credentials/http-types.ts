import { Type } from '@sinclair/typebox'
import { oneOf } from '../schemas.ts'
import { headerProblem } from '../../lib/http-headers.ts'
import { plainText, secretList, secretText, webAddress } from './credential-type.ts'
import type { CredentialType, DataIssue } from './credential-type.ts'

const testUrl = Type.Optional(webAddress({ title: 'Test address', description: 'A GET that answers with 2xx where the credential is good.' }))

export const bearer: CredentialType = {
  type: 'bearer',
  title: 'Bearer token',
  description: 'Sends Authorization: Bearer <token>.',
  data: Type.Object({
    token: secretText({ title: 'Token', pattern: '^[\\x21-\\x7e]+$' }),
    testUrl
  }, { additionalProperties: false })
}

export const basic: CredentialType = {
  type: 'basic',
  title: 'User name and password',
  description: 'Sends Authorization: Basic with both (RFC 7617).',
  data: Type.Object({
    username: plainText({ title: 'User name', minLength: 0, pattern: '^[^:\\x00-\\x1f\\x7f]*$' }),
    password: secretText({ title: 'Password', minLength: 0, pattern: '^[^\\x00-\\x1f\\x7f]*$' }),
    testUrl
  }, { additionalProperties: false }),
  derivedSecrets: data => [basicPair(data)]
}

export const header: CredentialType = {
  type: 'header',
  title: 'Header',
  description: 'Sends a header with a secret value, such as X-Api-Key.',
  data: Type.Object({
    name: plainText({ title: 'Header', maxLength: 256, examples: ['X-Api-Key'] }),
    value: secretText({ title: 'Value' }),
    testUrl
  }, { additionalProperties: false }),
  check: ({ name, value }) => headerIssues(String(name), String(value))
}

export const query: CredentialType = {
  type: 'query',
  title: 'Query parameter',
  description: 'Adds a parameter with a secret value to the URL. Servers and proxies log URLs: prefer a header where there is one.',
  data: Type.Object({
    name: plainText({ title: 'Parameter', maxLength: 256, examples: ['api_key'] }),
    value: secretText({ title: 'Value' }),
    testUrl
  }, { additionalProperties: false })
}

export const webhookSecret: CredentialType = {
  type: 'webhookSecret',
  title: 'Webhook secret',
  description: 'What incoming webhooks are verified with. Any of the secrets is valid, so that one can be replaced without a gap.',
  data: Type.Object({ secrets: secretList('Secrets') }, { additionalProperties: false })
}

export const signingKey: CredentialType = {
  type: 'signingKey',
  title: 'Signing key',
  description: 'What the node crypto signs and verifies with: a secret for HMAC, or a private key.',
  data: Type.Object({
    secret: Type.Optional(secretText({ title: 'Secret', description: 'Of HMAC.' })),
    secretEncoding: Type.Optional(oneOf(['utf8', 'hex', 'base64', 'base64url'], { title: 'Encoding of the secret', description: 'How its text stands for bytes.', default: 'utf8' })),
    privateKey: Type.Optional(secretText({ title: 'Private key', description: 'RSA, EC or Ed25519, as PEM.', pattern: '^\\s*-----BEGIN [A-Z ]*PRIVATE KEY-----' }))
  }, { additionalProperties: false }),
  check: ({ secret, privateKey }) => secret === undefined && privateKey === undefined
    ? [{ pointer: '/secret', message: 'is required, or else privateKey', code: 'WC_REQUIRED' }]
    : []
}

export const clientCertificate: CredentialType = {
  type: 'clientCertificate',
  title: 'Client certificate',
  description: 'A certificate and its key, shown to servers that ask for one.',
  data: Type.Object({
    certificate: plainText({ title: 'Certificate', description: 'PEM, with its chain.', maxLength: 65_536, pattern: '^\\s*-----BEGIN CERTIFICATE-----' }),
    key: secretText({ title: 'Private key', description: 'PEM.', pattern: '^\\s*-----BEGIN [A-Z ]*PRIVATE KEY-----' }),
    passphrase: Type.Optional(secretText({ title: 'Passphrase of the key' }))
  }, { additionalProperties: false })
}

/** RFC 7617: what stands behind `Basic `. */
export function basicPair ({ username, password }: Readonly<Record<string, unknown>>): string {
  return Buffer.from(`${String(username)}:${String(password)}`).toString('base64')
}

// The name is no secret; of the value nothing is said but that it does not fit.
function headerIssues (name: string, value: string): DataIssue[] {
  const badName = headerProblem(name, '', 'request')
  if (badName !== null) return [{ pointer: '/name', message: badName, code: 'WC_INVALID_FORMAT' }]
  return headerProblem(name, value, 'request') === null ? [] : [{ pointer: '/value', message: 'has characters that a header cannot carry', code: 'WC_INVALID_FORMAT' }]
}
