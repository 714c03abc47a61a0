import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseAddress, isFault } from '../../src/config/addresses.ts'
import { createDatabase, type Database, type DatabaseAddress } from '../../src/db/client.ts'
import { startEmbedded } from '../../src/db/embedded/index.ts'
import { migrate } from '../../src/db/migrate.ts'
import { ensurePartitions } from '../../src/db/partitions.ts'
import { serverDatabase } from './server-database.ts'

/** What a test must offer to close what it opened. */
export interface Teardown {
  teardown (close: () => void | Promise<void>): unknown
}

export interface TestDatabase extends Database {
  readonly address: DatabaseAddress
}

const POOL_SIZE = 4
/** As before a service accepts anything: a week of partitions costs a second of CPU, in each file. */
const DAYS_AHEAD = 1

/**
 * A migrated database of its own, gone after the test: on the server of TEST_DATABASE_URL where that is set, else embedded.
 * Call it once a file: an embedded start takes a second.
 */
export async function testDatabase (t: Teardown): Promise<TestDatabase> {
  const url = process.env['TEST_DATABASE_URL']
  const { address, embedded, drop } = url === undefined ? await embeddedServer() : await freshDatabase(url)
  const database = createDatabase({ address, embedded, poolSize: POOL_SIZE })
  t.teardown(async () => {
    await database.close()
    await drop()
  })
  const owner = database.owner()
  try {
    await migrate(owner)
    await ensurePartitions(owner, Date.now(), DAYS_AHEAD)
  } finally {
    await owner.end()
  }
  return { ...database, address }
}

interface Server {
  readonly address: DatabaseAddress
  readonly embedded: boolean
  drop (): Promise<void>
}

async function embeddedServer (): Promise<Server> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-'))
  const server = await startEmbedded({ dataDir, log: () => {} })
  const { user, ...connection } = server.connection
  return {
    address: { ...connection, username: user },
    embedded: true,
    async drop () {
      await server.close()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}

async function freshDatabase (serverUrl: string): Promise<Server> {
  const { url, drop } = await serverDatabase(serverUrl)
  const address = databaseAddress({ DATABASE_URL: url } as Parameters<typeof databaseAddress>[0])
  if (address === null || isFault(address)) throw new Error('TEST_DATABASE_URL is not the URL of a PostgreSQL server')
  return { address, embedded: false, drop }
}
