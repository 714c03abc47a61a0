import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort, until } from './service-process.ts'

/** A PostgreSQL server of one's own, to stop and start. */
export interface PostgresServer {
  readonly url: string
  /** As `pg_ctl stop -m fast`: every connection is cut. */
  stop (): Promise<void>
  start (): Promise<void>
}

const VERSIONS = '/usr/lib/postgresql'

export async function startPostgres (t: { teardown (close: () => unknown): unknown }): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'weconnect-postgres-'))
  const user = systemUser()
  if (user !== undefined) await chown(directory, user.uid, user.gid)
  const data = join(directory, 'data')
  execFileSync(binary('initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8'], { ...user, cwd: directory, stdio: 'ignore' })
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let server: ChildProcess | undefined

  async function start (): Promise<void> {
    const args = ['-D', data, '-p', String(port), '-k', '', '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=60', '-c', 'shared_buffers=16MB']
    server = spawn(binary('postgres'), args, { ...user, cwd: directory, stdio: 'ignore' })
    await until('PostgreSQL answers', async () => await answers(url))
  }

  async function end (signal: NodeJS.Signals): Promise<void> {
    if (server === undefined) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
    server = undefined
  }

  t.teardown(async () => {
    // Immediate shutdown: with SIGKILL its children would stay.
    await end('SIGQUIT')
    await rm(directory, { recursive: true, force: true })
  })
  await start()
  return { url, start, stop: async () => { await end('SIGINT') } }
}

async function answers (url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 2 })
  try {
    await sql`select 1`
    return true
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** PostgreSQL refuses to run as root. */
function systemUser (): { uid: number, gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const number = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: number('-u'), gid: number('-g') }
}

/** Distributions keep the server's programs off the PATH. */
function binary (name: string): string {
  const folders = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a)) : []
  return folders.map(folder => join(VERSIONS, folder, 'bin', name)).find(path => existsSync(path)) ?? name
}
