import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Sql } from '../db/client.ts'
import { createFiles, type Files } from '../services/files/files.ts'
import { createLargeValues, type LargeValues } from '../services/files/large-values.ts'
import { createFileReaper, type FileReaper } from '../services/files/reaper.ts'
import { openStorage } from '../storage/index.ts'

export interface OpenFiles {
  readonly files: Files
  readonly values: LargeValues
  readonly reaper: FileReaper
  close (): Promise<void>
}

/** The file storage that is configured, and what stands on it. */
export async function openFiles ({ storage: address, largeValueSize }: Pick<Config, 'storage' | 'largeValueSize'>, parts: { sql: Sql, nextId: () => string, log: Logger }): Promise<OpenFiles> {
  const storage = await openStorage(address)
  const files = createFiles({ ...parts, storage })
  return {
    files,
    values: createLargeValues({ files, limit: largeValueSize, nextId: parts.nextId }),
    reaper: createFileReaper({ ...parts, storage }),
    close: async () => { await storage.close() }
  }
}
