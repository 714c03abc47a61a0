import type { CredentialType } from './credential-type.ts'
import { basic, bearer, clientCertificate, header, query, signingKey, webhookSecret } from './http-types.ts'
import { oauth2 } from './oauth2-type.ts'
import { aws, mysql, postgres, redis, smtp } from './service-types.ts'

export { hostIsAllowed } from './allowed-hosts.ts'
export { publicDataOf, secretFieldsOf, secretsOf } from './credential-type.ts'
export { dataIssues, referenceIssues, withResolved } from './secret-references.ts'
export type { SecretReference, SecretReferences } from './secret-references.ts'
export type { Credential, CredentialData, CredentialType, DataIssue } from './credential-type.ts'

const TYPES: readonly CredentialType[] = [bearer, basic, header, query, oauth2, webhookSecret, signingKey, clientCertificate, postgres, mysql, redis, smtp, aws]

/** The types of credentials by name, in the order in which they are shown. */
export const credentialTypes: ReadonlyMap<string, CredentialType> = new Map(TYPES.map(type => [type.type, type]))
