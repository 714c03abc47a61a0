import type { FastifyInstance, FastifyReply, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { PUBLIC, type RouteAccess } from '../schemas/access.ts'
import type { Permission } from '../services/identity/permissions.ts'
import { enterByGrant } from './enter-by-grant.ts'
import { NotFound, PermissionMissing, SsoSession } from '../services/problems.ts'

/** Which hooks stand before the routes of a scope: none, the one that asks for a credential, and the one that finds its organization. */
type Scope = 'open' | 'credential' | 'organization'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Never left out: the application refuses to start. */
    access: RouteAccess
  }
  interface FastifyInstance {
    readonly accessScope: Scope
    /** For scopes with routes of a library, which cannot declare anything. */
    readonly accessOfStrangers: RouteAccess | undefined
  }
  interface FastifyRequest {
    /** For what a route finds out only later that it needs. Throws PermissionMissing. */
    requirePermission (permission: Permission): void
    /** For streams of the organization scope, while they are open: whether the credential may still have them. Throws the problems of whoever comes now. */
    demandAccessAgain (reply: FastifyReply): Promise<void>
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The route table: takes the `config.access` of every route, refuses to start where one is missing or where nothing in front
 * of the route asks for what it says, and puts the check before the route. Register it before any route.
 */
export const access = fp(async function accessPlugin (app) {
  app.decorate('accessScope', 'open')
  app.decorate('accessOfStrangers', undefined)
  app.decorateRequest('requirePermission', function (permission) {
    if (!this.permissions.has(permission)) throw PermissionMissing(permission)
  })

  app.decorateRequest('demandAccessAgain', async function (reply) {
    const { access: declared } = this.routeOptions.config
    await app.authenticate(this, reply)
    this.enterOrganization(this.organizationId)
    await (declared === undefined ? undefined : checkOf(declared))?.call(app, this, reply)
  })

  app.addHook('onRoute', function (route) {
    const declared = route.config?.access ?? (isPreflight(route) ? PUBLIC : this.accessOfStrangers)
    const name = `${[route.method].flat().join(',')} ${route.url}`
    if (declared === undefined) throw new Error(`The route ${name} does not declare config.access, so nobody knows who may use it`)
    if (!fits(declared, this.accessScope)) {
      throw new Error(`The route ${name} declares ${JSON.stringify(declared)}, which nothing in its scope (${this.accessScope}) asks for`)
    }
    if ('permission' in declared && declared.organization === 'path' && !route.url.includes('/:id')) throw new Error(`The route ${name} has no :id that names its organization`)
    const check = checkOf(declared)
    if (check === undefined) return
    route.onRequest = [...[route.onRequest ?? []].flat(), check]
  })
}, { name: 'access', fastify: '5.x', dependencies: ['auth', 'tenancy'] })

/** The route that @fastify/cors registers, so that preflights reach its hook. It answers nothing else. */
function isPreflight ({ method, url }: { readonly method: string | string[], readonly url: string }): boolean {
  return method === 'OPTIONS' && url === '*'
}

/** Puts the hook in front of a scope, and says so to the table. */
export function guard (scope: FastifyInstance, kind: 'credential' | 'organization'): void {
  scope.decorate('accessScope', kind)
  scope.addHook('onRequest', kind === 'credential' ? scope.authenticate : scope.chooseOrganization)
}

function fits ({ auth, organization }: RouteAccess, scope: Scope): boolean {
  if (auth === 'public' || auth === 'ticket') return scope === 'open'
  return organization === 'credential' ? scope === 'organization' : scope === 'credential'
}

/** Undefined where nothing is to be checked, so that open routes have no hook at all. */
function checkOf (declared: RouteAccess): onRequestAsyncHookHandler | undefined {
  if (declared.auth === 'public' || declared.auth === 'ticket' || declared.organization === 'own') return undefined
  const { auth } = declared
  return async request => {
    const session = auth === 'session' ? request.session() : undefined
    if (declared.organization === 'none') {
      // Else who runs an organization's provider could act for its members wherever else they are.
      if (session?.organizationId != null && declared.vouched !== true) throw SsoSession()
      return
    }
    if (declared.organization === 'path') {
      const { id } = request.params as { id?: string }
      // Left to the validation of the parameters, which names what is wrong; it comes before anything is done.
      if (id !== undefined && !UUID.test(id)) return
      if (id === undefined) throw NotFound('organization with this id')
      request.enterOrganization(id)
    }
    if (request.permissions.has(declared.permission)) return
    if (declared.grantedBy === undefined) throw PermissionMissing(declared.permission)
    await enterByGrant(request, declared.permission, declared.grantedBy)
  }
}
