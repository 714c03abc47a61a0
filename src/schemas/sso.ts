import { Type } from '@sinclair/typebox'
import { Id, Instant, Name, Nullable } from './common.ts'
import { Role } from './identity.ts'

const Printable = Type.String({ minLength: 1, maxLength: 2048, pattern: '^[\\x20-\\x7e]+$' })
const Issuer = Type.String({ minLength: 1, maxLength: 2048, description: 'As the provider calls itself; its description is read below it, at /.well-known/openid-configuration', examples: ['https://login.example.com'] })
const ClientId = Type.Unsafe<string>({ ...Printable, description: 'As the provider calls WeConnect', examples: ['weconnect'] })
const ClientSecret = Type.Unsafe<string>({ ...Printable, format: 'password', description: 'Sealed, and never shown', examples: ['the secret of this client'] })
const Scopes = Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,100}$', examples: ['openid'] }), { minItems: 1, maxItems: 20, description: 'What is asked for; openid must be among it, without email nobody becomes a member' })
const Domains = Type.Array(Type.String({ maxLength: 253, pattern: '^[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})?(?:\\.[A-Za-z0-9][A-Za-z0-9-]{0,62})+$', examples: ['example.com'] }), { maxItems: 50, description: 'Only people with addresses of these domains are let in; none: everybody whom the provider knows' })
const settings = {
  name: Type.Unsafe<string>({ ...Name, description: 'For people who sign in', examples: ['Example Login'] }),
  issuer: Issuer,
  clientId: ClientId,
  scopes: Scopes,
  allowedDomains: Domains,
  requireVerifiedEmail: Type.Boolean({ description: 'Whether an address counts for `allowedDomains` only if the provider says that it is verified. False only for providers where nobody chooses their address' }),
  createMembers: Type.Boolean({ description: 'Whether who is new becomes a member at the first sign-in; takes `allowedDomains`' }),
  defaultRole: Type.Unsafe<string>({ ...Role, description: 'Of members who join by it; never owner, and no role that holds more than you do', examples: ['viewer'] }),
  enabled: Type.Boolean({ description: 'A provider that is not lets nobody in, and its sessions rest' })
}

export const SsoProvider = Type.Object({
  id: Id,
  ...settings,
  redirectUri: Type.String({ format: 'uri', description: 'To be registered at the provider', examples: ['https://weconnect.example.org/v1/auth/sso/01980a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b/callback'] }),
  createdAt: Instant,
  updatedAt: Instant
}, { $id: 'SsoProvider' })

const { name, issuer, clientId, ...optional } = settings
export const NewSsoProvider = Type.Object({ name, issuer, clientId, clientSecret: ClientSecret, ...Type.Partial(Type.Object(optional)).properties }, {
  additionalProperties: false,
  examples: [{ name: 'Example Login', issuer: 'https://login.example.com', clientId: 'weconnect', clientSecret: 'the secret of this client', allowedDomains: ['example.com'], createMembers: true }]
})
export const SsoProviderChange = Type.Partial(Type.Object({ ...settings, clientSecret: ClientSecret }), { additionalProperties: false, minProperties: 1, examples: [{ enabled: false }] })

export const CodeChallenge = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'Base64url of the SHA-256 of a `codeVerifier` that you keep (RFC 7636, S256)', examples: ['E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'] })
export const HandedCode = {
  code: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'Of the sign-in; works once, within two minutes', examples: ['PpWUNCx0E7kmxPYF1KM4XQqjs9mhkTCQVcE1jLQnTJM'] }),
  codeVerifier: Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$', description: 'What `codeChallenge` was made from', examples: ['dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'] })
}

export const SsoIdentity = Type.Object({
  id: Id,
  organizationId: Id,
  providerId: Id,
  providerName: Name,
  issuer: Type.String(),
  subject: Type.String({ description: 'Who you are there' }),
  email: Nullable(Type.String()),
  createdAt: Instant,
  lastUsedAt: Nullable(Instant)
}, { $id: 'SsoIdentity' })
