import type { Logger } from 'pino'
import type { Sql } from '../../db/client.ts'
import { dropFiles, findDueFiles, keepFiles, type DueFile } from '../../db/queries/files.ts'
import type { FileStorage } from '../../storage/port.ts'

export interface FileReaper {
  /** Removes what belongs to no execution any more, all of it. Concurrent calls share one run. */
  reap (): Promise<void>
  /** The same, soon, for a caller who does not wait; what it misses is removed within the hour. */
  nudge (): void
  close (): Promise<void>
}

const PAGE = 200
const AT_ONCE = 8

/**
 * Bytes go before their row: a crash between the two leaves a row, by which the next one finds them again.
 * Several processes may do it at once.
 */
export function createFileReaper ({ sql, storage, log }: { sql: Sql, storage: FileStorage, log: Logger }): FileReaper {
  let running: Promise<void> | undefined
  let wanted = false
  const closing = new AbortController()

  async function reap (): Promise<void> {
    wanted = true
    running ??= run().finally(() => { running = undefined })
    await running
  }

  async function run (): Promise<void> {
    while (wanted && !closing.signal.aborted) {
      wanted = false
      for (let due = await findDueFiles(sql, PAGE); due.length > 0 && !closing.signal.aborted; due = await findDueFiles(sql, PAGE)) await settle(due)
    }
  }

  async function settle (due: readonly DueFile[]): Promise<void> {
    const kept = due.filter(file => file.wanted)
    const gone = due.filter(file => !file.wanted)
    if (kept.length > 0) await keepFiles(sql, kept)
    const waiting = gone.filter(file => !file.shared)
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) await storage.remove({ organizationId: file.organizationId, fileId: file.id })
    }))
    if (gone.length > 0) await dropFiles(sql, gone)
  }

  return {
    reap,
    nudge () {
      reap().catch((error: unknown) => { log.warn({ err: error }, 'Files of deleted executions could not be removed; it is tried again within the hour') })
    },
    async close () {
      closing.abort()
      await running?.catch(() => undefined)
    }
  }
}
