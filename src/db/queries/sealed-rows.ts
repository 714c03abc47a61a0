import type { Sql } from '../client.ts'
import { rowsOf } from './rows.ts'

/** A row whose data key is wrapped by another key-encryption key than the current one. */
export interface SealedWith {
  readonly organizationId: string
  readonly credentialId: string
  readonly version: number
  readonly keyId: string
  readonly dataKey: Buffer
}

/** What stands for the organization in the associated data of what has none. */
export const NO_ORGANIZATION = '00000000-0000-0000-0000-000000000000'

/** Where sealed things lie, and what each is called in the associated data. */
export const SEALED_TABLES = [
  { table: 'credentials', id: 'id', organization: 'organization_id', field: 'content' },
  { table: 'credential_tokens', id: 'credential_id', organization: 'organization_id', field: 'tokens' },
  { table: 'event_subscriptions', id: 'id', organization: 'organization_id', field: 'content' },
  { table: 'sso_providers', id: 'id', organization: 'organization_id', field: 'ssoClient' },
  // Of people, who belong to no organization.
  { table: 'two_factor', id: 'user_id', organization: null, field: 'twoFactor' }
] as const
export type SealedTable = typeof SEALED_TABLES[number]

/** How many each key has wrapped. Across organizations: keys belong to the operator. */
export async function countByKey (sql: Sql, { table }: SealedTable): Promise<Array<{ keyId: string, count: number }>> {
  return rowsOf(await sql<Array<{ keyId: string, count: number }>>`select key_id as "keyId", count(*)::integer as count from ${sql(table)} where key_id is not null group by key_id order by key_id`)
}

/** Rows after this id that another key than `keyId` has wrapped, by id. */
export async function findSealedWithOthers (sql: Sql, { table, id, organization }: SealedTable, keyId: string, after: string, limit: number): Promise<SealedWith[]> {
  return rowsOf(await sql<SealedWith[]>`
    select ${organization === null ? sql`${NO_ORGANIZATION}::uuid` : sql(organization)} as "organizationId", ${sql(id)} as "credentialId", version, key_id as "keyId", data_key as "dataKey"
    from ${sql(table)} where key_id <> ${keyId} and ${sql(id)} > ${after} order by ${sql(id)} limit ${limit}`)
}

/** Writes the keys of rows that have not changed since they were read; what was sealed anew meanwhile is left alone. */
export async function replaceDataKeys (sql: Sql, { table, id }: SealedTable, keyId: string, rows: readonly SealedWith[]): Promise<number> {
  const texts = JSON.stringify(rows.map(row => ({ id: row.credentialId, version: row.version, key: row.dataKey.toString('base64') })))
  const changed = await sql`
    update ${sql(table)} t set key_id = ${keyId}, data_key = decode(x.key, 'base64')
    from json_to_recordset(${texts}::text::json) as x (id uuid, version integer, key text)
    where t.${sql(id)} = x.id and t.version = x.version and t.key_id <> ${keyId}
    returning t.version`
  return changed.length
}
