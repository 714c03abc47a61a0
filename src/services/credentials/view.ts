import type { CredentialRow } from '../../db/queries/credentials.ts'
import { publicDataOf, secretFieldsOf, type CredentialType, type SecretReference } from '../../engine/credentials/index.ts'
import { etagOf } from '../workflows/precondition.ts'
import type { Tagged } from '../workflows/view.ts'
import type { SealedContent } from './vault.ts'

/** What is shown of a credential: never a secret, nor anything made from one. */
export interface CredentialView {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly data: Record<string, unknown>
  readonly secretFields: string[]
  readonly secretReferences: Record<string, SecretReference>
  readonly allowedHosts: string[] | null
  readonly version: number
  readonly createdBy: string | null
  readonly createdAt: string
  readonly updatedAt: string
  /** Of credentials that are given tokens; null for others. */
  readonly connection: { readonly status: 'none' | 'connected' | 'broken', readonly expiresAt: string | null } | null
}

export function viewOf ({ id, type, name, publicData, secretFields, secretReferences, allowedHosts, version, createdBy, createdAt, updatedAt, connection }: CredentialRow): CredentialView {
  return { id, type, name, data: { ...publicData }, secretFields: [...secretFields], secretReferences: { ...secretReferences }, allowedHosts: allowedHosts === null ? null : [...allowedHosts], version, createdBy, createdAt, updatedAt, connection: type === 'oauth2' ? connectionOf(connection) : null }
}

function connectionOf (connection: CredentialRow['connection']): CredentialView['connection'] {
  if (connection === null || connection.version === 0) return { status: 'none', expiresAt: null }
  return connection.fault === null ? { status: 'connected', expiresAt: connection.expiresAt } : { status: 'broken', expiresAt: null }
}

export function taggedView (row: CredentialRow): Tagged<CredentialView> {
  return { etag: etagOf({ revision: String(row.version) }), value: viewOf(row) }
}

export function auditView (typeName: string, name: string, type: CredentialType, { data, allowedHosts, secretReferences = {} }: SealedContent): object {
  return { type: typeName, name, data: publicDataOf(type, data), secretFields: secretFieldsOf(type, data), secretReferences, allowedHosts }
}
