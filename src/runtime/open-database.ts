import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createDatabase, type Database, type DatabaseAddress } from '../db/client.ts'
import { isConnectionFailure } from '../db/failure.ts'
import { startEmbedded, type EmbeddedDatabase } from '../db/embedded/index.ts'
import { migrate } from '../db/migrate.ts'

export interface OpenDatabase {
  readonly database: Database
  readonly embedded: EmbeddedDatabase | undefined
}

/** How long a start waits for a database that is not up yet: services of one machine start in any order. */
const START_PATIENCE = 60_000
const PAUSE = 500

/** Opens the configured database, or the embedded one, and brings it to the newest schema. */
export async function openDatabase (config: Config, log: Logger): Promise<OpenDatabase> {
  const embedded = config.database === null ? await openEmbedded(config.dataDir, log) : undefined
  const database = createDatabase({
    address: config.database ?? embeddedAddress(embedded!),
    embedded: embedded !== undefined,
    poolSize: config.databasePool,
    onNotice: message => { log.debug({ notice: message }, 'The database says') }
  })
  try {
    await migrateWithPatience(database, log)
  } catch (error) {
    await database.close()
    await embedded?.close()
    throw error
  }
  return { database, embedded }
}

async function openEmbedded (dataDir: string, log: Logger): Promise<EmbeddedDatabase> {
  return await startEmbedded({ dataDir, log: (level, message, data) => { log[level](data ?? {}, message) } })
}

function embeddedAddress ({ connection: { user, ...rest } }: EmbeddedDatabase): DatabaseAddress {
  return { ...rest, username: user }
}

async function migrateWithPatience (database: Database, log: Logger): Promise<void> {
  const limit = Date.now() + START_PATIENCE
  for (let told = false; ; told = true) {
    const owner = database.owner()
    try {
      return await migrate(owner)
    } catch (error) {
      if (!isConnectionFailure(error) || Date.now() > limit) throw error
      if (!told) log.warn({ err: error }, `The database does not answer yet; waiting for it up to ${START_PATIENCE / 1000} s`)
      await new Promise(resolve => setTimeout(resolve, PAUSE))
    } finally {
      await owner.end({ timeout: 1 })
    }
  }
}
