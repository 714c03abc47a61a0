import { Type } from '@sinclair/typebox'
import { dictionary, oneOf } from '../schemas.ts'
import { plainText, secretText, webAddress } from './credential-type.ts'
import { addressProblem } from './server-address.ts'
import type { CredentialData, CredentialType, DataIssue } from './credential-type.ts'

/** What WeConnect puts there itself: another value would take the protection away that it gives. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set([
  'client_id', 'client_secret', 'code', 'code_challenge', 'code_challenge_method', 'code_verifier', 'grant_type', 'redirect_uri', 'refresh_token', 'response_type', 'scope', 'state'
])
const parameters = (title: string, description: string) => Type.Optional(dictionary(Type.String({ maxLength: 1024 }), { title, description, maxProperties: 20 }))

export const oauth2: CredentialType = {
  type: 'oauth2',
  title: 'OAuth 2',
  description: 'Gets access tokens from an authorization server, keeps them fresh, and sends them as bearer tokens. With the grant authorizationCode somebody consents once: GET /v1/oauth2/authorize-url says where.',
  data: Type.Object({
    grant: oneOf(['authorizationCode', 'clientCredentials'], { title: 'Grant', description: 'authorizationCode: on behalf of somebody who consents; clientCredentials: on behalf of the client itself.' }),
    authorizationUrl: Type.Optional(webAddress({ title: 'Authorization URL', description: 'authorizationCode: where people consent.', examples: ['https://login.example.com/authorize'] })),
    tokenUrl: webAddress({ title: 'Token URL', description: 'Where tokens are fetched.', examples: ['https://login.example.com/token'] }),
    issuer: Type.Optional(webAddress({ title: 'Issuer', description: 'What the server calls itself (RFC 9207): answers in the name of another are refused. Without it, those from another origin than that of the authorization URL.', examples: ['https://login.example.com'] })),
    clientId: plainText({ title: 'Client id', pattern: '^[\\x20-\\x7e]+$' }),
    clientSecret: Type.Optional(secretText({ title: 'Client secret', description: 'Clients that cannot keep one have none, and are protected by PKCE alone.', pattern: '^[\\x20-\\x7e]+$' })),
    clientAuthentication: Type.Optional(oneOf(['basic', 'body'], { title: 'How the client proves itself', description: 'basic: in the header Authorization, as the standard prefers; body: in the form.', default: 'basic' })),
    scope: Type.Optional(plainText({ title: 'Scope', description: 'Separated by spaces.', maxLength: 4096, pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+( [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*$', examples: ['orders.read offline_access'] })),
    authorizationParameters: parameters('More parameters of the authorization', 'What the server wants beside the standard, such as access_type or prompt.'),
    tokenParameters: parameters('More parameters of token requests', 'Such as audience or resource.'),
    testUrl: Type.Optional(webAddress({ title: 'Test address', description: 'A GET that answers with 2xx where the credential is good.' }))
  }, { additionalProperties: false }),
  check: data => [...missingIssues(data), ...addressIssues(data), ...parameterIssues(data)]
}

function missingIssues ({ grant, authorizationUrl, clientSecret }: CredentialData): DataIssue[] {
  const missing = (name: string): DataIssue => ({ pointer: `/${name}`, message: `is required with the grant ${String(grant)}`, code: 'WC_REQUIRED' })
  if (grant === 'authorizationCode') return authorizationUrl === undefined ? [missing('authorizationUrl')] : []
  return clientSecret === undefined ? [missing('clientSecret')] : []
}

function addressIssues (data: CredentialData): DataIssue[] {
  return ['authorizationUrl', 'tokenUrl', 'issuer'].flatMap(name => {
    const text = data[name]
    if (typeof text !== 'string') return []
    const url = URL.canParse(text) ? new URL(text) : null
    const problem = url === null ? 'must be a URL' : addressProblem(url)
    return problem === null ? [] : [{ pointer: `/${name}`, message: problem, code: 'WC_INVALID_FORMAT' }]
  })
}

function parameterIssues (data: CredentialData): DataIssue[] {
  return ['authorizationParameters', 'tokenParameters'].flatMap(name => Object.keys(data[name] ?? {})
    .filter(parameter => OWN_PARAMETERS.has(parameter.toLowerCase()))
    .map(() => ({ pointer: `/${name}`, message: `must not set ${[...OWN_PARAMETERS].join(', ')}`, code: 'WC_INVALID_VALUE' })))
}
