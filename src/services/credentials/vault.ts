import type { SealedRow } from '../../db/queries/credentials.ts'
import type { CredentialData, SecretReferences } from '../../engine/credentials/index.ts'
import { open, seal, type Keyring, type SealedSecret } from '../../lib/secret-box.ts'

/** All that is sealed of a credential: also what may be shown, so that nobody can change where it goes beside the vault. */
export interface SealedContent {
  readonly data: CredentialData
  readonly allowedHosts: readonly string[] | null
  /** Of what is not in `data`, but in the operator's secret store. */
  readonly secretReferences?: SecretReferences | undefined
}

/** What an authorization server gave, and for which places: a credential that may go elsewhere now must be connected again. */
export interface SealedTokens {
  readonly accessToken: string
  readonly refreshToken: string | null
  readonly scope: string | null
  /** Of the client, and where it may be used. */
  readonly client: string
  readonly allowedHosts: readonly string[] | null
}

/** Whose it is: a secret opens nowhere else, and as no other version. */
export interface CredentialPlace {
  readonly organizationId: string
  readonly credentialId: string
  readonly version: number
}

/** What is sealed: a credential itself, the tokens that it was given, the second factor of a person, or the client at an identity provider. */
export type SealedField = 'content' | 'tokens' | 'twoFactor' | 'ssoClient'

export interface Vault {
  seal (place: CredentialPlace, content: SealedContent): Promise<SealedSecret>
  /** Throws SecretBoxError. */
  open (place: CredentialPlace, sealed: SealedRow): Promise<SealedContent>
  sealTokens (place: CredentialPlace, tokens: SealedTokens): Promise<SealedSecret>
  /** Throws SecretBoxError. */
  openTokens (place: CredentialPlace, sealed: SealedSecret): Promise<SealedTokens>
}

export function createVault (keyring: Keyring): Vault {
  const sealAs = async (field: SealedField, place: CredentialPlace, content: object): Promise<SealedSecret> =>
    await seal(keyring, Buffer.from(JSON.stringify(content)), partsOf(field, place))
  const openAs = async (field: SealedField, place: CredentialPlace, sealed: SealedSecret): Promise<unknown> =>
    JSON.parse((await open(keyring, sealed, partsOf(field, place))).toString())
  return {
    seal: async (place, content) => await sealAs('content', place, content),
    open: async (place, sealed) => await openAs('content', place, sealed) as SealedContent,
    sealTokens: async (place, tokens) => await sealAs('tokens', place, tokens),
    openTokens: async (place, sealed) => await openAs('tokens', place, sealed) as SealedTokens
  }
}

/** Associated data of what is sealed. */
export function partsOf (field: SealedField, { organizationId, credentialId, version }: CredentialPlace): readonly string[] {
  return [organizationId, credentialId, field, String(version)]
}
