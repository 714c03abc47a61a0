import type { Logger } from 'pino'
import { ConfigError, loadConfig, type Config, type Mode } from '../config.ts'
import type { NodePackage } from '../engine/nodes/external/read-package.ts'
import type { NodeType } from '../engine/nodes/node-type.ts'
import { createLog } from '../log.ts'
import { tuneGarbageCollection } from './garbage-collection.ts'
import { openDatabase } from './open-database.ts'
import { startFailure } from './start-failure.ts'

/** The exit code for what the operator must set right (EX_CONFIG of sysexits). */
const CONFIGURATION = 78

/** Runs this process until a signal ends it: builds, listens, closes in reverse. A second signal exits at once. */
export async function runProcess (mode: Mode, nodes?: readonly NodeType[]): Promise<void> {
  tuneGarbageCollection()
  const config = readConfig(mode)
  const log = createLog(config.logLevel)
  for (const warning of config.warnings) log.warn(warning)
  const packages = await allowedPackages(config)
  // Both take most of a second, and the embedded database has a thread of its own: it opens while the rest is loaded.
  const opening = openDatabase(config, log).catch((error: unknown) => fail(config, log, error))
  const { serve } = await import('./serve.ts')
  await serve({ mode, config, log, opened: await opening, nodes, packages }).catch((error: unknown) => fail(config, log, error))
}

/** What loads them is loaded only where there are some. */
async function allowedPackages ({ nodePackages }: Config): Promise<NodePackage[]> {
  if (nodePackages.length === 0) return []
  const { loadNodePackages, NodePackagesError } = await import('./node-packages/load.ts')
  try {
    return await loadNodePackages(nodePackages)
  } catch (error) {
    if (!(error instanceof NodePackagesError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(CONFIGURATION)
  }
}

function readConfig (mode: Mode): Config {
  try {
    return loadConfig(process.env, mode)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(CONFIGURATION)
  }
}

function fail (config: Config, log: Logger, error: unknown): never {
  const explained = startFailure(error, config)
  if (explained !== undefined) process.stderr.write(`${explained}.\n`)
  else log.fatal({ err: error }, 'WeConnect could not start')
  process.exit(1)
}
