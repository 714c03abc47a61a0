import { sql } from 'drizzle-orm'
import type { SealedSecret } from '../../lib/secret-box.ts'
import type { Executor } from '../client.ts'
import { auditInsert, type AuditEntry } from './audit-log.ts'
import { firstRow, instantText, rowsOf } from './rows.ts'

export interface ProviderSettings {
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly scopes: string[]
  /** Of addresses that are let in; none: all that the provider knows. */
  readonly allowedDomains: string[]
  readonly requireVerifiedEmail: boolean
  /** Whether who is new becomes a member. */
  readonly createMembers: boolean
  readonly defaultRole: string
  readonly enabled: boolean
}

export interface ProviderRow extends ProviderSettings {
  readonly id: string
  readonly organizationId: string
  /** Rises with each change. */
  readonly version: number
  readonly createdAt: string
  readonly updatedAt: string
}

export interface SealedProvider extends ProviderRow, SealedSecret {}

type Raw = Omit<SealedProvider, 'scopes' | 'allowedDomains'> & Record<string, unknown> & { readonly scopes: string, readonly allowedDomains: string }

const COLUMNS = sql`p.id, p.organization_id as "organizationId", p.name, p.issuer, p.client_id as "clientId", p.scopes, p.allowed_domains as "allowedDomains",
  p.require_verified_email as "requireVerifiedEmail", p.create_members as "createMembers", p.default_role as "defaultRole", p.enabled, p.version,
  ${instantText('p.created_at')} as "createdAt", ${instantText('p.updated_at')} as "updatedAt", p.key_id as "keyId", p.data_key as "dataKey", p.secret`

const words = (text: string): string[] => text === '' ? [] : text.split(' ')
const read = ({ scopes, allowedDomains, ...row }: Raw): SealedProvider => ({ ...row, scopes: words(scopes), allowedDomains: words(allowedDomains) })
const readOne = (rows: Iterable<Raw>): SealedProvider | undefined => {
  const row = firstRow(rows)
  return row && read(row)
}

/** Undefined where it would be one more than `most`. */
export async function insertProvider (db: Executor, organizationId: string, id: string, settings: ProviderSettings, { keyId, dataKey, secret }: SealedSecret, most: number, audit: AuditEntry): Promise<SealedProvider | undefined> {
  const { name, issuer, clientId, scopes, allowedDomains, requireVerifiedEmail, createMembers, defaultRole, enabled } = settings
  return readOne(await db.execute<Raw>(sql`
    with p as (
      insert into sso_providers (id, organization_id, name, issuer, client_id, scopes, allowed_domains, require_verified_email, create_members, default_role, enabled, version, key_id, data_key, secret)
      select ${id}::uuid, ${organizationId}::uuid, ${name}, ${issuer}, ${clientId}, ${scopes.join(' ')}, ${allowedDomains.join(' ')}, ${requireVerifiedEmail}::boolean, ${createMembers}::boolean,
        ${defaultRole}, ${enabled}::boolean, 1, ${keyId}, ${dataKey}::bytea, ${secret}::bytea
      where (select count(*) from sso_providers o where o.organization_id = ${organizationId}) < ${most}
      returning *
    ), audit as (${auditInsert(audit, 'p')})
    select ${COLUMNS} from p`))
}

/** Newest first. */
export async function listProviders (db: Executor, organizationId: string, limit: number, before?: string): Promise<SealedProvider[]> {
  return rowsOf(await db.execute<Raw>(sql`
    select ${COLUMNS} from sso_providers p
    where p.organization_id = ${organizationId} ${before === undefined ? sql.empty() : sql`and p.id < ${before}`} order by p.id desc limit ${limit}`)).map(read)
}

export async function findProvider (db: Executor, organizationId: string, id: string): Promise<SealedProvider | undefined> {
  return readOne(await db.execute<Raw>(sql`select ${COLUMNS} from sso_providers p where p.organization_id = ${organizationId} and p.id = ${id}`))
}

/** The same by its id alone, which is what an address of ours holds; only where it lets anybody in. */
export async function findEnabledProvider (db: Executor, id: string): Promise<SealedProvider | undefined> {
  return readOne(await db.execute<Raw>(sql`select ${COLUMNS} from sso_providers p where p.id = ${id} and p.enabled`))
}

/** What a page for signing in shows: the providers of the organization of this slug. */
export async function listProvidersOfSlug (db: Executor, slug: string): Promise<Array<{ id: string, name: string }>> {
  return rowsOf(await db.execute<{ id: string, name: string }>(sql`
    select p.id, p.name from sso_providers p join organizations o on o.id = p.organization_id where o.slug = ${slug} and p.enabled order by p.id`))
}

/** Only if it is still the version before. */
export async function updateProvider (db: Executor, organizationId: string, id: string, version: number, settings: ProviderSettings, { keyId, dataKey, secret }: SealedSecret, audit: AuditEntry): Promise<SealedProvider | undefined> {
  const { name, issuer, clientId, scopes, allowedDomains, requireVerifiedEmail, createMembers, defaultRole, enabled } = settings
  return readOne(await db.execute<Raw>(sql`
    with p as (
      update sso_providers set name = ${name}, issuer = ${issuer}, client_id = ${clientId}, scopes = ${scopes.join(' ')}, allowed_domains = ${allowedDomains.join(' ')},
        require_verified_email = ${requireVerifiedEmail}, create_members = ${createMembers}, default_role = ${defaultRole}, enabled = ${enabled},
        version = ${version}, key_id = ${keyId}, data_key = ${dataKey}::bytea, secret = ${secret}::bytea, updated_at = now()
      where organization_id = ${organizationId} and id = ${id} and version = ${version - 1} returning *
    ), audit as (${auditInsert(audit, 'p')})
    select ${COLUMNS} from p`))
}

/** With who somebody is there, and the sessions of that. */
export async function deleteProvider (db: Executor, organizationId: string, id: string, audit: AuditEntry): Promise<boolean> {
  return firstRow(await db.execute(sql`
    with p as (
      delete from sso_providers where organization_id = ${organizationId} and id = ${id} returning id
    ), audit as (${auditInsert(audit, 'p')})
    select id from p`)) !== undefined
}

/** Whether anybody could come in by one, but for this one. */
export async function hasEnabledProvider (db: Executor, organizationId: string, except: string | null): Promise<boolean> {
  return firstRow(await db.execute(sql`
    select id from sso_providers where organization_id = ${organizationId} and enabled and id is distinct from ${except}::uuid limit 1`)) !== undefined
}

/** Whether members other than owners have to come in by one. */
export async function ssoIsRequired (db: Executor, organizationId: string): Promise<boolean> {
  return firstRow(await db.execute(sql`select id from organizations where id = ${organizationId} and sso_required`)) !== undefined
}
