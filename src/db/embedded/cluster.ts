import { PGlite } from '@electric-sql/pglite'
import { mkdir, rename, rm } from 'node:fs/promises'

/**
 * 32 MB of buffers instead of PGlite's 128: the process stays about 140 MB smaller and the operating system caches the
 * files anyway. The server's log is of interest when the server dies; SQL errors go to the connection that made them.
 */
const SETTINGS = {
  shared_buffers: '32MB',
  wal_buffers: '4MB',
  // Else each new segment is written twice, 16 MB of zeros first, while everybody waits.
  wal_init_zero: 'off',
  min_wal_size: '64MB',
  max_wal_size: '256MB',
  log_min_messages: 'fatal'
}

export async function openCluster (directory: string, onLog: (line: string) => void): Promise<PGlite> {
  return await PGlite.create({
    dataDir: directory,
    startParams: [...PGlite.defaultStartParams, ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    onStderr: (line: string) => {
      onLog(line)
      return false
    }
  })
}

/**
 * initdb. The directory gets its name when it is complete, so that a process that dies here leaves nothing half-made.
 *
 * Without the template databases: nobody can connect to them here to vacuum them, so their age would end in a refusal of
 * all writes after two thousand million transactions; and they are two thirds of the files.
 */
export async function createCluster (directory: string, onLog: (line: string) => void): Promise<void> {
  const draft = `${directory}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { recursive: true, mode: 0o700 })
  const db = await openCluster(draft, onLog)
  await db.exec('update pg_database set datistemplate = false')
  for (const name of ['template0', 'template1']) await db.exec(`drop database if exists ${name}`)
  await db.exec('vacuum (freeze, analyze)')
  await db.exec('checkpoint')
  await db.close()
  await rename(draft, directory)
}
