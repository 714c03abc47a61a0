import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../app.ts'
import { loadConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { appDependencies } from '../runtime/app-dependencies.ts'
import { firstStart } from '../runtime/first-start.ts'
import { openDatabase } from '../runtime/open-database.ts'
import { createRuntime } from '../runtime/runtime.ts'

export interface DemoService {
  readonly url: string
  readonly apiKey: string
  readonly organizationSlug: string
  /** Stops it and removes its data. */
  close (): Promise<void>
}

const GRACE = 2000

/** WeConnect with its embedded database on a free port, in a directory that goes with it. */
export async function startService (): Promise<DemoService> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-demo-'))
  const closers: Array<() => Promise<unknown>> = [async () => { await rm(dataDir, { recursive: true, force: true }) }]
  async function close (): Promise<void> {
    for (const closer of closers.splice(0).reverse()) await closer()
  }

  try {
    const config = loadConfig({
      PORT: '0',
      WECONNECT_DATA_DIR: dataDir,
      // The server that the workflow notifies is on this machine, which workflows cannot reach otherwise.
      WECONNECT_EGRESS_ALLOW: '127.0.0.1/32',
      LOG_LEVEL: 'warn'
    }, 'all')
    const log = createLog(config.logLevel)
    const runtime = await createRuntime(config, log, await openDatabase(config, log))
    closers.push(async () => { await runtime.close(GRACE) })
    const app = await buildApp(appDependencies(runtime))
    closers.push(async () => { await app.close() })
    const owner = await firstStart(runtime)
    if (owner === undefined) throw new Error(`The new database in ${dataDir} has an owner already.`)
    return { url: await app.listen({ port: config.server.port, host: config.server.host }), ...owner, close }
  } catch (error) {
    await close()
    throw error
  }
}
