import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedConnection, type EmbeddedOptions, startEmbedded } from './index.ts'
import { packSeed, seedFile } from './seed.ts'

export interface BuildSeedOptions {
  /** By default where a first start of this program looks for it. */
  outFile?: string
  /** Brings the empty database to where a first start shall begin; it ends its own connections. */
  apply: (connection: EmbeddedConnection) => Promise<void>
  log: EmbeddedOptions['log']
}

/** Makes the archive that spares the first start initdb and the migrations; returns its path. */
export async function buildSeed ({ outFile, apply, log }: BuildSeedOptions): Promise<string> {
  const file = outFile ?? await seedFile()
  const dataDir = await mkdtemp(join(tmpdir(), 'weconnect-seed-'))
  try {
    const database = await startEmbedded({ dataDir, log, seed: null })
    try {
      await apply(database.connection)
    } finally {
      await database.close()
    }
    await packSeed(join(dataDir, 'pgdata'), file)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
  return file
}
