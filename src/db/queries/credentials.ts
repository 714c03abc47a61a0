import { sql, type SQL } from 'drizzle-orm'
import type { SecretReferences } from '../../engine/credentials/index.ts'
import type { SealedSecret } from '../../lib/secret-box.ts'
import type { Executor, Sql } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

/** What may be shown of one. */
export interface CredentialRow extends Record<string, unknown> {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly version: number
  readonly publicData: Readonly<Record<string, unknown>>
  readonly secretFields: readonly string[]
  readonly allowedHosts: readonly string[] | null
  readonly secretReferences: SecretReferences | null
  readonly createdBy: string | null
  readonly createdAt: string
  readonly updatedAt: string
  /** Of what an authorization server gave. */
  readonly connection: { readonly version: number, readonly expiresAt: string | null, readonly fault: string | null } | null
}

export interface SealedRow extends Record<string, unknown> {
  readonly type: string
  readonly version: number
  readonly keyId: string
  readonly dataKey: Buffer
  readonly secret: Buffer
}

/** Everything that a save writes. */
export interface CredentialContent extends SealedSecret {
  readonly id: string
  readonly name: string
  readonly version: number
  /** JSON texts. */
  readonly publicData: string
  readonly secretFields: string
  readonly allowedHosts: string | null
  readonly secretReferences: string | null
}

export interface CredentialFilter {
  readonly type?: string | undefined
  /** Rows before this id. */
  readonly before?: string | undefined
  readonly limit: number
}

export const CREDENTIAL_USED = 'credential_uses_credential_fkey'

const COLUMNS = sql`c.id, c.type, c.name, c.version, c.public_data as "publicData", c.secret_fields as "secretFields", c.allowed_hosts as "allowedHosts", c.secret_references as "secretReferences",
  c.created_by as "createdBy", ${instantText('c.created_at')} as "createdAt", ${instantText('c.updated_at')} as "updatedAt",
  (select json_build_object('version', k.version, 'expiresAt', ${instantText('k.expires_at')}, 'fault', k.fault) from credential_tokens k where k.organization_id = c.organization_id and k.credential_id = c.id) as connection`

/** Newest first. */
export async function listCredentials (db: Executor, organizationId: string, { type, before, limit }: CredentialFilter): Promise<CredentialRow[]> {
  const conditions: SQL[] = [sql`c.organization_id = ${organizationId}`]
  if (type !== undefined) conditions.push(sql`c.type = ${type}`)
  if (before !== undefined) conditions.push(sql`c.id < ${before}`)
  return rowsOf(await db.execute<CredentialRow>(sql`
    select ${COLUMNS} from credentials c where ${sql.join(conditions, sql` and `)} order by c.id desc limit ${limit}`))
}

export async function findCredential (db: Executor, organizationId: string, id: string): Promise<CredentialRow | undefined> {
  return firstRow(await db.execute<CredentialRow>(sql`select ${COLUMNS} from credentials c where c.organization_id = ${organizationId} and c.id = ${id}`))
}

/** With what the vault opens, for changes of a part. */
export async function findSealedCredential (db: Executor, organizationId: string, id: string): Promise<CredentialRow & SealedRow | undefined> {
  return firstRow(await db.execute<CredentialRow & SealedRow>(sql`
    select ${COLUMNS}, c.key_id as "keyId", c.data_key as "dataKey", c.secret from credentials c where c.organization_id = ${organizationId} and c.id = ${id}`))
}

/** The same for whoever runs executions. */
export async function loadSealedCredential (db: Sql, organizationId: string, id: string): Promise<SealedRow | undefined> {
  return firstRow(await db<SealedRow[]>`
    select type, version, key_id as "keyId", data_key as "dataKey", secret from credentials where organization_id = ${organizationId} and id = ${id}`)
}

/** The types of those that exist in the organization, by id. */
export async function findCredentialTypes (db: Executor, organizationId: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = rowsOf(await db.execute<{ id: string, type: string }>(sql`
    select c.id, c.type from credentials c
    where c.organization_id = ${organizationId} and c.id in (select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::text::json))`))
  return new Map(rows.map(({ id, type }) => [id, type]))
}

export async function insertCredential (db: Executor, organizationId: string, type: string, content: CredentialContent, createdBy: string | null, audit: AuditEntry): Promise<CredentialRow> {
  const { id, name, version, keyId, dataKey, secret, publicData, secretFields, allowedHosts, secretReferences } = content
  const row = firstRow(await db.execute<CredentialRow>(sql`
    with c as (
      insert into credentials (id, organization_id, type, name, version, key_id, data_key, secret, public_data, secret_fields, allowed_hosts, secret_references, created_by)
      values (${id}, ${organizationId}, ${type}, ${name}, ${version}, ${keyId}, ${dataKey}, ${secret},
        ${publicData}::text::json, ${secretFields}::text::json, ${allowedHosts}::text::json, ${secretReferences}::text::json, ${createdBy}::uuid)
      returning *
    ), audit as (${auditInsert(audit, 'c')})
    select ${COLUMNS} from c`))
  if (row === undefined) throw new Error('The insert of a credential returned nothing')
  return row
}

/** Writes if it is still the version before; else changes nothing and answers undefined. */
export async function updateCredential (db: Executor, organizationId: string, content: CredentialContent, audit: AuditEntry): Promise<CredentialRow | undefined> {
  const { id, name, version, keyId, dataKey, secret, publicData, secretFields, allowedHosts, secretReferences } = content
  return firstRow(await db.execute<CredentialRow>(sql`
    with c as (
      update credentials c set name = ${name}, version = ${version}, key_id = ${keyId}, data_key = ${dataKey}, secret = ${secret},
        public_data = ${publicData}::text::json, secret_fields = ${secretFields}::text::json, allowed_hosts = ${allowedHosts}::text::json, secret_references = ${secretReferences}::text::json,
        updated_at = greatest(now(), c.updated_at)
      where c.organization_id = ${organizationId} and c.id = ${id} and c.version = ${version - 1}
      returning *
    ), audit as (${auditInsert(audit, 'c')})
    select ${COLUMNS} from c`))
}

/** Fails with a violation of CREDENTIAL_USED where a published workflow uses it. */
export async function deleteCredential (db: Executor, organizationId: string, id: string, version: number, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with c as (
      delete from credentials c where c.organization_id = ${organizationId} and c.id = ${id} and c.version = ${version} returning c.id
    ), audit as (${auditInsert(audit, 'c')})
    select id from c`)) !== undefined
}

/** Puts the credentials of a workflow's published version in the place of those before; none where nothing is published. */
export async function replaceCredentialUses (db: Executor, organizationId: string, workflowId: string, credentialIds: readonly string[]): Promise<void> {
  await db.execute(sql`delete from credential_uses where organization_id = ${organizationId} and workflow_id = ${workflowId}`)
  if (credentialIds.length === 0) return
  await db.execute(sql`
    insert into credential_uses (organization_id, workflow_id, credential_id)
    select distinct ${organizationId}::uuid, ${workflowId}::uuid, value::uuid from json_array_elements_text(${JSON.stringify(credentialIds)}::text::json)`)
}

export async function findCredentialUses (db: Executor, organizationId: string, id: string, limit: number): Promise<Array<{ id: string, name: string }>> {
  return rowsOf(await db.execute<{ id: string, name: string }>(sql`
    select w.id, w.name from credential_uses u join workflows w on w.id = u.workflow_id and w.organization_id = u.organization_id
    where u.organization_id = ${organizationId} and u.credential_id = ${id} order by w.id limit ${limit}`))
}
