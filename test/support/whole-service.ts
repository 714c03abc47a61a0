import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InjectOptions } from 'fastify'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { appDependencies } from '../../src/runtime/app-dependencies.ts'
import { createRuntime } from '../../src/runtime/runtime.ts'
import { register } from './app.ts'
import { testDatabase, type Teardown } from './database.ts'
import { until } from './service-process.ts'

/** All of the service in this process, API and worker, listening on a port: on the server of TEST_DATABASE_URL, or embedded. */
export async function wholeService (t: Teardown, environment: Record<string, string> = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
  const database = await testDatabase(t)
  const config = loadConfig({ WECONNECT_DATA_DIR: dataDir, LOG_LEVEL: process.env['TEST_LOG'] ?? 'silent', WECONNECT_EGRESS_ALLOW: '127.0.0.0/8', ...environment }, 'all')
  const runtime = await createRuntime(config, createLog(config.logLevel), { database, embedded: undefined })
  const app = await buildApp(appDependencies(runtime))
  t.teardown(async () => {
    await app.close()
    await runtime.close(1000)
    await rm(dataDir, { recursive: true, force: true })
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return { app, runtime, sql: database.service, address, enter: async () => await enter(app, address) }
}

/** Somebody new, with an organization of their own. */
async function enter (app: Awaited<ReturnType<typeof buildApp>>, address: string) {
  const { headers, organizationId } = await register(app)
  const call = async (method: NonNullable<InjectOptions['method']>, url: string, payload?: object, more: Record<string, string> = {}) =>
    await app.inject({ method, url: `/v1${url}`, headers: { ...headers, ...more }, ...(payload === undefined ? {} : { payload }) })
  const slug: string = (await call('GET', `/organizations/${organizationId}`)).json().slug
  return {
    call,
    organizationId,
    hooks: `${address}/hooks/${slug}`,
    async publish (nodes: object[], connections: object[] = [], name = 'Test'): Promise<string> {
      const created = await call('POST', '/workflows', { name, nodes, connections })
      if (created.statusCode !== 201) throw new Error(created.body)
      const { id } = created.json()
      const published = await call('POST', `/workflows/${id}/publish`, {})
      if (published.statusCode !== 200) throw new Error(published.body)
      return id
    },
    ended: async (id: string) => await until(`execution ${id} ends`, async () => {
      const execution = (await call('GET', `/executions/${id}`)).json()
      return execution.finishedAt !== null && execution
    })
  }
}
