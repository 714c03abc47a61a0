import rateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Redis } from 'ioredis'
import type { Buckets } from '../lib/token-bucket.ts'
import { storeWithFallback } from './rate-limit-store.ts'
import { sha256 } from '../services/identity/tokens.ts'
import { TooManyRequests } from '../services/problems.ts'
import type { Quotas } from '../services/quotas/quotas.ts'
import { limitOf, takeAll } from '../services/rate-limit.ts'

export interface RateLimitOptions {
  /** Shared by all API processes; without it each counts for itself. */
  readonly redis: Redis | null
}

declare module 'fastify' {
  interface FastifyInstance {
    accountAttempts: AccountAttempts
  }
}

/** Guesses at one account's password, from wherever they come. Successes are not counted, so nobody locks out a person who knows it for long. */
export interface AccountAttempts {
  /** Throws TooManyRequests. */
  check (request: FastifyRequest, account: string): Promise<void>
  countFailure (request: FastifyRequest, account: string): Promise<void>
}

const WINDOW = 60_000
const MAX_FAILURES_OF_ACCOUNT = 20
const MAX_ADDRESSES = 20_000

/** For `config.rateLimit` of routes that anyone can reach and that cost a password hash. Per address and minute. */
export const PUBLIC_AUTH_LIMIT = { max: 300, timeWindow: WINDOW, groupId: 'auth' } as const

/** Counts requests. Scopes and routes choose what they limit; while Redis is away each process counts for itself. */
export const rateLimits = fp<RateLimitOptions>(async function rateLimitPlugin (app, { redis }) {
  await app.register(rateLimit, {
    global: false,
    cache: MAX_ADDRESSES,
    ...(redis === null ? {} : { store: storeWithFallback(redis, 'weconnect-rate:', MAX_ADDRESSES) }),
    skipOnError: true,
    errorResponseBuilder: (_request, { ttl }) => TooManyRequests(Math.max(1, Math.ceil(ttl / 1000)))
  })

  const failures = new WeakMap<FastifyRequest, string>()
  const limit = app.createRateLimit({ max: MAX_FAILURES_OF_ACCOUNT, timeWindow: WINDOW, keyGenerator: request => `account:${failures.get(request) ?? ''}` })
  const keyOf = (account: string): string => sha256(account.trim().toLowerCase()).toString('base64url')

  app.decorate('accountAttempts', {
    async check (request, account) {
      failures.set(request, keyOf(account))
      const state = await limit(request, { increment: false })
      if (!state.isAllowed && state.remaining === 0) throw TooManyRequests(Math.max(1, state.ttlInSeconds))
    },
    async countFailure (request, account) {
      failures.set(request, keyOf(account))
      await limit(request)
    }
  })
}, { name: 'rate-limits', fastify: '5.x' })

/**
 * Limits what one credential may ask of a scope, and tells it what is left; register it inside that scope, after `authenticate`.
 * A bucket: as many as in a minute at once, then what comes back evenly.
 */
export const credentialLimit = fp<{ requestsPerMinute: number, buckets: Buckets }>(async function credentialLimitPlugin (app, { requestsPerMinute, buckets }) {
  if (requestsPerMinute === 0) return
  app.addHook('onRequest', async ({ credential }, reply) => {
    const key = credential.type === 'apiKey' ? `key:${credential.keyId}` : `user:${credential.userId}`
    reply.headers(await takeAll(buckets, [limitOf('credential', key, requestsPerMinute, WINDOW)]))
  })
}, { name: 'credential-limit', fastify: '5.x', dependencies: ['rate-limits', 'auth'] })

/**
 * Limits what is asked in the name of one organization, where the operator has set that. Not the bucket of its webhooks: whoever knows
 * the address of an open one could empty it, and its members could not even unpublish it.
 */
export const organizationLimit = fp<{ quotas: Pick<Quotas, 'readRequestsPerMinute'>, buckets: Buckets }>(async function organizationLimitPlugin (app, { quotas, buckets }) {
  app.addHook('onRequest', async ({ organizationId }, reply) => {
    const rate = await quotas.readRequestsPerMinute(organizationId)
    if (rate !== undefined) reply.headers(await takeAll(buckets, [limitOf('organization', `organization-api:${organizationId}`, rate, WINDOW)]))
  })
}, { name: 'organization-limit', fastify: '5.x', dependencies: ['rate-limits', 'tenancy'] })
