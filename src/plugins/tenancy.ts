import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Confinement, Database, TenantDb } from '../db/client.ts'
import { NO_GRANTS, type HeldGrants } from '../services/identity/grants.ts'
import type { Permissions } from '../services/identity/permissions.ts'
import type { Membership } from '../services/identity/sessions.ts'
import { MalformedRequest, NotFound, SsoRequired } from '../services/problems.ts'
import type { Credential } from './auth.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** For `onRequest` of a scope, after `authenticate`: the organization of the credential, picked by X-Organization-Id where there are several. */
    chooseOrganization: onRequestAsyncHookHandler
  }
  interface FastifyRequest {
    organizationId: string
    /** What the credential may do in the organization. */
    permissions: Permissions
    /** Rows of other organizations do not exist in it. */
    db: TenantDb
    /** What the credential may with single resources, beyond that. */
    grants: HeldGrants
    /** From here on `db` holds these of that kind, and no others. */
    confine (granted: Confinement): void
    /** For routes that name the organization in their path. Throws NotFound unless the credential belongs to it. */
    enterOrganization (organizationId: string): void
  }
}

/** Binds a request to one organization. */
export const tenancy = fp<{ database: Pick<Database, 'tenant'> }>(async function tenancyPlugin (app, { database }) {
  app.decorateRequest('organizationId', '')
  app.decorateRequest<TenantDb | null>('db', null)
  app.decorateRequest<Permissions | null>('permissions', null)
  app.decorateRequest<HeldGrants | null>('grants', null)
  app.decorateRequest('confine', function (this: FastifyRequest, granted: Confinement) {
    this.db = database.tenant(this.organizationId, granted)
  })
  app.decorateRequest('enterOrganization', function (this: FastifyRequest, organizationId: string) {
    const membership = membershipsOf(this.credential).find(candidate => candidate.organizationId === organizationId)
    if (membership === undefined) throw NotFound('organization with this id')
    enter(this, membership)
  })

  app.decorate('chooseOrganization', async function chooseOrganization (request) {
    const wanted = request.headers['x-organization-id']
    if (typeof wanted === 'string') request.enterOrganization(wanted.toLowerCase())
    else enter(request, onlyMembership(membershipsOf(request.credential)))
  })

  function enter (request: FastifyRequest, { organizationId, permissions, grants = NO_GRANTS, ssoRequired }: Membership): void {
    if (ssoRequired === true) throw SsoRequired()
    // A stream enters again and again: its log needs no more children.
    if (request.organizationId !== organizationId) request.log = request.log.child({ organizationId })
    request.organizationId = organizationId
    request.permissions = permissions
    request.grants = grants
    request.db = database.tenant(organizationId)
  }
}, { name: 'tenancy', fastify: '5.x', dependencies: ['auth'] })

function membershipsOf (credential: Credential): readonly Membership[] {
  return credential.type === 'session' ? credential.memberships : [credential]
}

function onlyMembership (memberships: readonly Membership[]): Membership {
  const [only, ...others] = memberships
  if (only === undefined) throw NotFound('organization of yours')
  if (others.length > 0) throw MalformedRequest('You belong to several organizations: name one in the header X-Organization-Id. GET /v1/organizations lists them.')
  return only
}
