import { Type } from '@sinclair/typebox'
import { SECRET_PATH } from '../lib/secret-store.ts'
import { Id, Instant, Name, Nullable } from './common.ts'

const TypeName = Type.String({ minLength: 1, maxLength: 64, description: 'One of GET /v1/credential-types', examples: ['bearer'] })
const AllowedHosts = Nullable(Type.Array(Type.String({ minLength: 1, maxLength: 253, examples: ['api.example.com'] }), {
  maxItems: 100, description: 'Host names that it may be sent to, `*.example.com` for all below a name; null where it is not limited'
}))
const SecretReference = Type.Object({
  path: Type.String({ pattern: SECRET_PATH, maxLength: 512, description: 'Of a secret, below the place that the operator has set for the organization', examples: ['shop/api'] }),
  field: Type.String({ minLength: 1, maxLength: 256, description: 'Of that secret', examples: ['token'] })
}, { additionalProperties: false })
const References = { description: 'Properties of `data` whose values are in the secret store of this installation: read when the credential is used, never kept', examples: [{ token: { path: 'shop/api', field: 'token' } }] }
const Data = Type.Record(Type.String(), Type.Unknown(), { description: 'As the schema of the type says' })

export const NewCredential = Type.Object({
  type: TypeName,
  name: Name,
  data: Data,
  secretReferences: Type.Optional(Type.Record(Type.String(), SecretReference, References)),
  allowedHosts: Type.Optional(AllowedHosts)
}, { additionalProperties: false, examples: [{ type: 'bearer', name: 'Shop API', data: { token: 'sk_…' }, allowedHosts: ['api.example.com'] }] })

export const CredentialChange = Type.Object({
  name: Type.Optional(Name),
  data: Type.Optional({ ...Data, description: 'Each property replaces the one that was there; null removes it' }),
  secretReferences: Type.Optional(Type.Record(Type.String(), Nullable(SecretReference), { ...References, description: 'Each property replaces the one that was there, and its value in `data`; null removes it' })),
  allowedHosts: Type.Optional(AllowedHosts)
}, { additionalProperties: false, minProperties: 1, examples: [{ data: { token: 'sk_…' } }] })

export const Credential = Type.Object({
  id: Id,
  type: TypeName,
  name: Name,
  data: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true, description: 'The properties that are not secret', examples: [{ username: 'ada' }] }),
  secretFields: Type.Array(Type.String(), { description: 'The secret properties that are set. Their values are never shown.', examples: [['password']] }),
  secretReferences: Type.Unsafe<Record<string, { path: string, field: string }>>({ type: 'object', additionalProperties: SecretReference, ...References }),
  allowedHosts: AllowedHosts,
  version: Type.Integer({ minimum: 1, description: 'Rises with each change' }),
  createdBy: Nullable(Type.String({ ...Id, description: 'The user who created it; null where an API key did' })),
  createdAt: Instant,
  updatedAt: Instant,
  connection: Nullable(Type.Object({
    status: Type.Unsafe<'none' | 'connected' | 'broken'>({ type: 'string', enum: ['none', 'connected', 'broken'], description: 'none: nobody has consented yet; broken: the server takes the refresh token no more, so that somebody must consent again' }),
    expiresAt: Nullable({ ...Instant, description: 'When the token that is there is renewed; null where it has no end' })
  }, { description: 'Of the type oauth2; null for others' }))
}, { $id: 'Credential', description: 'A secret that workflows use and nobody can read' })

export const CredentialTestResult = Type.Object({
  ok: Type.Boolean({ description: 'Whether nothing speaks against it' }),
  tested: Type.Boolean({ description: 'Whether it was tried; its type may name no place to try it at' }),
  code: Nullable(Type.String({ examples: ['WC_HTTP_STATUS'] })),
  detail: Type.String({ examples: ['It was accepted.'] })
}, { $id: 'CredentialTestResult' })

export const CredentialType = Type.Object({
  type: TypeName,
  title: Type.String(),
  description: Type.String(),
  data: Type.Unsafe<Record<string, unknown>>({
    type: 'object', additionalProperties: true, description: 'JSON Schema of `data`. Properties with `writeOnly` are secret.'
  })
}, { $id: 'CredentialType', description: 'What a credential can be' })
