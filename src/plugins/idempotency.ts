import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Sql } from '../db/client.ts'
import { claimKey, deleteExpiredKeys, releaseKey, storeAnswer } from '../db/queries/idempotency-keys.ts'
import { open, seal, SecretBoxError, type Keyring, type SealedSecret } from '../lib/secret-box.ts'
import { Conflict, IdempotencyKeyInFlight, IdempotencyKeyReused, InvalidInput, Unavailable } from '../services/problems.ts'

export interface IdempotencyOptions {
  /** The service's: the keys are out of reach for tenants. */
  readonly sql: Sql
  /** What answers that hold secrets are sealed with: they open as long as a key that is being replaced is still known. */
  readonly keyring: Keyring
}

const HEADER = 'idempotency-key'
const KEY = /^[\x20-\x7e]{1,255}$/
const KEPT_HEADERS = ['content-type', 'content-disposition', 'etag', 'location', 'x-execution-id']
const RETRY_SECONDS = 1
const PURGE_INTERVAL = 3_600_000

/**
 * On routes with `config.idempotent`, a request with a key that was seen in the last 24 h gets the answer of the
 * first one. The answer is stored before it is sent; answers that say nothing about the request free the key.
 */
export default fp<IdempotencyOptions>(async function idempotencyPlugin (app, { sql, keyring }) {
  app.decorateRequest('idempotencyClaim', null)

  app.addHook('onRoute', documentHeader)

  app.addHook('preHandler', async (request, reply) => {
    const given = request.headers[HEADER]
    const { idempotent } = request.routeOptions.config
    if (idempotent === undefined || idempotent === false || given === undefined) return undefined
    const key = String(given)
    if (!KEY.test(key)) {
      throw InvalidInput([{ pointer: `/headers/${HEADER}`, message: 'must have 1 to 255 printable ASCII characters', code: 'WC_INVALID_FORMAT' }])
    }
    const claim = await claimKey(sql, scopeOf(request), key, fingerprint(request))
    switch (claim.state) {
      case 'otherRequest': throw IdempotencyKeyReused()
      case 'inFlight': throw IdempotencyKeyInFlight(RETRY_SECONDS)
      case 'claimed':
        request.idempotencyClaim = { key, token: claim.token }
        return undefined
      case 'answered':
        return reply.code(claim.answer.status).headers(claim.answer.headers).header('idempotent-replayed', 'true').send(idempotent === 'sealed' ? await opened(keyring, request, key, claim.answer.body) : claim.answer.body)
    }
  })

  app.addHook('onSend', async (request, reply, payload) => {
    const claim = request.idempotencyClaim
    if (claim === null) return payload
    request.idempotencyClaim = null
    const body = textOf(payload)
    try {
      if (body === undefined || isTransient(reply.statusCode)) {
        await releaseKey(sql, scopeOf(request), claim.key, claim.token)
      } else {
        const kept = request.routeOptions.config.idempotent === 'sealed' ? await sealed(keyring, request, claim.key, body) : body
        await storeAnswer(sql, scopeOf(request), claim.key, claim.token, { status: reply.statusCode, headers: keptHeaders(reply), body: kept })
      }
    } catch (error) {
      // What the request did is done and the client must hear of it; until the claim expires, repetitions are refused.
      request.log.error({ err: error }, 'The answer for an idempotency key could not be stored')
    }
    return payload
  })

  const purge = setInterval(() => {
    deleteExpiredKeys(sql).catch((error: unknown) => { app.log.warn({ err: error }, 'Expired idempotency keys could not be deleted') })
  }, PURGE_INTERVAL).unref()
  app.addHook('onClose', async () => { clearInterval(purge) })
}, { name: 'idempotency', fastify: '5.x' })

/** Whose keys these are: the organization's, or those of the person where there is none. */
function scopeOf ({ organizationId, actor }: FastifyRequest): string {
  return organizationId === '' ? String(actor.id) : organizationId
}

async function sealed (keyring: Keyring, request: FastifyRequest, key: string, body: string): Promise<string> {
  const { keyId, dataKey, secret } = await seal(keyring, Buffer.from(body), [scopeOf(request), 'idempotency', key])
  return JSON.stringify([keyId, dataKey.toString('base64'), secret.toString('base64')])
}

async function opened (keyring: Keyring, request: FastifyRequest, key: string, body: string): Promise<string> {
  const [keyId, dataKey, secret] = JSON.parse(body) as [string, string, string]
  const box: SealedSecret = { keyId, dataKey: Buffer.from(dataKey, 'base64'), secret: Buffer.from(secret, 'base64') }
  try {
    return (await open(keyring, box, [scopeOf(request), 'idempotency', key])).toString()
  } catch (error) {
    if (!(error instanceof SecretBoxError)) throw error
    if (error.fault === 'away') throw Unavailable('service that has the encryption key', error)
    throw Conflict('This request was carried out. Its answer holds a secret, and the key that it was sealed with is not configured any more; make another one.')
  }
}

/** Tells two requests apart; the actor belongs to it, since an answer may hold what another one must not see. */
function fingerprint (request: FastifyRequest): Buffer {
  const { method, url, organizationId, actor, body } = request
  return createHash('sha256')
    .update(JSON.stringify([method, url, organizationId, actor.type, actor.id]))
    .update(JSON.stringify(body) ?? '')
    .digest()
}

/** Answers that another attempt may well not get. */
function isTransient (status: number): boolean {
  return status >= 500 || status === 401 || status === 403 || status === 408 || status === 429
}

function textOf (payload: unknown): string | undefined {
  if (payload === null || payload === undefined) return ''
  if (typeof payload === 'string') return payload
  return Buffer.isBuffer(payload) ? payload.toString() : undefined
}

function keptHeaders (reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(KEPT_HEADERS.flatMap(name => {
    const value = reply.getHeader(name)
    return value === undefined ? [] : [[name, String(value)]]
  }))
}

/** For the OpenAPI document; the key itself is checked above, where the message can say what is wrong. */
function documentHeader (route: RouteOptions): void {
  if (route.config?.idempotent === undefined || route.config.idempotent === false) return
  const headers = (route.schema?.headers ?? { type: 'object', properties: {} }) as { properties?: Record<string, unknown> }
  route.schema = {
    ...route.schema,
    headers: {
      ...headers,
      properties: {
        ...headers.properties,
        [HEADER]: { type: 'string', description: 'The same key with the same request gets the answer of the first one, for 24 h', examples: ['3f6d2c1e-order-1042'] }
      }
    }
  }
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route creates or starts something and honours Idempotency-Key. `sealed`: its answer holds a secret. */
    idempotent?: boolean | 'sealed'
  }
  interface FastifyRequest {
    idempotencyClaim: { readonly key: string, readonly token: string } | null
  }
}
