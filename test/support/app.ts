import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { DestinationStream } from 'pino'
import { Registry } from 'prom-client'
import { buildApp, type AppDependencies } from '../../src/app.ts'
import { createIdSource } from '../../src/lib/ids.ts'
import { createLocalBuckets } from '../../src/lib/token-bucket.ts'
import { createLog } from '../../src/log.ts'
import type { Identity, IdentityDependencies } from '../../src/services/identity/identity.ts'
import type { Letter, Mailer } from '../../src/services/identity/mailer.ts'
import { createQuotas } from '../../src/services/quotas/quotas.ts'
import { testIdentity, testKeyring } from './identity.ts'
import { testDatabase, type Teardown, type TestDatabase } from './database.ts'

export const TEST_JWT_SECRET = 'k8Zq3v7Yt1Xw5Rn9Lp2Mc6Jd0Hf4Gs8B'

export interface TestApp {
  readonly app: FastifyInstance
  readonly database: TestDatabase
  readonly identity: Identity
  /** Of everything in the application; move it to let time pass. */
  readonly time: { now: number }
  /** Lines of the log, as they were written. */
  readonly logged: string[]
  readonly nextId: () => string
  /** Mail that was sent without a mail server. */
  readonly letters: Letter[]
}

export interface Person {
  readonly email: string
  readonly password: string
  readonly userId: string
  readonly organizationId: string
  readonly accessToken: string
  readonly refreshToken: string
  readonly headers: { authorization: string }
}

/** The application on a database of its own. */
export async function testApp (t: Teardown, options: Partial<Pick<AppDependencies, 'secrets' | 'keyring' | 'readiness' | 'redis' | 'tenantRoutes' | 'publicRoutes'>> & { rateLimit?: number, corsOrigins?: readonly string[], database?: TestDatabase, mailer?: Mailer | null, sso?: Pick<IdentityDependencies, 'fetch' | 'returnOrigins'> } = {}): Promise<TestApp> {
  const { rateLimit = 0, corsOrigins = [], database = await testDatabase(t), mailer = null, sso, ...dependencies } = options
  const time = { now: Date.now() }
  const clock = () => time.now
  const nextId = createIdSource(clock)
  const logged: string[] = []
  const letters: Letter[] = []
  const destination: DestinationStream = { write: line => { logged.push(line) } }
  const log = createLog('info', destination)
  const identity = testIdentity(database, { clock, nextId, mailer, fallbackMailer: { async send (letter) { letters.push(letter) } }, ...sso })
  const app = await buildApp({
    config: {
      server: { port: 0, host: '127.0.0.1', publicUrl: null, trustProxy: false, maxBodySize: 16_777_216, maxBatchSize: 67_108_864, rateLimit, corsOrigins, securityContact: null, hookRateLimit: 0 },
      auth: { accessLifetime: 900_000, refreshLifetime: 30 * 86_400_000 }
    },
    secrets: { jwtSecret: TEST_JWT_SECRET, previousJwtSecrets: [] },
    keyring: testKeyring,
    log,
    database,
    clock,
    nextId,
    identity,
    redis: null,
    quotas: createQuotas({ sql: database.service, now: clock, log }),
    buckets: createLocalBuckets(),
    registry: new Registry(),
    readiness: { database: async () => await database.service`select 1` },
    ...dependencies
  })
  t.teardown(async () => { await app.close() })
  await app.ready()
  return { app, database, identity, time, logged, nextId, letters }
}

let people = 0

/** Registers somebody with an organization of their own. */
export async function register (app: FastifyInstance, { password = 'violet lantern 42 harbour', organizationName = 'Acme' } = {}): Promise<Person> {
  const email = `person${++people}@example.org`
  const response = await app.inject({ method: 'POST', url: '/v1/auth/register', payload: { email, password, name: 'Test Person', organizationName } })
  if (response.statusCode !== 201) throw new Error(`registering answered ${response.statusCode}: ${response.body}`)
  const { accessToken, refreshToken, user } = response.json<{ accessToken: string, refreshToken: string, user: { id: string, organizations: Array<{ id: string }> } }>()
  return {
    email, password, userId: user.id, organizationId: user.organizations[0]!.id, accessToken, refreshToken, headers: { authorization: `Bearer ${accessToken}` }
  }
}

/** A body given as text or bytes, sent as it is. */
export async function send (app: FastifyInstance, url: string, payload: string | Buffer, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
  const options: InjectOptions = { method: 'POST', url, payload, headers: { 'content-type': 'application/json', ...headers } }
  return await app.inject(options)
}
