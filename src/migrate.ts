import { ConfigError, loadConfig } from './config.ts'
import { createLog } from './log.ts'
import { openDatabase } from './runtime/open-database.ts'

/** `npm run db:migrate`: brings the configured database, or the embedded one, to the newest schema. Every start does so too. */
try {
  const config = loadConfig(process.env, 'all')
  const { database, embedded } = await openDatabase(config, createLog(config.logLevel))
  await database.close()
  await embedded?.close()
  process.stdout.write(`The ${embedded === undefined ? 'PostgreSQL' : 'embedded'} database has the newest schema\n`)
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`)
  process.exitCode = 1
}
