import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { appDependencies } from '../../src/runtime/app-dependencies.ts'
import { openDatabase } from '../../src/runtime/open-database.ts'
import { createRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { register } from './app.ts'
import type { Teardown } from './database.ts'
import { serverDatabase } from './server-database.ts'

type Method = NonNullable<InjectOptions['method']>

export interface HookRequest {
  readonly method?: Method
  readonly headers?: Record<string, string>
  readonly address?: string
}

export interface Organization {
  readonly organizationId: string
  readonly slug: string
  /** Below /v1 */
  call (method: Method, url: string, payload?: object, headers?: Record<string, string>): Promise<LightMyRequestResponse>
  /** Saves a workflow that begins with a webhook node of these parameters, and publishes it. */
  publish (parameters: object, more?: { nodes?: object[], connections?: object[] }): Promise<{ id: string, answer: LightMyRequestResponse }>
  hook (path: string, body?: string | Buffer | object, request?: HookRequest): Promise<LightMyRequestResponse>
  secret (...secrets: string[]): Promise<string>
  /** Accepted so far. */
  count (workflowId: string): Promise<number>
}

export interface HookSite {
  readonly app: FastifyInstance
  readonly runtime: Runtime
  join (): Promise<Organization>
}

/** The whole service in this process: on the servers that the test variables name, else embedded. */
export async function hookSite (t: Teardown, more: Record<string, string> = {}): Promise<HookSite> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
  const { env, drop } = await servers()
  const config = loadConfig({ WECONNECT_DATA_DIR: dataDir, ...env, ...more }, 'all')
  const log = createLog((process.env['TEST_LOG'] ?? 'silent') as 'silent')
  const runtime = await createRuntime(config, log, await openDatabase(config, log))
  const app = await buildApp(appDependencies(runtime))
  t.teardown(async () => {
    await app.close()
    await runtime.close(1000)
    await drop()
    await rm(dataDir, { recursive: true, force: true })
  })
  await app.ready()
  return { app, runtime, join: async () => await enter(app, runtime) }
}

async function servers (): Promise<{ env: Record<string, string>, drop: () => Promise<void> }> {
  const server = process.env['TEST_DATABASE_URL']
  if (server === undefined) return { env: {}, drop: async () => {} }
  const { name, url, drop } = await serverDatabase(server)
  const redis = process.env['TEST_REDIS_URL']
  return {
    env: {
      DATABASE_URL: url,
      ...(redis === undefined ? {} : { REDIS_URL: redis, QUEUE_PREFIX: name }),
      JWT_SECRET: randomBytes(48).toString('base64'),
      WECONNECT_ENCRYPTION_KEY: randomBytes(32).toString('base64')
    },
    drop
  }
}

async function enter (app: FastifyInstance, runtime: Runtime): Promise<Organization> {
  const { headers: credentials, organizationId } = await register(app)
  const call: Organization['call'] = async (method, url, payload, headers = {}) =>
    await app.inject({ method, url: `/v1${url}`, headers: { ...credentials, ...headers }, ...(payload === undefined ? {} : { payload }) })
  const { slug } = (await call('GET', `/organizations/${organizationId}`)).json<{ slug: string }>()
  return {
    organizationId,
    slug,
    call,
    async publish (parameters, { nodes = [], connections = [] } = {}) {
      const saved = await call('POST', '/workflows', { name: 'Hook', nodes: [{ id: 'in', type: 'webhook', parameters }, ...nodes], connections })
      if (saved.statusCode !== 201) return { id: '', answer: saved }
      const { id } = saved.json<{ id: string }>()
      return { id, answer: await call('POST', `/workflows/${id}/publish`, {}) }
    },
    async hook (path, body, { method = 'POST', headers = {}, address } = {}) {
      const isPlain = typeof body === 'string' || Buffer.isBuffer(body)
      return await app.inject({
        method,
        url: `/hooks/${slug}/${path}`,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { payload: isPlain ? body : JSON.stringify(body) }),
        ...(address === undefined ? {} : { remoteAddress: address })
      })
    },
    async secret (...secrets) {
      const answer = await call('POST', '/credentials', { name: 'Secret', type: 'webhookSecret', data: { secrets } })
      return answer.json<{ id: string }>().id
    },
    async count (workflowId) {
      const [row] = await runtime.database.service<Array<{ count: number }>>`select count(*)::integer as count from executions where workflow_id = ${workflowId}`
      return row!.count
    }
  }
}
