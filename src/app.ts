import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { LogController, type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Config } from './config.ts'
import type { Database } from './db/client.ts'
import type { Clock } from './lib/ids.ts'
import type { Keyring } from './lib/secret-box.ts'
import type { Buckets } from './lib/token-bucket.ts'
import { access, guard } from './plugins/access.ts'
import { accessTokens } from './plugins/access-tokens.ts'
import { auth } from './plugins/auth.ts'
import { browsers, protectBrowsers } from './plugins/browsers.ts'
import { createClientErrorHandler } from './plugins/client-error.ts'
import { errors, sendError } from './plugins/errors.ts'
import { health, type ReadinessChecks } from './plugins/health.ts'
import idempotency from './plugins/idempotency.ts'
import { jsonBody } from './plugins/json-body.ts'
import { metrics } from './plugins/metrics.ts'
import { notFound } from './plugins/not-found.ts'
import { openapi, openApiRoutes } from './plugins/openapi.ts'
import { credentialLimit, organizationLimit, PUBLIC_AUTH_LIMIT, rateLimits } from './plugins/rate-limit.ts'
import { requestLog } from './plugins/request-log.ts'
import { serialization } from './plugins/serialization.ts'
import { tenancy } from './plugins/tenancy.ts'
import { trustedProxies } from './plugins/trusted-proxies.ts'
import { validation } from './plugins/validation.ts'
import { websocket } from './plugins/websocket.ts'
import { accountRoutes } from './routes/account.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { auditLogRoutes } from './routes/audit-log.ts'
import { authRoutes } from './routes/auth.ts'
import { acceptanceRoutes, invitationRoutes, memberRoutes } from './routes/organization-members.ts'
import { grantRoutes } from './routes/grants.ts'
import { organizationRoutes } from './routes/organizations.ts'
import { organizationUsageRoutes } from './routes/organization-usage.ts'
import { organizationRoleRoutes } from './routes/organization-roles.ts'
import { identityRoutes } from './routes/identities.ts'
import { ssoProviderRoutes } from './routes/sso-providers.ts'
import { ssoRoutes } from './routes/sso.ts'
import { securityTextRoutes } from './routes/security-txt.ts'
import { twoFactorRoutes } from './routes/two-factor.ts'
import type { Secrets } from './secrets.ts'
import { auditTrail } from './services/audit-trail.ts'
import type { Identity } from './services/identity/identity.ts'
import type { Quotas } from './services/quotas/quotas.ts'

export interface AppDependencies {
  readonly config: Pick<Config, 'server' | 'auth'>
  readonly secrets: Pick<Secrets, 'jwtSecret' | 'previousJwtSecrets'>
  /** Seals what is kept of answers. */
  readonly keyring: Keyring
  readonly log: Logger
  readonly database: Database
  readonly clock: Clock
  readonly nextId: () => string
  readonly identity: Identity
  /** For limits that all API processes share. */
  readonly redis: Redis | null
  /** For limits of credentials. */
  readonly buckets: Buckets
  readonly quotas: Pick<Quotas, 'readRequestsPerMinute'>
  readonly registry: Registry
  readonly readiness: ReadinessChecks
  /** Scopes without credentials of an organization: ingestion, callbacks. */
  readonly publicRoutes?: readonly Mount[]
  /** Inside the organization scope below /v1: `request.organizationId`, `.permissions` and `.db` are set. */
  readonly tenantRoutes?: readonly Mount[]
  /** Below /v1/organizations, whose path names the organization. */
  readonly organizationRoutes?: readonly Mount[]
}

export interface Mount {
  readonly prefix: string
  readonly routes: FastifyPluginAsync
  /** Its answers get no headers for browsers but its own: ingestion, where each costs. */
  readonly forPrograms?: true
}

const REQUEST_TIMEOUT = 10_000
const BODY_LIMIT = 1_048_576
const MAX_HEADER_SIZE = 16_384
const MAX_PARAM_LENGTH = 512

/** The HTTP side of the service. Order and scope are its security model, so every plugin stands here by name. */
export async function buildApp (deps: AppDependencies): Promise<FastifyInstance> {
  const { config: { server, auth: { accessLifetime } }, clock, nextId, identity } = deps
  const app = createServer(deps)

  await app.register(errors)
  await app.register(requestLog)
  await app.register(validation)
  await app.register(serialization)
  await app.register(notFound)
  await app.register(openapi, { publicUrl: server.publicUrl })
  await app.register(rateLimits, { redis: deps.redis })
  await app.register(accessTokens, { secret: deps.secrets.jwtSecret, previousSecrets: deps.secrets.previousJwtSecrets, lifetime: accessLifetime, clock, nextId })
  await app.register(auth, { identity })
  await app.register(tenancy, { database: deps.database })
  await app.register(access)
  await app.register(metrics, { registry: deps.registry })
  await app.register(websocket)

  await app.register(browsers, server)

  // Answers of webhooks are programs' business: they say for themselves what browsers may do with them.
  for (const { prefix, routes } of (deps.publicRoutes ?? []).filter(isForPrograms)) await app.register(routes, { prefix })
  await app.register(async function browserScope (scope) {
    await protectBrowsers(scope, server)
    await scope.register(health, { checks: deps.readiness })
    await scope.register(openApiRoutes, { publicUrl: server.publicUrl })
    await scope.register(securityTextRoutes, { prefix: '/.well-known', contact: server.securityContact, publicUrl: server.publicUrl, clock })
    for (const { prefix, routes } of (deps.publicRoutes ?? []).filter(mount => !isForPrograms(mount))) await scope.register(routes, { prefix })
    await scope.register(async v1 => { await registerApi(v1, deps) }, { prefix: '/v1' })
  })
  return app
}

function isForPrograms (mount: Mount): boolean {
  return mount.forPrograms === true
}

async function registerApi (v1: FastifyInstance, { config, keyring, identity, database, buckets, quotas, clock, tenantRoutes, organizationRoutes: inPath }: AppDependencies): Promise<void> {
  await v1.register(jsonBody)
  v1.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  })

  await v1.register(async function publicScope (scope) {
    scope.addHook('onRequest', scope.rateLimit(PUBLIC_AUTH_LIMIT))
    await scope.register(authRoutes, { prefix: '/auth', identity })
    await scope.register(ssoRoutes, { prefix: '/auth/sso', identity, secure: config.server.publicUrl?.startsWith('https:') === true })
  })

  await v1.register(async function credentialScope (scope) {
    guard(scope, 'credential')
    await scope.register(credentialLimit, { requestsPerMinute: config.server.rateLimit, buckets })
    await scope.register(idempotency, { sql: database.service, keyring })
    await scope.register(accountRoutes, { prefix: '/auth', identity })
    await scope.register(twoFactorRoutes, { prefix: '/auth/me/two-factor', identity })
    await scope.register(identityRoutes, { prefix: '/auth/me/identities', identity })
    await scope.register(organizationRoutes, { prefix: '/organizations', identity })
    await scope.register(organizationUsageRoutes, { prefix: '/organizations', now: clock })
    await scope.register(organizationRoleRoutes, { prefix: '/organizations', identity })
    await scope.register(memberRoutes, { prefix: '/organizations', identity })
    await scope.register(ssoProviderRoutes, { prefix: '/organizations', identity })
    await scope.register(invitationRoutes, { prefix: '/organizations', identity })
    await scope.register(acceptanceRoutes, { prefix: '/invitations', identity })
    for (const { prefix, routes } of inPath ?? []) await scope.register(routes, { prefix })

    await scope.register(async function organizationScope (tenant) {
      guard(tenant, 'organization')
      await tenant.register(organizationLimit, { buckets, quotas })
      await tenant.register(apiKeyRoutes, { prefix: '/api-keys', identity })
      await tenant.register(grantRoutes, { prefix: '/workflows', grants: identity.grants, kind: 'workflow' })
      await tenant.register(grantRoutes, { prefix: '/credentials', grants: identity.grants, kind: 'credential' })
      await tenant.register(auditLogRoutes, { prefix: '/audit-log', audit: auditTrail })
      for (const { prefix, routes } of tenantRoutes ?? []) await tenant.register(routes, { prefix })
    })
  })
}

function createServer ({ log, nextId, config: { server } }: AppDependencies): FastifyInstance {
  const app = Fastify({
    loggerInstance: log,
    // The plugin request-log writes one line a request.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: nextId,
    trustProxy: trustedProxies(server.trustProxy),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    http: { maxHeaderSize: MAX_HEADER_SIZE },
    frameworkErrors: (error, request, reply) => { sendError(error, request as never, reply as never) },
    clientErrorHandler: createClientErrorHandler(nextId)
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.removeAllContentTypeParsers()
  // Paths that nobody registered answer 404 whatever their body is; scopes with routes choose their parsers.
  app.addContentTypeParser('*', (_request, payload, done) => { payload.resume(); done(null) })
  return app as unknown as FastifyInstance
}
