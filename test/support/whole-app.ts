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
import type { Teardown } from './database.ts'
import { serverDatabase } from './server-database.ts'

export interface WholeApp {
  readonly app: FastifyInstance
  readonly runtime: Runtime
}

export type WholeCall = (method: NonNullable<InjectOptions['method']>, url: string, payload?: object, headers?: Record<string, string>) => Promise<LightMyRequestResponse>

/** API and worker in this process, on a database of their own: on the servers of TEST_DATABASE_URL and TEST_REDIS_URL where those are set, else embedded. */
export async function wholeApp (t: Teardown): Promise<WholeApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
  t.teardown(async () => { await rm(dataDir, { recursive: true, force: true }) })
  const config = loadConfig({ WECONNECT_DATA_DIR: dataDir, ...await servers(t) }, 'all')
  const log = createLog((process.env['TEST_LOG'] ?? 'silent') as 'silent')
  const runtime = await createRuntime(config, log, await openDatabase(config, log))
  const app = await buildApp(appDependencies(runtime))
  t.teardown(async () => {
    await app.close()
    await runtime.close(1000)
  })
  await app.ready()
  return { app, runtime }
}

async function servers (t: Teardown): Promise<Record<string, string>> {
  const { TEST_DATABASE_URL: server, TEST_REDIS_URL: redis } = process.env
  if (server === undefined) return {}
  const { name, url, drop } = await serverDatabase(server)
  t.teardown(drop)
  return {
    DATABASE_URL: url,
    JWT_SECRET: randomBytes(48).toString('base64'),
    WECONNECT_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ...(redis === undefined ? {} : { REDIS_URL: redis, QUEUE_PREFIX: name })
  }
}
