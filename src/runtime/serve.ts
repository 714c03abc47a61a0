import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { buildApp } from '../app.ts'
import type { Config, Mode } from '../config.ts'
import type { NodePackage } from '../engine/nodes/external/read-package.ts'
import type { NodeType } from '../engine/nodes/node-type.ts'
import { appDependencies } from './app-dependencies.ts'
import { firstStart } from './first-start.ts'
import type { OpenDatabase } from './open-database.ts'
import { createRuntime, type Runtime } from './runtime.ts'
import { welcomeText } from './welcome.ts'
import { buildWorkerApp } from './worker-app.ts'

export interface Service {
  readonly mode: Mode
  readonly config: Config
  readonly log: Logger
  readonly opened: OpenDatabase
  readonly nodes: readonly NodeType[] | undefined
  readonly packages: readonly NodePackage[]
}

/** What runs gets this long to end after a signal; then it is given back for others to resume. */
const GRACE = 10_000
/** Beyond the grace, for closing connections. */
const CLOSE_LIMIT = 15_000

/** Does the work of this process until a signal ends it. */
export async function serve ({ mode, config, log, opened, nodes, packages }: Service): Promise<void> {
  const runtime = await createRuntime(config, log, opened, nodes, packages)
  runtime.onFailure(error => {
    log.fatal({ err: error }, 'The embedded database failed; this process ends. What was accepted is on disk: start it again.')
    process.exit(1)
  })
  const app = mode === 'worker' ? await buildWorkerApp(runtime) : await buildApp(appDependencies(runtime))
  const starting = begin(runtime, app)
  closeWithGrace({ delay: GRACE + CLOSE_LIMIT, logger: false }, async ({ err, signal }) => {
    if (err !== undefined) log.fatal({ err }, 'A fault that nothing caught; this process ends')
    else log.info({ signal }, 'Closing: what runs may finish, the rest is given back')
    // A first start that is cut in its middle would leave an owner whose password nobody has seen.
    await starting.catch(() => {})
    await app.close()
    await runtime.close(GRACE)
    log.info('Closed')
  })
  await starting
}

/** The first start, if this is one, and the way in for clients. */
async function begin (runtime: Runtime, app: FastifyInstance): Promise<void> {
  const { config, log } = runtime
  const { mode } = config
  const facts = { mode, database: runtime.database.embedded ? 'embedded' : 'postgresql', queue: config.redis === null ? 'in process' : 'redis' }
  const owner = mode === 'worker' ? undefined : await firstStart(runtime)
  const port = mode === 'worker' ? config.worker.port : config.server.port
  let address: string | undefined
  try {
    if (mode !== 'worker' || port !== 0) address = await app.listen({ port, host: config.server.host })
    log.info({ ...facts, address }, 'WeConnect is ready')
  } finally {
    // Where it cannot listen, too: the owner is there now, and no later start shows it.
    if (owner !== undefined) process.stdout.write(welcomeText(owner, address === undefined ? undefined : config.server.publicUrl ?? address))
  }
}
