import { createHash } from 'node:crypto'
import { violatedConstraint } from '../../db/errors.ts'
import type { TenantDb } from '../../db/client.ts'
import * as deletions from '../../db/queries/delete-organization.ts'
import { listMemberIds } from '../../db/queries/members.ts'
import * as queries from '../../db/queries/organizations.ts'
import type { OrganizationChange, OrganizationRow } from '../../db/queries/organizations.ts'
import { hasEnabledProvider } from '../../db/queries/sso-providers.ts'
import { by, type Origin } from '../audit.ts'
import { Conflict, InvalidInput, NotFound, PreconditionFailed } from '../problems.ts'
import { etagOf, requireMatch, type Precondition } from '../workflows/precondition.ts'
import { withFreeSlug } from './accounts.ts'
import type { ApiKeys } from './api-keys.ts'
import type { IdentityDependencies } from './identity.ts'
import type { Sessions } from './sessions.ts'
import { slugOf } from './slug.ts'

/** Executions that one statement deletes: it holds a connection for that long. */
const BATCH = 1000
const NO_PROVIDER = { pointer: '/ssoRequired', message: 'needs an identity provider that is enabled: else nobody but owners could come in', code: 'WC_SSO_NO_PROVIDER' }

export interface Organizations {
  create (ownerId: string, name: string, origin: Origin): Promise<OrganizationRow>
  listOfUser (userId: string, limit: number, before?: string): Promise<OrganizationRow[]>
  read (db: TenantDb): Promise<OrganizationRow>
  update (db: TenantDb, change: OrganizationChange, origin: Origin, precondition?: Precondition): Promise<OrganizationRow>
  /** With everything in it. What is many rows goes a little later. */
  delete (organizationId: string, origin: Origin): Promise<void>
  /** Goes on with that, in batches, until all is gone. */
  deleteLeftovers (): Promise<void>
}

/** Of all that may change, so that two changes within a millisecond have tags of their own. */
export function organizationTag ({ name, slug, concurrencyLimit, auditRetentionDays, ssoRequired, updatedAt }: OrganizationRow): string {
  return etagOf({ revision: createHash('sha256').update(JSON.stringify([name, slug, concurrencyLimit, auditRetentionDays, ssoRequired, updatedAt])).digest('base64url') })
}

export function createOrganizations ({ db, service, nextId, onDeleted, onBackgroundError }: IdentityDependencies, sessions: Sessions, apiKeys: ApiKeys): Organizations {
  async function deleteLeftovers (): Promise<void> {
    for (const organizationId of await deletions.deletedOrganizations(service)) {
      while (await deletions.deleteLeftovers(service, organizationId, BATCH) > 0);
    }
  }

  async function read (tenant: TenantDb): Promise<OrganizationRow> {
    const organization = await tenant.run(async tx => await queries.findOrganization(tx, tenant.organizationId))
    if (organization === undefined) throw NotFound('organization with this id')
    return organization
  }

  return {
    read,
    async create (ownerId, name, origin) {
      const id = nextId()
      const title = name.trim()
      await withFreeSlug(slugOf(title), async slug => {
        await queries.insertOrganization(db, { id, name: title, slug }, ownerId, {
          id: nextId(), organizationId: id, ...by(origin), action: 'organization.created', targetType: 'organization', targetId: id, after: { name: title, slug, ownerId }
        })
      })
      await sessions.forget(ownerId)
      const created = await queries.findOrganization(db, id)
      if (created === undefined) throw NotFound('organization with this id')
      return created
    },
    listOfUser: async (userId, limit, before) => await queries.listOrganizationsOfUser(db, userId, limit, before),
    async update (tenant, change, origin, precondition) {
      const { organizationId } = tenant
      const current = await read(tenant)
      requireMatch(precondition, organizationTag(current))
      const { name, slug, concurrencyLimit, auditRetentionDays, ssoRequired } = current
      if (change.ssoRequired === true && !await tenant.run(async tx => await hasEnabledProvider(tx, organizationId, null))) throw InvalidInput([NO_PROVIDER])
      const audit = {
        id: nextId(), organizationId, ...by(origin), action: 'organization.updated', targetType: 'organization', targetId: organizationId, before: { name, slug, concurrencyLimit, auditRetentionDays, ssoRequired }, after: change
      }
      try {
        const known = precondition === undefined ? undefined : current
        const changed = await tenant.run(async tx => await queries.updateOrganization(tx, organizationId, change, audit, known))
        if (!changed) throw PreconditionFailed(organizationTag(await read(tenant)))
      } catch (error) {
        if (violatedConstraint(error) === 'organizations_slug_key') throw Conflict('Another organization has this slug. Choose another one.')
        throw error
      }
      if (change.ssoRequired !== undefined) await sessions.forgetMembers(organizationId)
      return await read(tenant)
    },
    async delete (organizationId, origin) {
      const people = await listMemberIds(db, organizationId)
      if (!await deletions.deleteOrganization(db, organizationId)) throw NotFound('organization with this id')
      onDeleted(organizationId, origin)
      await sessions.forget(...people)
      apiKeys.forget(organizationId)
      deleteLeftovers().catch(onBackgroundError)
    },
    deleteLeftovers
  }
}
