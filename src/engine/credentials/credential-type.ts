import { Type } from '@sinclair/typebox'
import type { SchemaOptions, StringOptions, TObject, TSchema, TString } from '@sinclair/typebox'

export type CredentialData = Readonly<Record<string, unknown>>

/** What a credential is made of. In `data`, properties marked `writeOnly` are secret: sealed, masked, never shown. */
export interface CredentialType {
  readonly type: string
  readonly title: string
  readonly description: string
  readonly data: TObject
  /** What is as good as the secrets themselves beside them, such as the two halves of basic authentication in base64. */
  derivedSecrets? (data: CredentialData): readonly string[]
  /** What the schema cannot say; pointers are relative to `data`. */
  check? (data: CredentialData): readonly DataIssue[]
}

export interface DataIssue {
  readonly pointer: string
  readonly message: string
  readonly code: string
}

/** A credential that a step may use. It never leaves the process that runs the step. */
export interface Credential {
  readonly id: string
  readonly type: string
  readonly data: CredentialData
  /** Host names that it may be sent to; null where it is not limited. */
  readonly allowedHosts: readonly string[] | null
  /** Of those whose token passes: the same with another token, to be used once a far side has refused this one. */
  renew? (): Promise<Credential>
}

/** Longer secrets are keys in files; nothing that authenticates somebody comes near it. */
const MAX_SECRET = 32_768

const SECRET = { writeOnly: true } as const
/** Marks where a credential is sent: whoever changes it must know the secret, or could send it to themselves. */
const DESTINATION = { 'x-destination': true } as const

export function secretText (options: StringOptions): TString {
  return Type.String({ minLength: 1, maxLength: MAX_SECRET, ...options, ...SECRET })
}

export function secretList (title: string, options: SchemaOptions = {}) {
  return Type.Array(Type.String({ minLength: 1, maxLength: MAX_SECRET }), { title, minItems: 1, maxItems: 20, ...options, ...SECRET })
}

export function plainText (options: StringOptions): TString {
  return Type.String({ minLength: 1, maxLength: 1024, ...options })
}

/** A host name or an address, without scheme, port or path. */
export function hostName (options: StringOptions = {}): TString {
  return Type.String({
    title: 'Host', minLength: 1, maxLength: 253, pattern: '^(?!.*[.][.])[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$|^[0-9A-Fa-f.]*:[0-9A-Fa-f:.]+$', examples: ['db.example.com'], ...options, ...DESTINATION
  })
}

export function portNumber (fallback: number) {
  return Type.Optional(Type.Integer({ title: 'Port', minimum: 1, maximum: 65_535, default: fallback, ...DESTINATION }))
}

export function webAddress (options: StringOptions): TString {
  return Type.String({ format: 'uri', pattern: '^https?://', maxLength: 2048, examples: ['https://api.example.com/v1/me'], ...options, ...DESTINATION })
}

export function isSecret (schema: TSchema): boolean {
  return schema['writeOnly'] === true
}

export function isDestination (schema: TSchema): boolean {
  return schema['x-destination'] === true
}

/** The names of the secret properties that are set. */
export function secretFieldsOf ({ data: { properties } }: CredentialType, data: CredentialData): string[] {
  return Object.keys(data).filter(name => properties[name] !== undefined && isSecret(properties[name]))
}

/** What may be shown. A property that the type does not know is not. */
export function publicDataOf ({ data: { properties } }: CredentialType, data: CredentialData): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).filter(([name]) => properties[name] !== undefined && !isSecret(properties[name])))
}

/**
 * Every text that must not be seen.
 * @param resolved names of properties whose values came from a secret store: somebody chose not to keep them here, whatever the type calls them
 */
export function secretsOf (type: CredentialType, data: CredentialData, resolved: readonly string[] = []): readonly string[] {
  const names = new Set([...secretFieldsOf(type, data), ...resolved])
  const own = [...names].flatMap(name => data[name]).filter(value => typeof value === 'string')
  return [...own, ...type.derivedSecrets?.(data) ?? []]
}
